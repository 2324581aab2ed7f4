//! The routes of operators: the classes, and the objects that are there.

use axum::Json;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::response::Response;
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tickstone_shared::ids::ObjectName;

use super::access::{Caller, MATCH_CLASS};
use super::inspection::{Looked, region_of};
use super::object_access::{NamedPath, ObjectPath};
use super::problem::Problem;
use super::routes::{ClassEntry, RoutesRef, reply_channel};
use crate::access::admin::Role;
use crate::access::scope::Verb;
use crate::object::contract::CallError;
use crate::object::effects::Listing;
use crate::object::id::{Identity, ObjectId};
use crate::object::peer::Framing;
use crate::object::storage::{ReadError, Record};
use crate::runtime::handle::ObjectsRef;
use crate::runtime::ports::ObjectQuery;

pub(super) mod moments;
pub(super) mod snapshot;

/// Entries of a page unless asked otherwise.
const LIMIT_DEFAULT: usize = 100;
/// Entries of a page at most.
const LIMIT_MAX: usize = 1000;
/// Objects that are looked at for one page at most: one by state may be short, and says where to go on.
const LOOKED_AT_MAX: usize = 10_000;

/// The classes of objects.
pub(super) async fn classes(State(routes): State<RoutesRef>) -> Json<Value> {
    let classes: Vec<Value> = routes.hub.classes.values().map(shown).collect();
    Json(json!({ "classes": classes }))
}

fn shown(class: &ClassEntry) -> Value {
    let verb = |verb: Verb| (verb.name().to_owned(), class.access.of(verb).name().into());
    let access: serde_json::Map<_, _> = Verb::ALL.into_iter().map(verb).collect();
    let framing = match class.sockets.framing {
        Framing::Framed => "framed",
        Framing::Raw => "raw",
    };
    json!({
        "name": class.name,
        "version": class.version,
        "access": access,
        "sockets": { "framing": framing, "message_bytes_max": class.sockets.message_bytes_max },
    })
}

/// What the objects of a class publish of themselves, without an event to any of them. The room of a private match
/// has the match's id, and is not shown.
pub(super) async fn listing(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    class: Path<String>,
    url: Result<UrlQuery<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let class = routes.hub.classes.get(class.as_str()).filter(|class| class.name != MATCH_CLASS);
    let class = class.ok_or_else(Problem::no_such_class)?;
    let keeping = snapshot::keeping(&routes, class, &headers)?;
    let url = url.map_err(|_| Problem::field("query", "expected percent-encoded text"))?.0;
    let wanted = Wanted::read(&ListQuery { after: None, ..url.clone() })?;
    let limit = wanted.query.limit;
    let after = url.after.as_deref().map(ObjectName::parse).transpose();
    let after = after.map_err(|_| Problem::field("after", "expected `next` of a page"))?;
    let (objects, name) = (routes.hub.objects.clone(), class.name);
    let found = tokio::task::spawn_blocking(move || {
        let keeps = |listing: &Listing| {
            let its = listing.entry["name"].as_str().and_then(|its| ObjectName::parse(its).ok());
            its.is_some_and(|its| {
                its.as_str().starts_with(&wanted.query.prefix)
                    && wanted.is_region(&its)
                    && !is_private_match(&objects, its)
            })
        };
        objects.listings(name, after.as_ref(), limit, &keeps)
    });
    let found = found.await.map_err(|_| Problem::from(CallError::Reset))?;
    let entries: Vec<Value> = found.into_iter().map(|listing| listing.entry).collect();
    let next =
        entries.last().filter(|_| entries.len() == limit).map_or(Value::Null, |last| last["name"].clone());
    let page = json!({ "objects": entries, "next": next }).to_string();
    Ok(snapshot::tagged(&page.as_str().into(), keeping, &headers))
}

fn is_private_match(objects: &ObjectsRef, name: ObjectName) -> bool {
    let listing = objects.listing(&Identity::named(MATCH_CLASS, name));
    listing.is_some_and(|listing| listing.entry["private"] == Value::Bool(true))
}

/// What follows the `?` of a listing.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ListQuery {
    class: Option<String>,
    prefix: Option<String>,
    region: Option<String>,
    state: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

/// Whether an object is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    Awake,
    Hibernated,
}

impl Memory {
    const fn name(self) -> &'static str {
        match self {
            Self::Awake => "awake",
            Self::Hibernated => "hibernated",
        }
    }
}

/// A page of the objects of which something is stored.
pub(super) async fn list(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    url: Result<UrlQuery<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    Caller::with_role(&routes.hub.settings.access, &headers, Role::Admin)?;
    let url = url.map_err(|_| Problem::field("query", "expected percent-encoded text"))?.0;
    let wanted = Wanted::read(&url)?;
    let page = tokio::task::spawn_blocking(move || page(&routes, &wanted)).await;
    Ok(Json(page.map_err(|_| Problem::from(CallError::Reset))?.map_err(CallError::from)?))
}

/// What is listed.
struct Wanted {
    query: ObjectQuery,
    region: Option<String>,
    state: Option<Memory>,
}

impl Wanted {
    /// Whether a name is of the region that is wanted, if one is.
    fn is_region(&self, name: &ObjectName) -> bool {
        self.region.is_none() || region_of(name) == self.region.as_deref()
    }

