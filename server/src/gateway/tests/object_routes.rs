//! The routes of objects.

use std::sync::Arc;

use serde_json::{Value, json};

use super::harness::{SECRET, World, guarded, run, world};
use super::requests::said;
use crate::access::admin::generate;
use crate::access::doorkeeper::{Doorkeeper, RawAccess};
use crate::object::caller::Caller;

fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Status and body of an answer.
async fn asked(world: &World, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let request = format!(
        "{method} /v1/{path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = said(world, request.as_bytes()).await;
    let text = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status_of(&answer), serde_json::from_str(text).unwrap_or(Value::String(text.to_owned())))
}

const JSON: &str = "content-type: application/json\r\n";

#[test]
fn a_socket_route_without_an_upgrade_is_426() {
    let world = world(|_| {});
    run(async {
        let (status, problem) = asked(&world, "GET", "objects/chat/a/socket", "", "").await;
        assert_eq!((status, &problem["code"]), (426, &json!("upgrade_required")));
    });
}

#[test]
fn a_call_takes_json_and_answers_json() {
    let world = world(|_| {});
    run(async {
        let answer = asked(&world, "POST", "objects/chat/a/call/echo", JSON, r#"{"n": [1, 2]}"#).await;
        assert_eq!(answer, (200, json!({"n": [1, 2]})));
        assert_eq!(asked(&world, "POST", "objects/chat/a/call/echo", JSON, "7").await, (200, json!(7)));
        assert_eq!(asked(&world, "POST", "objects/chat/a/call/echo", "", "").await, (200, Value::Null));
        assert_eq!(world.objects.callers.lock().unwrap()[0].subject(), Some("anonymous"));
        for (method, path, headers, body, status, code) in [
            ("POST", "objects/chat/a/call/echo", JSON, "{", 400, "malformed_json"),
            ("POST", "objects/chat/a/call/echo", "", "{}", 415, "not_json"),
            ("POST", "objects/none/a/call/echo", JSON, "{}", 404, "no_such_class"),
            ("POST", "objects/chat/a%20b/call/echo", JSON, "{}", 400, "invalid_name"),
            ("POST", "objects/chat/a/call/$http", JSON, "{}", 400, "invalid_method"),
            ("POST", "objects/match/a/call/echo", JSON, "{}", 404, "own_routes"),
            (
                "GET",
                "objects/match/a/socket",
                "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                "",
                404,
                "own_routes",
            ),
            ("DELETE", "objects/match/a", "", "", 404, "own_routes"),
            ("GET", "objects/chat/a/call/echo", "", "", 405, "method_not_allowed"),
            ("POST", "objects/chat/missing/call/any", JSON, "{}", 404, "not_found"),
        ] {
            let (got, problem) = asked(&world, method, path, headers, body).await;
            assert_eq!((got, &problem["code"]), (status, &json!(code)), "{method} {path}");
        }
        let long = format!("\"{}\"", "x".repeat(64 * 1024));
        assert_eq!(asked(&world, "POST", "objects/chat/a/call/echo", JSON, &long).await.0, 413);
    });
}

#[test]
fn what_an_object_shows_is_served_with_a_tag_and_none_of_them_is_asked() {
    let world = world(|_| {});
    run(async {
        assert_eq!(
            asked(&world, "GET", "objects/chat/shown/snapshot", "", "").await,
            (200, json!({"held": true}))
        );
        assert_eq!(asked(&world, "GET", "objects/chat/stored/snapshot", "", "").await, (200, json!({})));
        let got = said(
            &world,
            b"GET /v1/objects/chat/stored/snapshot HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        )
        .await;
        assert!(got.contains("cache-control: public, max-age=1\r\n"), "{got}");
        let tag = got.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").trim();
        let known = format!("if-none-match: {tag}\r\n");
        for path in ["objects/chat/stored/snapshot", "objects/small/stored/snapshot"] {
            assert_eq!(asked(&world, "GET", path, &known, "").await, (304, json!("")));
        }
        let (status, problem) = asked(&world, "GET", "objects/chat/a/snapshot", "", "").await;
        assert_eq!((status, &problem["code"]), (404, &json!("no_snapshot")));
        assert!(world.objects.callers.lock().unwrap().is_empty());
    });
}

#[test]
fn what_not_everybody_may_see_wants_a_key() {
    let (reader, line) = generate("reader", "read").unwrap();
    let raw = RawAccess { secret: Some(SECRET.to_owned()), admin_keys: vec![line], ..RawAccess::default() };
    let access = Arc::new(Doorkeeper::new(&raw).unwrap());
    let world = world(|settings| settings.access = access);
    run(async {
        let path = "objects/vault/stored/snapshot";
        assert_eq!(asked(&world, "GET", path, "", "").await.0, 401);
        let key = format!("authorization: Bearer {reader}\r\n");
        assert_eq!(asked(&world, "GET", path, &key, "").await, (200, json!({})));
        assert_eq!(asked(&world, "GET", "objects/chat/stored/snapshot", "", "").await.0, 200);
    });
}

#[test]
fn an_http_request_reaches_the_object_as_it_came() {
    let world = world(|_| {});
    run(async {
        let headers = "x-mine: yes\r\nauthorization: Bearer x\r\naccept: text/html\r\n";
        let answer =
            asked(&world, "PATCH", "objects/chat/a/http/b/c%20d?e=f&g", headers, "raw\u{1}body").await;
        assert_eq!(answer, (207, json!("PATCH b/c d e=f&g raw\u{1}body")));
        assert_eq!(asked(&world, "GET", "objects/chat/a/http", "", "").await, (207, json!("GET   ")));
        assert_eq!(asked(&world, "GET", "objects/chat/a/http/", "", "").await, (207, json!("GET   ")));
        let answer =
            said(&world, b"GET /v1/objects/chat/a/http/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                .await;
        let answer = answer.to_ascii_lowercase();
        assert!(answer.contains("content-type: text/plain") && answer.contains("x-mine: false"), "{answer}");
        assert!(answer.contains("content-security-policy: sandbox"));
        let carried = world.calls().iter().map(|(_, _, body)| body.to_string()).collect::<String>();
        assert!(!carried.contains("Bearer"), "who asks is the caller, not a header");
    });
}

#[test]
fn id_6_objects_are_listed_in_pages_and_inspected() {
    let world = world(|_| {});
    run(async {
        let (status, page) = asked(&world, "GET", "objects?class=chat&limit=2", "", "").await;
        assert_eq!((status, &page["next"]), (200, &json!("chat/b")));
        assert_eq!(page["objects"][0]["name"], "a");
        assert_eq!(
            (&page["objects"][0]["state"], &page["objects"][0]["epoch"]),
            (&json!("hibernated"), &json!(3))
        );
        let (_, page) = asked(&world, "GET", "objects?limit=9&after=chat/b", "", "").await;
        assert_eq!((page["objects"].as_array().unwrap().len(), &page["next"]), (3, &Value::Null));
        let (_, page) = asked(&world, "GET", "objects?prefix=d", "", "").await;
        assert_eq!(page["objects"].as_array().unwrap().len(), 1);
        let (_, page) = asked(&world, "GET", "objects?state=awake", "", "").await;
        assert_eq!(page, json!({"objects": [], "next": null}));
        for wrong in ["limit=0", "limit=1001", "limit=x", "state=cold", "after=x", "prefix=a%20b"] {
            assert_eq!(asked(&world, "GET", &format!("objects?{wrong}"), "", "").await.0, 422, "{wrong}");
        }
        let (status, one) = asked(&world, "GET", "objects/chat/a", "", "").await;
        assert_eq!(
            (status, &one["storage"]["bytes"], &one["storage"]["more"]),
            (200, &json!(4711), &json!(true))
        );
        assert_eq!(one["storage"]["keys"][7], json!({"key": "key-007", "bytes": 7}));
        assert_eq!(one["storage"]["keys"].as_array().unwrap().len(), 200);
        assert_eq!(
            (&one["alarms"][0]["name"], &one["alarms"][0]["due_unix_ms"]),
            (&json!("turn"), &json!(77))
        );
        assert_eq!(one["sockets"]["count"], 0);
        let (status, problem) = asked(&world, "GET", "objects/chat/nobody", "", "").await;
        assert_eq!((status, &problem["code"]), (404, &json!("no_such_object")));
    });
}

#[test]
fn id_6_an_inspected_object_shows_its_sockets_with_tags() {
    let mut world = world(|_| {});
    run(async {
        let (_client, socket, _) = world.peer("chat/b/socket").await;
        world.accept(socket, &["red"], b"four");
        world.infos(&super::object_client::object("chat", "b"), |infos| infos[0].tags.has("red")).await;
        let (_, one) = asked(&world, "GET", "objects/chat/b", "", "").await;
        assert_eq!(one["sockets"]["count"], 1);
        assert_eq!(one["sockets"]["shown"][0]["tags"], json!(["red"]));
        assert_eq!(one["sockets"]["shown"][0]["attachment_bytes"], 4);
    });
}

#[test]
fn classes_show_whom_they_let_do_what() {
    let world = world(|_| {});
    run(async {
        let (_, answer) = asked(&world, "GET", "classes", "", "").await;
        let vault = answer["classes"].as_array().unwrap().iter().find(|class| class["name"] == "vault");
        assert_eq!(vault.unwrap()["access"], json!({"connect": "admin", "call": "admin", "http": "admin"}));
        assert_eq!(vault.unwrap()["version"], 1);
    });
}

#[test]
fn operators_routes_need_a_key_and_tokens_say_who_calls() {
    let world = world(guarded);
    run(async {
        let key = format!("authorization: Bearer {SECRET}\r\n");
        for (method, path) in [("GET", "objects"), ("GET", "objects/chat/a"), ("DELETE", "objects/chat/a")] {
            assert_eq!(asked(&world, method, path, "", "").await.0, 401, "{method} {path}");
            assert_eq!(asked(&world, method, path, &key, "").await.0, 200, "{method} {path}");
        }
        assert!(
            world.calls().iter().any(|(name, method, _)| (name.as_str(), method.as_str()) == ("a", "delete"))
        );
        let body = r#"{"subject": "ann", "scopes": ["room:*:call"], "ttl_seconds": 60}"#;
        assert_eq!(asked(&world, "POST", "tokens", JSON, body).await.0, 401);
        let (status, minted) = asked(&world, "POST", "tokens", &format!("{key}{JSON}"), body).await;
        assert_eq!((status, &minted["subject"]), (201, &json!("ann")));
        let bearer = format!("authorization: Bearer {}\r\n{JSON}", minted["token"].as_str().unwrap());
        let call = "objects/room/blue/call/echo?subject=eve";
        assert_eq!(asked(&world, "POST", call, &bearer, "1").await, (200, json!(1)));
        let who = world.objects.callers.lock().unwrap().last().cloned().unwrap();
        assert_eq!(who.subject(), Some("ann"), "by the token, whatever the query says");
        assert_eq!(asked(&world, "POST", call, JSON, "1").await.0, 401);
        assert_eq!(
            asked(&world, "GET", "objects/room/blue/http/x", &bearer, "").await.0,
            403,
            "another verb"
        );
        assert_eq!(asked(&world, "POST", call, &format!("{key}{JSON}"), "1").await.0, 200);
        assert_eq!(world.objects.callers.lock().unwrap().last(), Some(&Caller::Operator));
        for wrong in [
            r#"{"scopes": ["a:b:call"]}"#,
            r#"{"subject": "a"}"#,
            r#"{"subject": "a", "scopes": []}"#,
            r#"{"subject": "a", "scopes": ["a:b:write"]}"#,
            r#"{"subject": "a", "scopes": ["a:b:call"], "ttl_seconds": 86401}"#,
        ] {
            assert_eq!(
                asked(&world, "POST", "tokens", &format!("{key}{JSON}"), wrong).await.0,
                422,
                "{wrong}"
            );
        }
    });
}

#[test]
fn id_1_unique_objects_are_reached_by_their_id_and_a_forged_or_foreign_one_is_400() {
    let world = world(guarded);
    run(async {
        let key = format!("authorization: Bearer {SECRET}\r\n{JSON}");
        assert_eq!(asked(&world, "POST", "objects/chat", "", "").await.0, 401);
        let (status, made) = asked(&world, "POST", "objects/chat", &key, "").await;
        let id = made["id"].as_str().unwrap().to_owned();
        assert_eq!((status, id.len()), (201, 64));
        let (_, other) = asked(&world, "POST", "objects/chat", &key, "").await;
        assert_ne!(other["id"], made["id"]);
        assert!(world.calls().is_empty(), "nothing was woken");
        assert_eq!(asked(&world, "POST", "objects/nothing", &key, "").await.0, 404);
        assert_eq!(asked(&world, "POST", "objects/match", &key, "").await.0, 404);
        let call = |class: &str, id: &str| format!("objects/{class}/{id}/call/echo");
        assert_eq!(asked(&world, "POST", &call("chat", &id), &key, "1").await, (200, json!(1)));
        let last = if id.ends_with('0') { "1" } else { "0" };
        let forged = format!("{}{last}", &id[..63]);
        for (class, id) in [("chat", &forged), ("vault", &id), ("chat", &id.to_uppercase().replace('0', "A"))]
        {
            let (status, problem) = asked(&world, "POST", &call(class, id), &key, "1").await;
            assert_eq!((status, &problem["code"]), (400, &json!("invalid_id")), "{class} {id}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("id") && !detail.contains(id.as_str()), "{detail}");
        }
        assert_eq!(world.calls().len(), 1, "they are not looked up");
    });
}

#[test]
fn a_backup_is_made_for_an_operator_alone() {
    let (reader, line) = generate("reader", "read+call").unwrap();
    let world = world(|settings| {
        let raw =
            RawAccess { secret: Some(SECRET.to_owned()), admin_keys: vec![line], ..RawAccess::default() };
        guarded(settings);
        settings.access = Arc::new(Doorkeeper::new(&raw).unwrap());
    });
    run(async {
        let bearer = |key: &str| format!("authorization: Bearer {key}\r\n");
        for path in ["backup", "objects/chat/a/restore"] {
            assert_eq!(asked(&world, "POST", path, JSON, "{}").await.0, 401, "{path}");
            let wrong = format!("{}{JSON}", bearer("guessed"));
            assert_eq!(asked(&world, "POST", path, &wrong, "{}").await.0, 401, "{path}");
            let read = format!("{}{JSON}", bearer(&reader));
            assert_eq!(asked(&world, "POST", path, &read, "{}").await.0, 403, "{path}");
        }
        let (status, made) = asked(&world, "POST", "backup", &bearer(SECRET), "").await;
        assert_eq!((status, &made["path"]), (200, &json!("backups/one")));
        assert_eq!(asked(&world, "GET", "objects/chat/a/bookmark", "", "").await.0, 401);
        let (status, now) = asked(&world, "GET", "objects/chat/a/bookmark", &bearer(SECRET), "").await;
        assert_eq!((status, &now["bookmark"]), (200, &json!("000000000000002a")));
        let restore = format!("{}{JSON}", bearer(SECRET));
        let body = r#"{"at_unix_ms": 41}"#;
        let (status, back) = asked(&world, "POST", "objects/chat/a/restore", &restore, body).await;
        assert_eq!((status, &back["bookmark"]), (200, &json!("0000000000000029")));
    });
}
