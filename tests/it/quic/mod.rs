//! QUIC beside WebSocket: the same matches, messages and codes.

mod play;
