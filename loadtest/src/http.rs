//! The few HTTP requests a load generator makes: create a match, reserve a seat, read `/metrics`.

use serde_json::Value;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use tickstone_shared::games::arena::SEES_EVERYTHING_MAX;
use tickstone_shared::games::arena::map::Map;
use tickstone_shared::net::socket::Address;
use tickstone_shared::net::trust::Trust;
use tickstone_shared::net::websocket::Buffers;
use tickstone_shared::wire::version::Encoding;

use crate::fleet::{FleetError, MatchRequest};
use crate::hostile::Target;
use crate::impair::{Carrier, Proxy};

/// Waits for a server that says it is busy, at one second each unless it says otherwise.
const BUSY_TRIES: u32 = 30;

/// A server's HTTP interface, version 1.
#[derive(Clone)]
pub(crate) struct Api {
    agent: ureq::Agent,
    base: String,
    admin_key: Option<String>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A match that was created.
#[derive(Debug, Clone)]
pub(crate) struct CreatedMatch {
    pub(crate) match_id: String,
    pub(crate) ws_url: String,
    pub(crate) quic_url: Option<String>,
    quic_pin: Option<String>,
    /// The name of the map of an arena.
    pub(crate) map: Option<String>,
    seats: Option<u64>,
}

impl CreatedMatch {
    /// Where attackers find it.
    pub(crate) fn target(&self) -> std::io::Result<Target> {
        let address = |url: &str| {
            let host = url.split_once("://").map_or(url, |(_, rest)| rest);
            let host = host.split('/').next().unwrap_or(host);
            let mut found = host.to_socket_addrs()?;
            found.next().ok_or_else(|| std::io::Error::other("a host without an address"))
        };
        let datagrams = self.quic_url.as_deref().map(address).transpose()?;
        let quic = self.quic_url.clone().zip(self.quic_trust());
        Ok(Target { match_id: self.match_id.clone(), address: address(&self.ws_url)?, datagrams, quic })
    }

    /// Is it an arena in which everybody sees the same?
    pub(crate) fn is_seen_whole(&self) -> bool {
        self.map.is_some() && self.seats.is_some_and(|seats| seats <= u64::from(SEES_EVERYTHING_MAX))
    }

    /// Every address leads through the network from now on.
    pub(crate) fn go_through(&mut self, network: &Proxy) -> std::io::Result<()> {
        self.ws_url = network.through_url(Carrier::Tcp, &self.ws_url)?;
        if let Some(quic_url) = &mut self.quic_url {
            *quic_url = network.through_url(Carrier::Udp, quic_url)?;
        }
        Ok(())
    }

    /// Where a bot connects, and by what it knows the server.
    pub(crate) fn address(
        &self,
        is_quic: bool,
        encoding: Encoding,
        buffers: Buffers,
    ) -> Result<Address, FleetError> {
        if !is_quic {
            return Ok(Address::WebSocket { url: self.ws_url.clone(), encoding, buffers, trust: None });
        }
        let url = self.quic_url.clone().ok_or(FleetError::Answer("quic_url"))?;
        let trust = self.quic_trust().ok_or(FleetError::Answer("quic_certificate_sha256"))?;
        Ok(Address::Quic { url, trust })
    }

