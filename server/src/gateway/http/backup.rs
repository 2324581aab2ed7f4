//! A backup of what is stored, made beside everything that goes on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::access::Caller;
use super::problem::Problem;
use super::routes::RoutesRef;
use crate::access::admin::Role;

/// Writes a backup into the data directory and says where. Blocks.
pub type Backup = Arc<dyn Fn() -> Result<Value, String> + Send + Sync>;

/// Makes a backup: `backups/` in the data directory, under a name of the server's choice.
pub(super) async fn make(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    Caller::with_role(&routes.hub.settings.access, &headers, Role::Admin)?;
    let busy = |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "backup_busy", "A backup is being made.");
    let permit = Arc::clone(&routes.backups).try_acquire_owned().map_err(busy)?;
    let backup = Arc::clone(&routes.api.backup);
    let made = tokio::task::spawn_blocking(move || {
        let made = backup();
        drop(permit);
        made
    });
    let failed = |detail: &str| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "backup_failed", detail);
    let made = made.await.map_err(|_| failed("The backup was not finished."))?;
    made.map(Json).map_err(|problem| {
        tracing::error!(problem, "a backup failed");
        failed("The backup was not finished; the server's log says why.")
    })
}
