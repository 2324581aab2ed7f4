//! Every public route with every kind of key.

use serde_json::{Value, json};
use tickstone_server::access::admin::Role;
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;

use super::keys::Keys;

/// Who may: everybody, or who has one of these roles. An admin may everything.
#[derive(Clone, Copy)]
enum May {
    Everybody,
    Only(Role),
}

struct Route {
    method: &'static str,
    path: &'static str,
    body: Option<Value>,
    may: May,
    /// The status for who may.
    status: u16,
}

fn routes() -> Vec<Route> {
    let route = |method, path, body, may, status| Route { method, path, body, may, status };
    let create = json!({ "game": "pong", "id": "made" });
    let player = json!({ "player": "nobody" });
    let scores = json!({ "name": "scores" });
    vec![
        route("POST", "/v1/matches", Some(create), May::Only(Role::Create), 200),
        route("GET", "/v1/matches", None, May::Only(Role::Read), 200),
        route("GET", "/v1/matches/open", None, May::Only(Role::Read), 200),
        route("DELETE", "/v1/matches/ended", None, May::Only(Role::Create), 200),
        route("POST", "/v1/matches/open/seats", Some(json!({ "player": "ann" })), May::Only(Role::Seat), 201),
        route("POST", "/v1/matches/open/kick", Some(player), May::Only(Role::Kick), 404),
        route("POST", "/v1/matches/open/signal", Some(scores), May::Only(Role::Signal), 200),
        route("GET", "/v1/matches/open/verify", None, May::Only(Role::Admin), 200),
        route("GET", "/v1/matches/open/socket", None, May::Everybody, 426),
        route("GET", "/v1/classes", None, May::Everybody, 200),
        route("GET", "/healthz", None, May::Everybody, 200),
        route("GET", "/readyz", None, May::Everybody, 200),
        route("GET", "/metrics", None, May::Everybody, 200),
        route("GET", "/", None, May::Everybody, 200),
        route("GET", "/v1/nowhere", None, May::Everybody, 404),
    ]
}

fn status(http: &Http, route: &Route) -> u16 {
    http.try_ask(route.method, route.path, route.body.as_ref()).expect("the server answers").status
}

fn guarded() -> (Keys, Server) {
    let keys = Keys::new();
    let server = keys.plan().start();
    let admin = keys.http(&server, Role::Admin);
    admin.create("arena", "open");
    admin.create("pong", "made");
    admin.create("pong", "ended");
    admin.delete("/v1/matches/ended").expect(200);
    (keys, server)
}

#[test]
fn every_route_opens_to_its_role_and_to_no_other() {
    let _turn = turn::shared();
    let (keys, server) = guarded();
    for route in routes() {
        let what = |who: &str| format!("{} {} with {who}", route.method, route.path);
        let open = matches!(route.may, May::Everybody);
        for (who, http) in [("no key", server.http()), ("a wrong key", server.http().with_secret("guessed"))]
        {
            assert_eq!(status(&http, &route), if open { route.status } else { 401 }, "{}", what(who));
        }
        for role in Role::ALL {
            let may = match route.may {
                May::Everybody => true,
                May::Only(needed) => role == needed || role == Role::Admin,
            };
            let got = status(&keys.http(&server, role), &route);
            assert_eq!(got, if may { route.status } else { 403 }, "{}", what(role.name()));
        }
    }
    for reason in ["credential_needed", "credential_refused"] {
        let line = format!("tickstone_refused_total{{reason=\"{reason}\"}}");
        assert!(server.http().metric(&line) > 0.0, "{reason}");
    }
}

#[test]
fn in_dev_mode_everything_is_open_to_this_machine() {
    let _turn = turn::shared();
    let server = Server::dev();
    let http = server.http();
    http.create("arena", "open");
    http.create("pong", "ended");
    http.delete("/v1/matches/ended").expect(200);
    for route in routes() {
        let expected = if route.path == "/v1/matches" && route.method == "POST" { 201 } else { route.status };
        assert_eq!(status(&http, &route), expected, "{} {}", route.method, route.path);
    }
}

