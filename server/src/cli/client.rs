//! Commands that talk to a running server over its HTTP API.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::args::{ClassCommand, MatchCommand, ObjectCommand, ServerArgs, TokenCommand};
use super::run::{EXIT_USAGE, fail};

/// How long an answer may take; a re-run of a long journal takes a while.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why a command failed.
pub(super) enum Failure {
    /// What was typed is wrong.
    Usage(String),
    /// The server refused, or does not answer.
    Server(String),
}

pub(super) fn run_match(command: MatchCommand) -> ExitCode {
    let verifies = matches!(command, MatchCommand::Verify { .. });
    let answer = request(command);
    let disagrees = |answer: &Value| answer.get("agree").and_then(Value::as_bool) == Some(false);
    let failed = verifies && answer.as_ref().is_ok_and(disagrees);
    let shown = show(answer);
    if failed { ExitCode::FAILURE } else { shown }
}

pub(super) fn run_token(command: TokenCommand) -> ExitCode {
    let TokenCommand::Mint { id, player, subject, scopes, ttl, server } = command;
    let mut body = Map::from_iter(ttl.map(|seconds| ("ttl_seconds".to_owned(), json!(seconds))));
    let path = match id {
        Some(id) => {
            body.insert("player".to_owned(), json!(player));
            match_path(&id, "/seats")
        }
        None => {
            body.insert("subject".to_owned(), json!(subject));
            body.insert("scopes".to_owned(), json!(scopes));
            "/v1/tokens".to_owned()
        }
    };
    show(ask(&server, "POST", &path, Some(&Value::Object(body))))
}

pub(super) fn run_class(ClassCommand::List { server }: ClassCommand) -> ExitCode {
    show(ask(&server, "GET", "/v1/classes", None))
}

pub(super) fn run_object(command: ObjectCommand) -> ExitCode {
    show(match command {
        ObjectCommand::List { class, prefix, state, after, limit, server } => {
            let given = [("class", class), ("prefix", prefix), ("state", state), ("after", after)];
            let given =
                given.into_iter().filter_map(|(key, value)| Some(format!("&{key}={}", escape(&value?))));
            ask(&server, "GET", &format!("/v1/objects?limit={limit}{}", given.collect::<String>()), None)
        }
        ObjectCommand::Inspect { class, name, server } => {
            ask(&server, "GET", &object_path(&class, &name, ""), None)
        }
        ObjectCommand::Delete { class, name, server } => {
            ask(&server, "DELETE", &object_path(&class, &name, ""), None)
        }
        ObjectCommand::Bookmark { class, name, at, server } => {
            let query = at.map(|at| format!("?at_unix_ms={at}")).unwrap_or_default();
            ask(&server, "GET", &object_path(&class, &name, &format!("/bookmark{query}")), None)
        }
        ObjectCommand::Restore { class, name, bookmark, at, server } => {
            let to = match bookmark {
                Some(bookmark) => json!({ "bookmark": bookmark }),
                None => json!({ "at_unix_ms": at }),
            };
            ask(&server, "POST", &object_path(&class, &name, "/restore"), Some(&to))
        }
        ObjectCommand::Call { class, name, method, body, server } => {
            let path = object_path(&class, &name, &format!("/call/{}", escape(&method)));
            let body = body.map_or(Ok(Value::Null), |text| serde_json::from_str(&text));
            body.map_err(|error| Failure::Usage(format!("the argument is no JSON: {error}")))
                .and_then(|body| ask(&server, "POST", &path, Some(&body)))
        }
    })
}

fn object_path(class: &str, name: &str, rest: &str) -> String {
    format!("/v1/objects/{}/{}{rest}", escape(class), escape(name))
}

fn show(answer: Result<Value, Failure>) -> ExitCode {
    match answer {
        Ok(answer) => {
            let text = serde_json::to_string_pretty(&answer).expect("JSON prints");
            let printed = writeln!(std::io::stdout(), "{text}");
            if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(Failure::Usage(problem)) => fail(&problem, EXIT_USAGE),
        Err(Failure::Server(problem)) => fail(&problem, 1),
    }
}

pub(super) fn healthcheck(server: &ServerArgs) -> ExitCode {
    match ask(server, "GET", "/healthz", None) {
        Ok(_) => ExitCode::SUCCESS,
        Err(Failure::Usage(problem) | Failure::Server(problem)) => fail(&problem, 1),
    }
}

fn request(command: MatchCommand) -> Result<Value, Failure> {
    match command {
        MatchCommand::Create { game, id, preset, options, durability, board, no_board, server } => {
            let mut body = Map::from_iter([("game".to_owned(), json!(game))]);
            let texts = [("id", id), ("preset", preset), ("durability", durability), ("board", board)];
            body.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text?)))));
            if let Some(options) = options {
                let options = serde_json::from_str(&options)
                    .map_err(|error| Failure::Usage(format!("--options is no JSON object: {error}")))?;
                body.insert("options".to_owned(), options);
            }
            if no_board {
                body.insert("board".to_owned(), Value::Bool(false));
            }
            ask(&server, "POST", "/v1/matches", Some(&Value::Object(body)))
        }
        MatchCommand::List { query, limit, server } => {
            let query = query.map(|query| format!("&query={}", escape(&query))).unwrap_or_default();
            ask(&server, "GET", &format!("/v1/matches?limit={limit}{query}"), None)
        }
        MatchCommand::Inspect { id, server } => ask(&server, "GET", &match_path(&id, ""), None),
        MatchCommand::End { id, server } => ask(&server, "DELETE", &match_path(&id, ""), None),
        MatchCommand::Kick { id, player, server } => {
            ask(&server, "POST", &match_path(&id, "/kick"), Some(&json!({ "player": player })))
        }
        MatchCommand::Signal { id, name, data, server } => {
            let data = data.map(|text| serde_json::from_str::<Value>(&text)).transpose();
            let data =
                data.map_err(|error| Failure::Usage(format!("the signal's data is no JSON: {error}")))?;
            ask(&server, "POST", &match_path(&id, "/signal"), Some(&json!({ "name": name, "data": data })))
        }
        MatchCommand::Verify { id, server } => ask(&server, "GET", &match_path(&id, "/verify"), None),
    }
}

fn match_path(id: &str, rest: &str) -> String {
    format!("/v1/matches/{}{rest}", escape(id))
}

/// Percent-encodes everything that has a meaning in a URL.
fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

pub(super) fn ask(
    server: &ServerArgs,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let unreachable = |error: ureq::Error| Failure::Server(format!("{}: {error}", server.url));
    let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", server.url));
    if let Some(key) = server.admin_key.as_ref().or(server.secret.as_ref()) {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let sent = match body {
        Some(body) => {
            let request = request.header("content-type", "application/json").body(body.to_string());
            agent.run(request.map_err(|error| Failure::Usage(error.to_string()))?)
        }
        None => agent.run(request.body(()).map_err(|error| Failure::Usage(error.to_string()))?),
    };
    let mut response = sent.map_err(unreachable)?;
    let status = response.status();
    let text = response.body_mut().read_to_string().map_err(unreachable)?;
    let answer = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if status.is_success() {
        return Ok(answer);
    }
    let detail = answer.get("detail").or(answer.get("title")).and_then(Value::as_str).unwrap_or_default();
    let code = answer.get("code").and_then(Value::as_str).unwrap_or_default();
    Err(Failure::Server(format!("the server answered {}: {code}: {detail}", status.as_u16())))
}
