//! Children of one parent.

use serde_json::{Value, json};
use tickstone_tests::server::Plan;
use tickstone_tests::turn;

use super::readme;

#[test]
fn children_are_handed_out_as_the_readme_has_it_and_stay_over_a_kill() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "coordinator");
    let call = |name: &str, method: &str| format!("/v1/objects/coordinator/{name}/call/{method}");
    let http = server.http();
    http.post(&call("us:world", "enter"), &json!({ "member": "dan" })).expect(200);
    http.post(&call("world", "enter"), &json!({ "member": "eve" })).expect(200);
    http.post(&call("eu:world", "configure"), &json!({ "shards": 1025 })).expect_problem(422, "invalid");
    http.post(&call("eu:world", "configure"), &json!({ "shards": 7 })).expect_problem(409, "fewer_shards");
    http.post(&call("eu:world", "find"), &json!({ "member": "eve" })).expect_problem(404, "no_such_member");
    let names = |path: &str| {
        let listed = http.get(path).expect(200);
        let names = listed["objects"].as_array().unwrap().iter().map(|entry| entry["name"].clone());
        Value::from(names.collect::<Vec<_>>())
    };
    for path in ["/v1/classes/coordinator/listing?", "/v1/objects?class=coordinator"] {
        assert_eq!(names(&format!("{path}&region=eu")), json!(["eu:world"]), "{path}");
        assert_eq!(names(&format!("{path}&region=none")), json!([]), "{path}");
        assert_eq!(names(path), json!(["eu:world", "us:world", "world"]), "{path}");
    }
    let eu = http.get("/v1/classes/coordinator/listing?region=eu").expect(200);
    assert_eq!(eu["objects"], json!([{ "name": "eu:world", "members": 3, "children": 2 }]));
    let server = server.kill().start();
    let cid = server.http().post(&call("eu:world", "find"), &json!({ "member": "cid" })).expect(200);
    assert_eq!(cid, json!({ "child": 1, "name": "eu:world.1" }));
}
