//! Profiles.

use serde_json::{Value, json};
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;

use super::readme;
use crate::talker::Talker;

fn call(method: &str) -> String {
    format!("/v1/objects/profile/ann/call/{method}")
}

fn hear(talker: &mut Talker) -> Value {
    serde_json::from_str(&talker.try_hear().expect("the socket is open")).unwrap()
}

fn somebody(server: &Server, subject: &str) -> Http {
    let asked = json!({ "subject": subject, "scopes": ["profile:ann:call"] });
    let token = server.http().post("/v1/tokens", &asked).expect(201)["token"].as_str().unwrap().to_owned();
    server.http().with_secret(&token)
}

#[test]
fn a_profile_is_asked_as_the_readme_has_it_and_told_to_both_sockets_of_its_user() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "profile");
    let mut both = [(); 2].map(|()| Talker::at(&server, "profile", "ann", "ann").expect("the server is up"));
    for talker in &mut both {
        assert_eq!(hear(talker)["t"], "hello");
    }
    both[0].say(r#"{"t":"set","preferences":{"theme":"dark"}}"#);
    let note = json!({ "kind": "friend", "body": { "from": "bob" } });
    for talker in &mut both {
        assert_eq!(hear(talker), json!({ "t": "preferences", "changed": { "theme": "dark" } }));
    }
    // On a dev server whoever says not who they are may do everything.
    server.http().post(&call("notify"), &note).expect(200);
    for talker in &mut both {
        let told = hear(talker);
        assert_eq!(
            (&told["t"], &told["id"], &told["unread"]),
            (&json!("notification"), &json!(1), &json!(1))
        );
    }
    let (ann, bob) = (somebody(&server, "ann"), somebody(&server, "bob"));
    bob.post(&call("get"), &Value::Null).expect_problem(403, "not_allowed");
    ann.post(&call("notify"), &note).expect_problem(403, "not_allowed");
    ann.post(&call("read"), &json!({})).expect_problem(422, "invalid");
    let before = ann.post(&call("get"), &Value::Null).expect(200);
    assert_eq!(before, json!({ "preferences": { "theme": "dark" }, "unread": 1, "dropped": 0 }));
    let server = server.kill().start();
    let ann = somebody(&server, "ann");
    assert_eq!(ann.post(&call("get"), &Value::Null).expect(200), before);
    assert_eq!(ann.post(&call("read"), &json!({ "up_to": 1 })).expect(200), json!({ "unread": 0 }));
}
