//! The HTTP API, version 1 (interfaces: HTTP).
//!
//! Responsible for: routes, bodies, who may, errors as problems.
//! Not responsible for: what a match is; it answers the calls these routes make.

mod access;
mod body;
mod create;
mod health;
mod matches;
pub(super) mod problem;
mod query;
mod routes;
mod web;
mod web_files;

pub(super) use access::MatchPath;
pub use routes::{Api, Audit, ClassEntry, Readiness, ReadinessRef};
pub(super) use routes::{RoutesRef, router};
