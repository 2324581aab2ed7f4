//! The HTTP API from outside.

use std::time::Duration;

use serde_json::{Value, json};

use crate::wait;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A server's API.
#[derive(Debug, Clone)]
pub struct Http {
    agent: ureq::Agent,
    base: String,
    secret: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body: JSON, or its text.
    pub body: Value,
    /// When to come again, in seconds, if it said so.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// The stable code of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The body, where the status is this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Is it this problem?
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
        for member in ["type", "title", "detail"] {
            assert!(self.body[member].is_string(), "a problem without {member}: {}", self.body);
        }
    }
}

impl Http {
    /// The API at `http://host:port`.
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        Self { agent: config.build().into(), base: base.to_owned(), secret: None }
    }

    /// The same with a secret.
    #[must_use]
    pub fn with_secret(&self, secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..self.clone() }
    }

    /// Asks; none if nothing answers.
    pub fn try_ask(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(secret) = &self.secret {
            request = request.header("authorization", format!("Bearer {secret}"));
        }
        let answer = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string()).expect("it is a request"))
            }
            None => self.agent.run(request.body(()).expect("it is a request")),
        };
        let mut answer = answer.ok()?;
        let status = answer.status().as_u16();
        let retry_after =
            answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = answer.body_mut().read_to_string().ok()?;
        Some(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)), retry_after })
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.try_ask(method, path, body);
        answer.unwrap_or_else(|| panic!("{method} {path}: the server does not answer"))
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    /// POST.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(body))
    }

    /// DELETE.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None)
    }

    /// Creates a match of a game under an id.
    #[track_caller]
    pub fn create(&self, game: &str, id: &str) -> Value {
        self.post("/v1/matches", &json!({ "game": game, "id": id })).expect(201)
    }

    /// One match.
    #[track_caller]
    pub fn inspect(&self, id: &str) -> Value {
        self.get(&format!("/v1/matches/{id}")).expect(200)
    }

    /// Waits until a match looks like this.
    #[track_caller]
    pub fn until(&self, id: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, || Some(self.inspect(id)).filter(&fits))
    }

    /// The text of `/metrics`.
    #[track_caller]
    pub fn metrics(&self) -> String {
        self.get("/metrics").expect(200).as_str().expect("metrics are text").to_owned()
    }

    /// The value of the metric whose line begins with `name`, labels included; 0 if there is none.
    #[track_caller]
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().expect("a metric is a number"))
    }
}
