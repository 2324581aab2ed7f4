//! Matches of the benchmark, on the server.

use serde_json::json;

use crate::Fallible;

/// Players of a match.
pub(crate) const PLAYERS: usize = 8;

/// Creates matches; answers their ids.
pub(crate) fn create(http: &str, count: usize) -> Fallible<Vec<String>> {
    let url = format!("http://{http}/v1/matches");
    let agent = ureq::agent();
    let body = json!({ "game": "arena", "durability": "async", "options": { "players_max": PLAYERS } });
    let one = |_| -> Fallible<String> {
        let created: serde_json::Value = agent.post(&url).send_json(&body)?.body_mut().read_json()?;
        Ok(created["match_id"].as_str().ok_or("a match has no id")?.to_owned())
    };
    (0..count).map(one).collect()
}
