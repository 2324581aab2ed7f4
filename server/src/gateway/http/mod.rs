//! The HTTP API, version 1 (interfaces: HTTP).
//!
//! Responsible for: routes, bodies, who may, errors as problems.
//! Not responsible for: what a match is; it answers the calls these routes make.

mod access;
mod backup;
mod body;
mod create;
pub mod fuzzed;
mod health;
mod inspection;
mod matches;
mod object_access;
mod object_calls;
mod objects;
pub(super) mod problem;
mod query;
mod routes;
mod seats;
pub(super) mod strict_json;
mod tokens;
mod web;
mod web_files;

pub(super) use access::{MATCH_CLASS, MatchPath};
pub use backup::Backup;
pub use inspection::Stored;
pub(super) use object_access::{ObjectPath, bearer_of, caller_of};
pub use routes::{Api, Audit, ClassEntry, Readiness, ReadinessRef};
pub(super) use routes::{Classes, Routes, RoutesRef, router};
