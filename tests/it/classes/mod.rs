//! The classes that come with the server, over real HTTP and real sockets, as the README has them.

mod counter;
mod rate_limiter;
mod readme;
mod wallet;
