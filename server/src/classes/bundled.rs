//! The classes that come with the server, beside that of matches.

use std::sync::Arc;

use super::chat::Chat;
use super::coordinator::Coordinator;
use super::counter::Counter;
use super::document::Document;
use super::leaderboard::Leaderboard;
use super::lock::Lock;
use super::presence::Presence;
use super::profile::Profile;
use super::rate_limiter::RateLimiter;
use super::session::SessionClass;
use super::single_flight::SingleFlight;
use super::wallet::Wallet;
use crate::object::contract::ClassRef;
use crate::object::simple::SimpleClass;
use crate::object::typed::TypedClass;

/// One of each, by name.
pub fn bundled() -> Vec<ClassRef> {
    vec![
        Arc::new(SimpleClass::<Chat>::default()),
        Arc::new(TypedClass::<Coordinator>::default()),
        Arc::new(TypedClass::<Counter>::default()),
        Arc::new(TypedClass::<Document>::default()),
        Arc::new(TypedClass::<Leaderboard>::default()),
        Arc::new(TypedClass::<Lock>::default()),
        Arc::new(SimpleClass::<Presence>::default()),
        Arc::new(SimpleClass::<Profile>::default()),
        Arc::new(TypedClass::<RateLimiter>::default()),
        Arc::new(SessionClass::default()),
        Arc::new(TypedClass::<SingleFlight>::default()),
        Arc::new(TypedClass::<Wallet>::default()),
    ]
}
