//! The classes that come with the server, over real HTTP and real sockets, as the README has them.

mod chat;
mod counter;
mod leaderboard;
mod lock;
mod presence;
mod rate_limiter;
mod readme;
mod session;
mod wallet;
