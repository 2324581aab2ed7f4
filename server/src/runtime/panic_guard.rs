//! A panic ends one handler and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a handler. A panic comes back as what it said; its unwinding has ended here.
pub fn guard<T>(handler: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(handler)).map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
    })
}

/// Drops what a panic may have left half-changed; a second panic in its drop is caught too.
pub fn discard<T>(broken: T) {
    if let Err(problem) = guard(move || drop(broken)) {
        tracing::error!(problem, "dropping what a panic left behind panicked as well");
    }
}
