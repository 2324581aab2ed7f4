//! Sockets of objects over loopback.
