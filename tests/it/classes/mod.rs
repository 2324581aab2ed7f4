//! The classes that come with the server, over real HTTP and real sockets, as the README has them.

mod counter;
mod readme;
mod wallet;
