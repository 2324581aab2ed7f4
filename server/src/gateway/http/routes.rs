//! Every route, and what its handler needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, get, post};
use hyper::StatusCode;
use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;
use tickstone_shared::sim::assets::Assets;
use tokio::sync::oneshot::Receiver;
use tokio::sync::{Semaphore, oneshot};

use super::backup::{self, Backup};
use super::inspection::Stored;
use super::objects::{moments, snapshot};
use super::problem::Problem;
use super::{create, health, matches, object_calls, objects, seats, tokens, web};
use crate::access::scope::ClassAccess;
use crate::gateway::hub::Hub;
use crate::gateway::upgrade;
use crate::metrics::MetricsRef;
use crate::object::caller::{Caller, Waiting};
use crate::object::class::ClassRules;
use crate::object::contract::{CallError, Class};
use crate::object::id::Identity;
use crate::object::peer::SocketRules;
use crate::runtime::handle::ReplyTo;

/// Audits that may run at once; each replays a match's journal.
const AUDITS_MAX: usize = 2;

/// Replays what is stored of an object and says whether it gives the same state. Blocks.
pub type Audit = Arc<dyn Fn(Identity) -> Result<Value, CallError> + Send + Sync>;

/// Whether the server should get traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It should.
    Ready,
    /// It is still starting.
    Starting,
    /// The store refuses writes.
    StorageFailing,
}

/// Asked at each `/readyz`.
pub type ReadinessRef = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// A class as the gateway knows it.
#[derive(Debug, Clone)]
pub struct ClassEntry {
    /// The class's name.
    pub name: &'static str,
    /// The version of its code.
    pub version: u32,
    /// Whom it lets do what.
    pub access: ClassAccess,
    /// How its sockets are spoken on.
    pub sockets: Arc<SocketRules>,
    /// Everybody may see what its objects publish.
    pub listed: bool,
    /// The class of the objects over which its sockets are spread.
    pub parts: Option<&'static str>,
}

impl ClassEntry {
    /// What a class says of itself.
    pub fn of(class: &dyn Class) -> Self {
        let ClassRules { version, access, sockets, listed, parts, .. } = class.rules();
        Self { name: class.name(), version, access, sockets: Arc::new(sockets), listed, parts }
    }
}

/// The classes, by name.
pub(in crate::gateway) type Classes = BTreeMap<&'static str, ClassEntry>;

/// What the routes need beside the hub.
pub struct Api {
    /// Audits for `verify`.
    pub audit: Audit,
    /// For `/v1/backup`.
    pub backup: Backup,
    /// For `/readyz`.
    pub readiness: ReadinessRef,
    /// For `/metrics`.
    pub metrics: MetricsRef,
    /// What is stored, for operators.
    pub stored: Arc<dyn Stored>,
    /// The classes of objects.
    pub classes: Vec<ClassEntry>,
    /// For `/assets/`: the maps that the page draws.
    pub assets: Arc<Assets>,
}

impl Api {
    /// The classes, by name.
    pub(in crate::gateway) fn classes(&self) -> Classes {
        self.classes.iter().map(|entry| (entry.name, entry.clone())).collect()
    }
}

/// The state of every handler.
pub(in crate::gateway) struct Routes {
    /// Shared with the rest of the gateway.
    pub(in crate::gateway) hub: Arc<Hub>,
    pub(super) api: Api,
    pub(super) audits: Arc<Semaphore>,
    pub(super) backups: Arc<Semaphore>,
}

/// Handlers' state, shared.
pub(in crate::gateway) type RoutesRef = Arc<Routes>;

