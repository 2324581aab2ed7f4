//! The gateway over real sockets on loopback, before objects that answer what they are told to.

mod client;
mod encrypted;
mod fake_classes;
mod fake_game;
mod frames;
mod harness;
mod http;
mod object_back;
mod object_client;
mod object_ends;
mod object_live;
mod object_routes;
mod object_sockets;
mod quic;
mod quic_hostile;
mod quic_limits;
mod requests;
mod sockets;
mod states;
mod strangers;
