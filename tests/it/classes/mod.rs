//! The classes that come with the server, over real HTTP and real sockets, as the README has them.

mod chat;
mod coordinator;
mod counter;
mod document;
mod leaderboard;
mod lock;
mod presence;
mod profile;
mod rate_limiter;
mod readme;
mod session;
mod single_flight;
mod wallet;