    fn read(url: &ListQuery) -> Result<Self, Problem> {
        let state = match url.state.as_deref() {
            None => None,
            Some("awake") => Some(Memory::Awake),
            Some("hibernated") => Some(Memory::Hibernated),
            Some(_) => return Err(Problem::field("state", "expected awake or hibernated")),
        };
        let prefix = url.prefix.clone().unwrap_or_default();
        if !prefix.is_empty() && ObjectName::parse(&prefix).is_err() {
            return Err(Problem::field("prefix", "expected the beginning of a name"));
        }
        let after = url.after.as_deref().map(|after| {
            let (class, name) = after.split_once('/')?;
            Some((class.to_owned(), ObjectName::parse(name).ok()?.as_str().to_owned()))
        });
        let after =
            after.map(|after| after.ok_or_else(|| Problem::field("after", "expected `next` of a page")));
        let limit = match url.limit.as_deref().map(str::parse) {
            None => LIMIT_DEFAULT,
            Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
            Some(_) => return Err(Problem::field("limit", "expected 1 to 1000")),
        };
        Ok(Self {
            query: ObjectQuery { class: url.class.clone(), prefix, after: after.transpose()?, limit },
            region: url.region.clone(),
            state,
        })
    }
}

/// Blocks.
fn page(routes: &RoutesRef, wanted: &Wanted) -> Result<Value, ReadError> {
    let (mut query, state) = (wanted.query.clone(), wanted.state);
    let (mut objects, mut looked_at, limit) = (Vec::new(), 0, query.limit);
    loop {
        let found = routes.api.stored.page(&query)?;
        let is_last = found.len() < query.limit;
        for (id, record) in found {
            looked_at += 1;
            query.after = Some((record.class.clone(), record.name.as_str().to_owned()));
            let its = state_of(routes, &record);
            if state.is_none_or(|state| state == its) && wanted.is_region(&record.name) {
                objects.push(entry(&id, &record, its));
            }
            if objects.len() == limit {
                break;
            }
        }
        let is_full = objects.len() == limit || looked_at >= LOOKED_AT_MAX;
        if is_full || is_last {
            let next = query.after.filter(|_| is_full).map(|(class, name)| format!("{class}/{name}"));
            return Ok(json!({ "objects": objects, "next": next }));
        }
    }
}

fn state_of(routes: &RoutesRef, record: &Record) -> Memory {
    let class = routes.hub.classes.get(record.class.as_str());
    let identity = class.map(|class| Identity::named(class.name, record.name.clone()));
    let is_awake = identity.is_some_and(|identity| routes.hub.objects.is_awake(&identity));
    if is_awake { Memory::Awake } else { Memory::Hibernated }
}

fn entry(id: &ObjectId, record: &Record, state: Memory) -> Value {
    json!({
        "class": record.class,
        "name": record.name,
        "id": id.to_string(),
        "region": region_of(&record.name),
        "state": state.name(),
        "class_version": record.class_version,
        "epoch": record.epoch,
        "node": record.node,
    })
}

/// The id of an object that nobody has had before. Nothing is created or woken.
pub(super) async fn new_id(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    class: Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    Caller::with_role(&routes.hub.settings.access, &headers, Role::Call)?;
    let class = routes.hub.classes.get(class.as_str()).filter(|class| class.name != MATCH_CLASS);
    let class = class.ok_or_else(Problem::no_such_class)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Problem::from(CallError::Overloaded))?;
    let object = Identity::unique(class.name, random);
    Ok((StatusCode::CREATED, Json(json!({ "class": class.name, "id": object.id.to_string() }))))
}

/// One object: what is stored of it, its alarms, its sockets.
pub(super) async fn inspect(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    path: Result<NamedPath, Problem>,
) -> Result<Json<Value>, Problem> {
    Caller::with_role(&routes.hub.settings.access, &headers, Role::Admin)?;
    let object = path?.0.object;
    let asked = (routes.clone(), object.clone());
    let looked = tokio::task::spawn_blocking(move || {
        let (routes, object) = asked;
        Looked::at(&*routes.api.stored, object.id)
    });
    let looked = looked.await.map_err(|_| Problem::from(CallError::Reset))?.map_err(CallError::from)?;
    let (is_awake, sockets) = (routes.hub.objects.is_awake(&object), routes.hub.groups.infos(object.id));
    if looked.record.is_none() && !is_awake && sockets.is_empty() {
        return Err(Problem::no_such_object());
    }
    let state = if is_awake { Memory::Awake } else { Memory::Hibernated };
    Ok(Json(looked.shown(&object, state.name(), &sockets)))
}

/// Removes an object: its sockets are closed, and nothing stays stored.
pub(super) async fn delete(
    State(routes): State<RoutesRef>,
    headers: HeaderMap,
    path: Result<ObjectPath, Problem>,
) -> Result<Json<Value>, Problem> {
    let caller = Caller::with_role(&routes.hub.settings.access, &headers, Role::Admin)?;
    let object = path?.object;
    caller.note("delete", &object.name);
    if routes.hub.is_draining() {
        return Err(Problem::draining());
    }
    let (reply, answer) = reply_channel();
    routes.hub.objects.delete(&object, reply);
    routes.answer(answer).await.map_err(Problem::of_object)?;
    Ok(Json(json!({ "class": object.class, "name": object.name, "deleted": true })))
}
