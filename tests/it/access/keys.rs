//! A server outside dev mode: one key for each role, and the key that signs its join tokens.

use tickstone_server::access::admin::{Role, generate};
use tickstone_server::access::join_token::{Claims, sign};
use tickstone_server::access::signing::{self, SigningKey, SigningKeys};
use tickstone_shared::wire::message::Hello;

use tickstone_tests::client::hello;
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};

/// The keys of a server.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// The text of each key, and its line of `admin_keys`.
    pub(crate) by_role: Vec<(Role, String, String)>,
    /// The lines of `token_keys`, the newest first.
    pub(crate) token_keys: Vec<String>,
}

impl Keys {
    /// A new one for each role.
    pub(crate) fn new() -> Self {
        let make = |role: Role| {
            let (text, line) = generate(role.name(), role.name()).expect("it is a name and a role");
            (role, text, line)
        };
        let signing = signing::generate("one").expect("it is an id");
        Self { by_role: Role::ALL.into_iter().map(make).collect(), token_keys: vec![signing] }
    }

    /// The key of a role.
    #[track_caller]
    pub(crate) fn of(&self, role: Role) -> &str {
        let found = self.by_role.iter().find(|(known, ..)| *known == role);
        &found.expect("every role has one").1
    }

    /// Everything that must not be seen: keys, and what signs.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let signing = self.token_keys.iter().filter_map(|line| Some(line.split_once(':')?.1.to_owned()));
        self.by_role.iter().map(|(_, text, _)| text.clone()).chain(signing).collect()
    }

    /// A server that takes these keys.
    pub(crate) fn plan(&self) -> Plan {
        let lines: Vec<&str> = self.by_role.iter().map(|(.., line)| line.as_str()).collect();
        let mut plan = Plan::dev()
            .with("TICKSTONE_ADMIN_KEYS", &lines.join(","))
            .with("TICKSTONE_TOKEN_KEYS", &self.token_keys.join(","));
        plan.arguments.clear();
        plan
    }

    /// The API of a server with the key of a role.
    pub(crate) fn http(&self, server: &Server, role: Role) -> Http {
        server.http().with_secret(self.of(role))
    }

    /// Reserves a seat: the hello that takes it.
    #[track_caller]
    pub(crate) fn seat(&self, server: &Server, match_id: &str, player: &str) -> Hello {
        let body = serde_json::json!({ "player": player });
        let answer = self.http(server, Role::Seat).post(&format!("/v1/matches/{match_id}/seats"), &body);
        let answer = answer.expect(201);
        let token = answer["join_token"].as_str().expect("it is a text").to_owned();
        with_token(match_id, token)
    }

    /// Signs whatever is claimed, as whoever has the newest key could.
    #[track_caller]
    pub(crate) fn sign(&self, claims: &Claims) -> String {
        let keys = self.token_keys.iter().map(|line| SigningKey::parse(line).expect("it is a key"));
        sign(&SigningKeys::new(keys.collect()).expect("one or two"), claims)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}

/// A hello with nothing but a join token.
pub(crate) fn with_token(match_id: &str, token: String) -> Hello {
    Hello { token: Some(token), player: None, ..hello(match_id, "") }
}