/// Every route.
pub(in crate::gateway) fn router(hub: Arc<Hub>, api: Api) -> Router {
    let (audits, backups) = (Arc::new(Semaphore::new(AUDITS_MAX)), Arc::new(Semaphore::new(1)));
    let routes = Arc::new(Routes { hub, api, audits, backups });
    web::pages(Router::new())
        .route("/v1/matches", post(create::create).get(matches::list))
        .route("/v1/matches/{id}", get(matches::inspect).delete(matches::end))
        .route("/v1/matches/{id}/kick", post(matches::kick))
        .route("/v1/matches/{id}/seats", post(seats::reserve))
        .route("/v1/matches/{id}/signal", post(seats::signal))
        .route("/v1/matches/{id}/verify", get(matches::verify))
        .route("/v1/matches/{id}/socket", get(upgrade::socket))
        .route("/v1/backup", post(backup::make))
        .route("/v1/objects", get(objects::list))
        .route("/v1/objects/{class}", post(objects::new_id))
        .route("/v1/objects/{class}/{name}", get(objects::inspect).delete(objects::delete))
        .route("/v1/objects/{class}/{name}/socket", get(upgrade::object_socket))
        .route("/v1/objects/{class}/{name}/snapshot", get(snapshot::snapshot))
        .route("/v1/objects/{class}/{name}/bookmark", get(moments::bookmark))
        .route("/v1/objects/{class}/{name}/restore", post(moments::restore))
        .route("/v1/objects/{class}/{name}/call/{method}", post(object_calls::call))
        .route("/v1/objects/{class}/{name}/http", any(object_calls::http))
        .route("/v1/objects/{class}/{name}/http/", any(object_calls::http))
        .route("/v1/objects/{class}/{name}/http/{*path}", any(object_calls::http))
        .route("/v1/tokens", post(tokens::mint))
        .route("/v1/classes", get(objects::classes))
        .route("/v1/classes/{class}/listing", get(objects::listing))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/web/{*path}", get(web::file))
        .route("/assets/", get(web::assets))
        .route("/assets/{*path}", get(web::asset))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .with_state(routes)
}

async fn no_route(_request: Request) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", "There is nothing at this path.")
}

async fn no_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The header Allow lists the methods.")
}

impl Routes {
    /// Asks an object to change. Refused at once while the store takes nothing: the answer would wait for it.
    pub(super) async fn change(
        &self,
        object: &Identity,
        method: &str,
        body: Value,
    ) -> Result<Value, Problem> {
        if (self.api.readiness)() == Readiness::StorageFailing {
            return Err(CallError::Storage.into());
        }
        self.call(object, method, body).await
    }

    /// Asks a match and waits for its answer.
    pub(super) async fn call(&self, object: &Identity, method: &str, body: Value) -> Result<Value, Problem> {
        self.try_call(object, method, body).await.map_err(Problem::from)
    }

    /// Asks an object on behalf of this server, and waits for its answer.
    pub(super) async fn try_call(&self, object: &Identity, method: &str, body: Value) -> CallResult {
        let (reply, answer) = reply_channel();
        self.hub.objects.call(object, method, body, reply);
        self.answer(answer).await
    }

    /// Where somebody who connects to an object is to have their socket: there, or in one of its parts.
    pub(in crate::gateway) async fn place(
        &self,
        object: Identity,
        class: ClassEntry,
        caller: Option<&Caller>,
    ) -> Result<(Identity, ClassEntry), Problem> {
        let parts = class.parts.and_then(|parts| self.hub.classes.get(parts));
        let (Some(parts), Some(user)) = (parts, caller.and_then(Caller::subject)) else {
            return Ok((object, class));
        };
        let placed = self.try_call(&object, "place", json!({ "user": user })).await;
        let placed = placed.map_err(Problem::of_object)?;
        match placed["part"].as_str().and_then(|name| ObjectName::parse(name).ok()) {
            Some(name) => Ok((Identity::named(parts.name, name), parts.clone())),
            None => Ok((object, class)),
        }
    }

    /// Asks an object that is no match on behalf of somebody, and waits for its answer.
    pub(super) async fn ask(
        &self,
        caller: Caller,
        object: &Identity,
        method: &str,
        body: Value,
    ) -> Result<Value, Problem> {
        // Dropped with this future: when the client has hung up.
        let waiting = Waiting::default();
        let (reply, answer) = reply_channel();
        self.hub.objects.call_while(waiting.awaited(), caller, object, method, body, reply);
        self.answer(answer).await.map_err(Problem::of_object)
    }

    /// The answer, unless it comes too late.
    pub(super) async fn answer(&self, answer: Receiver<CallResult>) -> CallResult {
        match tokio::time::timeout(self.hub.settings.call_timeout, answer).await {
            Err(_) => Err(CallError::TimedOut),
            Ok(Err(_)) => Err(CallError::Reset),
            Ok(Ok(result)) => result,
        }
    }
}

/// What an object answers.
pub(super) type CallResult = Result<Value, CallError>;

/// Where an answer goes, and where it comes out.
pub(super) fn reply_channel() -> (ReplyTo, Receiver<CallResult>) {
    let (reply, answer) = oneshot::channel();
    let reply = Box::new(move |result| {
        // Nobody waits any more: the answer came after the time-out.
        let _ = reply.send(result);
    });
    (reply, answer)
}