    fn quic_trust(&self) -> Option<Trust> {
        self.quic_pin.as_deref().and_then(|pin| Trust::pin(pin).ok())
    }
}

impl Api {
    pub(crate) fn new(base: &str, admin_key: Option<&str>) -> Result<Self, FleetError> {
        let base = base.trim_end_matches('/').to_owned();
        if !base.starts_with("http://") {
            return Err(FleetError::Url(base));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        Ok(Self { agent: config.into(), base, admin_key: admin_key.map(str::to_owned) })
    }

    /// Creates a match, or finds the one with the same id and body.
    pub(crate) fn create_match(&self, request: &MatchRequest) -> Result<CreatedMatch, FleetError> {
        let route = format!("{}/v1/matches", self.base);
        for _ in 0..BUSY_TRIES {
            let answer = self.post(&route).send_json(request);
            let mut answer = answer.map_err(|error| FleetError::Unreachable(error.to_string()))?;
            let status = answer.status().as_u16();
            if matches!(status, 429 | 503) {
                let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let seconds = header.and_then(|text| text.parse().ok()).unwrap_or(1_u64);
                let clock = crate::clock::Clock::start();
                clock.wait_until(clock.now() + Duration::from_secs(seconds.min(30)));
                continue;
            }
            let body: Value = answer.body_mut().read_json().unwrap_or(Value::Null);
            if !matches!(status, 200 | 201) {
                return Err(refused(status, &body));
            }
            return self.created(&body);
        }
        Err(FleetError::Busy)
    }

    fn post(&self, route: &str) -> ureq::RequestBuilder<ureq::typestate::WithBody> {
        let request = self.agent.post(route);
        match &self.admin_key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    /// Calls an object without an argument; what it answers is nobody's concern.
    pub(crate) fn call(&self, path: &str) -> bool {
        let answer = self.post(&format!("{}{path}", self.base)).send_empty();
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Where the server is.
    pub(crate) fn address(&self) -> Result<SocketAddr, FleetError> {
        let found = self.base.trim_start_matches("http://").to_socket_addrs()?.next();
        found.ok_or_else(|| FleetError::Url(self.base.clone()))
    }

    /// A token by which a user connects to objects. Blocks.
    pub(crate) fn mint(&self, subject: &str, scope: &str) -> Result<String, FleetError> {
        let asked = serde_json::json!({ "subject": subject, "scopes": [scope], "ttl_seconds": 86_400 });
        let answer = self.post(&format!("{}/v1/tokens", self.base)).send_json(asked);
        let mut answer = answer.map_err(|error| FleetError::Unreachable(error.to_string()))?;
        let body: Value = answer.body_mut().read_json().unwrap_or(Value::Null);
        match (answer.status().as_u16(), body.get("token").and_then(Value::as_str)) {
            (201, Some(token)) => Ok(token.to_owned()),
            (201, None) => Err(FleetError::Answer("token")),
            (status, _) => Err(refused(status, &body)),
        }
    }

    /// Reserves a seat: the join token that takes it. Blocks.
    pub(crate) fn seat(&self, match_id: &str, player: &str) -> Result<String, FleetError> {
        let route = format!("{}/v1/matches/{match_id}/seats", self.base);
        let answer = self.post(&route).send_json(serde_json::json!({ "player": player }));
        let mut answer = answer.map_err(|error| FleetError::Unreachable(error.to_string()))?;
        let body: Value = answer.body_mut().read_json().unwrap_or(Value::Null);
        let status = answer.status().as_u16();
        let token = body.get("join_token").and_then(Value::as_str);
        match (status, token) {
            (200 | 201, Some(token)) => Ok(token.to_owned()),
            (200 | 201, None) => Err(FleetError::Answer("join_token")),
            _ => Err(refused(status, &body)),
        }
    }

    fn created(&self, body: &Value) -> Result<CreatedMatch, FleetError> {
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        let match_id = text("match_id").ok_or(FleetError::Answer("match_id"))?;
        let host = self.base.trim_start_matches("http://");
        let ws_url = text("ws_url").unwrap_or_else(|| format!("ws://{host}/v1/matches/{match_id}/socket"));
        let (quic_url, quic_pin) = (text("quic_url"), text("quic_certificate_sha256"));
        let map = body.pointer("/label/map").and_then(Value::as_str).map(str::to_owned);
        let seats = body.get("seats").and_then(Value::as_u64);
        Ok(CreatedMatch { match_id, ws_url, quic_url, quic_pin, map, seats })
    }

    /// A map that the server has as an asset; none if it does not answer with one.
    pub(crate) fn map(&self, name: &str) -> Option<Map> {
        let mut answer = self.agent.get(format!("{}/assets/maps/{name}.json", self.base)).call().ok()?;
        if answer.status().as_u16() != 200 {
            return None;
        }
        Map::parse(&answer.body_mut().read_to_string().ok()?).ok()
    }

    /// The text of `/metrics`; none if the server does not answer with one.
    pub(crate) fn metrics(&self) -> Option<String> {
        let mut answer = self.agent.get(format!("{}/metrics", self.base)).call().ok()?;
        if answer.status().as_u16() != 200 {
            return None;
        }
        answer.body_mut().read_to_string().ok()
    }
}

fn refused(status: u16, body: &Value) -> FleetError {
    let code = body.get("code").and_then(Value::as_str).unwrap_or("no code").to_owned();
    let detail = body.get("detail").and_then(Value::as_str).unwrap_or("no detail");
    FleetError::Refused { status, code, detail: detail.to_owned() }
}
