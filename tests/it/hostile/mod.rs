//! Clients that mean harm, against the whole server: what they are answered, and what it costs the others.

mod messages;
mod vanishing;
