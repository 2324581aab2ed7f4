//! QUIC beside WebSocket: the same matches, messages and codes; and TLS on both ports.

mod ends;
mod losses;
mod moving;
mod play;
mod tls;
