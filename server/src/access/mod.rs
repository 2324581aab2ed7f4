//! Who may do what: keys, tokens and rates, as pure types.
//!
//! Responsible for: join and user tokens and the keys that sign them, scopes, the keys of operators and backends with
//! their roles, how often a key may create. Not responsible for: headers, routes, seats.
//! Must never happen here: a secret in a `Debug` text or in an error; a comparison whose time tells of a secret.

pub mod admin;
pub mod doorkeeper;
pub mod join_token;
pub mod rate;
pub mod scope;
mod sealed;
pub mod signing;
pub mod user_token;

#[cfg(test)]
mod token_tests;
