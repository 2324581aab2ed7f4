//! Going back: `GET /v1/objects/{class}/{name}/bookmark` and `POST .../restore`.

use axum::Json;
use axum::extract::{Query as UrlQuery, Request, State};
use hyper::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::admin::Role;
use crate::gateway::http::access::Caller;
use crate::gateway::http::body::{self, Field};
use crate::gateway::http::object_access::ObjectPath;
use crate::gateway::http::problem::Problem;
use crate::gateway::http::routes::{RoutesRef, reply_channel};
use crate::object::contract::CallError;
use crate::object::storage::Bookmark;
use crate::runtime::ports::RestoreError;

const FIELDS: [Field; 2] = [
    Field { name: "bookmark", expected: "16 lower-case hex digits", fits: is_bookmark },
    Field { name: "at_unix_ms", expected: "a time in ms since 1970", fits: Value::is_u64 },
];

fn is_bookmark(value: &Value) -> bool {
    bookmark_of(value).is_some()
}

fn bookmark_of(value: &Value) -> Option<Bookmark> {
    value.as_str()?.parse().ok()
}

/// What follows the `?`.
#[derive(Debug, Default, Deserialize)]
pub(in crate::gateway::http) struct MomentQuery {
    at_unix_ms: Option<String>,
}

/// The moment that was the newest at a time; without a time, now.
pub(in crate::gateway::http) async fn bookmark(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    path: Result<ObjectPath, Problem>,
    url: Result<UrlQuery<MomentQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    Caller::with_role(&routes.hub.settings.access, &headers, Role::Admin)?;
    let object = path?.object;
    let expected = || Problem::field("at_unix_ms", "expected a time in ms since 1970");
    let at = url.map_err(|_| expected())?.0.at_unix_ms;
    let at = at.map(|at| at.parse().map_err(|_| expected())).transpose()?;
    let bookmark = moment(&routes, at).await?;
    Ok(Json(json!({ "class": object.class, "name": object.name, "bookmark": bookmark.to_string() })))
}

/// Takes an object back; answers what takes it forth again.
pub(in crate::gateway::http) async fn restore(
    State(routes): State<RoutesRef>,
    path: Result<ObjectPath, Problem>,
    mut request: Request,
) -> Result<Json<Value>, Problem> {
    let caller = Caller::with_body(&routes.hub.settings.access, &mut request, Role::Admin).await?;
    let object = match path {
        Ok(path) => path.object,
        Err(problem) => {
            body::discard(&mut request).await;
            return Err(problem);
        }
    };
    let asked = body::read(request, &FIELDS, routes.hub.settings.body_timeout).await?;
    let bookmark = match (
        asked.get("bookmark").and_then(bookmark_of),
        asked.get("at_unix_ms").and_then(Value::as_u64),
    ) {
        (Some(bookmark), None) => bookmark,
        (None, Some(at)) => moment(&routes, Some(at)).await?,
        _ => return Err(Problem::field("bookmark", "expected this or `at_unix_ms`")),
    };
    if bookmark > moment(&routes, None).await? {
        let ahead = RestoreError::Future { latest: moment(&routes, None).await? };
        return Err(Problem::of_object(ahead.into()));
    }
    caller.note("restore", &object.name);
    if routes.hub.is_draining() {
        return Err(Problem::draining());
    }
    let (reply, answer) = reply_channel();
    routes.hub.objects.restore(&object, bookmark, reply);
    let undo = routes.answer(answer).await.map_err(Problem::of_object)?;
    let (class, name, to) = (object.class, &object.name, bookmark.to_string());
    Ok(Json(json!({ "class": class, "name": name, "bookmark": to, "undo": undo["undo"] })))
}

/// Reads the disk, elsewhere.
async fn moment(routes: &RoutesRef, at_unix_ms: Option<u64>) -> Result<Bookmark, Problem> {
    let asked = routes.clone();
    let read = tokio::task::spawn_blocking(move || asked.api.stored.bookmark(at_unix_ms));
    let read = read.await.map_err(|_| Problem::from(CallError::Reset))?;
    read.map_err(|error| Problem::of_object(error.into()))
}
