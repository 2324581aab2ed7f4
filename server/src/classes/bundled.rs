//! The classes that come with the server, beside that of matches.

use std::sync::Arc;

use super::counter::CounterClass;
use super::rate_limiter::RateLimiterClass;
use super::wallet::WalletClass;
use crate::object::contract::ClassRef;

/// One of each, by name.
pub fn bundled() -> Vec<ClassRef> {
    vec![Arc::new(CounterClass), Arc::new(RateLimiterClass), Arc::new(WalletClass)]
}
