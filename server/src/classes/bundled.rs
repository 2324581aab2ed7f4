//! The classes that come with the server, beside that of matches.

use std::sync::Arc;

use super::chat::Chat;
use super::counter::CounterClass;
use super::document::DocumentClass;
use super::lock::LockClass;
use super::presence::Presence;
use super::rate_limiter::RateLimiterClass;
use super::session::SessionClass;
use super::wallet::WalletClass;
use crate::object::contract::ClassRef;
use crate::object::simple::SimpleClass;

/// One of each, by name.
pub fn bundled() -> Vec<ClassRef> {
    vec![
        Arc::new(SimpleClass::<Chat>::default()),
        Arc::new(CounterClass),
        Arc::new(DocumentClass),
        Arc::new(LockClass),
        Arc::new(SimpleClass::<Presence>::default()),
        Arc::new(RateLimiterClass),
        Arc::new(SessionClass::default()),
        Arc::new(WalletClass),
    ]
}
