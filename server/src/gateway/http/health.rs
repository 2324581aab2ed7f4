//! Liveness, readiness and metrics.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::problem::Problem;
use super::{Readiness, RoutesRef};

/// What Prometheus asks for (OpenMetrics 1.0).
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Do the workers move?
pub(super) async fn healthz(State(routes): State<RoutesRef>) -> Result<Json<Value>, Problem> {
    if routes.hub.objects.is_alive() {
        return Ok(Json(json!({ "status": "alive" })));
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stalled", "A worker has not moved for a second."))
}

/// Should traffic come here?
pub(super) async fn readyz(State(routes): State<RoutesRef>) -> Result<Json<Value>, Problem> {
    if routes.hub.is_draining() {
        return Err(Problem::draining());
    }
    let unready = |code, detail: &str| Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail));
    match (routes.api.readiness)() {
        Readiness::Ready => Ok(Json(json!({ "status": "ready" }))),
        Readiness::Starting => unready("starting", "The server is starting."),
        Readiness::StorageFailing => unready("storage_failing", "The store refuses writes."),
    }
}

/// Every metric.
pub(super) async fn metrics(State(routes): State<RoutesRef>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS)], routes.api.metrics.text())
}