#[test]
fn a_match_that_is_not_yours_answers_as_one_that_is_not_there() {
    let _turn = turn::shared();
    let (keys, server) = guarded();
    let (create, read) = (keys.http(&server, Role::Create), keys.http(&server, Role::Read));
    create.post("/v1/matches", &json!({ "game": "pong", "id": "hidden", "private": true })).expect(201);
    let hidden = read.get("/v1/matches/hidden");
    assert_eq!(hidden, read.get("/v1/matches/nowhere"));
    assert_eq!(hidden, read.get("/v1/matches/a%2Fb"));
    hidden.expect_problem(404, "no_such_match");
    let admin = keys.http(&server, Role::Admin);
    assert_eq!(admin.inspect("hidden")["private"], true);
    let listed = |http: &Http| http.get("/v1/matches").expect(200)["matches"].to_string().contains("hidden");
    assert!(!listed(&read) && listed(&admin));
    create.get("/v1/matches").expect_problem(403, "credential_refused");
}

#[test]
fn a_key_creates_twenty_at_once_and_then_waits() {
    let _turn = turn::shared();
    let (keys, server) = guarded();
    let create = keys.http(&server, Role::Create);
    // What is counted is the request, also one that is refused for its body.
    let answers: Vec<_> = (0..200).map(|_| create.post("/v1/matches", &json!({}))).collect();
    let refused = answers.iter().find(|answer| answer.status != 422).expect("200 are too many at once");
    refused.expect_problem(429, "too_many_matches");
    assert_eq!(refused.retry_after, Some(1));
    assert!(answers[..20].iter().all(|answer| answer.status == 422), "a burst of 20 is allowed");
    keys.http(&server, Role::Admin).post("/v1/matches", &json!({})).expect(422);
    tickstone_tests::wait::until("there is room again", || {
        (create.post("/v1/matches", &json!({})).status == 422).then_some(())
    });
}

#[test]
fn a_key_has_as_many_open_matches_as_it_may() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let server = keys.plan().with("TICKSTONE_MATCHES_PER_KEY", "2").start();
    let create = |server: &Server, role: Role, id: &str| {
        keys.http(server, role).post("/v1/matches", &json!({ "game": "pong", "id": id }))
    };
    let creator = create(&server, Role::Create, "a").expect(201)["creator"].clone();
    assert!(creator.is_string(), "{creator}");
    create(&server, Role::Create, "b").expect(201);
    let refused = create(&server, Role::Create, "c");
    refused.expect_problem(429, "too_many_open_matches");
    assert_eq!(refused.retry_after, Some(10));
    create(&server, Role::Create, "b").expect(200);
    create(&server, Role::Admin, "c").expect(201);
    let server = server.kill().start();
    create(&server, Role::Create, "d").expect_problem(429, "too_many_open_matches");
    keys.http(&server, Role::Create).delete("/v1/matches/a").expect(200);
    create(&server, Role::Create, "d").expect(201);
    let http = keys.http(&server, Role::Admin);
    assert!(http.metric("tickstone_refused_total{reason=\"too_many_open_matches\"}") > 0.0);
}

#[test]
fn keys_that_are_none_are_refused_at_the_start() {
    let _turn = turn::shared();
    let keys = Keys::new();
    let with = |name: &'static str, value: &str| {
        let mut plan = Plan::dev().with(name, value);
        plan.arguments.clear();
        plan.refused()
    };
    let line = &keys.token_keys[0];
    for (name, value, says) in [
        ("TICKSTONE_ADMIN_KEYS", "just-a-secret", "NAME:ROLES:HASH"),
        ("TICKSTONE_ADMIN_KEYS", "ops:everything:0", "roles"),
        ("TICKSTONE_TOKEN_KEYS", "one:tooshort-zzz", "32"),
        ("TICKSTONE_TOKEN_KEYS", line.as_str(), "admin_keys"),
        ("TICKSTONE_SECRET", "short-zzz", "32 bytes"),
    ] {
        let (status, said) = with(name, value);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("zzz") && !said.contains("just-a-secret"), "it is not repeated: {said}");
    }
}
