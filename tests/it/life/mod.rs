//! A server's and a match's life as clients and operators see it, each test with a server of its own.

mod coming_back;
mod create;
mod ends;
mod observe;
mod play;
mod starts;
