//! WebSocket as RFC 6455 says it, by the Autobahn test suite. Frames that the production route refuses, with the
//! close code of each, are in the tests of `server/src/gateway/tests/frames.rs`.

mod autobahn;
mod echo;
