//! Starting: on next to nothing, and not at all.

use tickstone_tests::server::{Plan, Server};
use tickstone_tests::turn;

#[test]
fn on_a_free_port_with_nothing_configured() {
    let _turn = turn::shared();
    let server = Server::dev();
    assert_ne!(server.addr().port(), 0);
    assert_eq!(server.ready["pid"], server.pid());
    assert_eq!(server.ready["data"], server.data().display().to_string());
    assert!(server.ready.get("quic").is_some());
    assert!(server.data().is_dir());
    server.http().create("arena", "a");
}

#[test]
fn one_server_a_data_directory() {
    let _turn = turn::shared();
    let server = Server::dev();
    let (status, said) = server.plan.refused();
    assert_eq!(status, Some(73), "{said}");
    assert!(said.contains("in use") && said.contains(&server.data().display().to_string()), "{said}");
    server.http().get("/healthz").expect(200);
    let plan = server.kill();
    plan.start().http().get("/readyz").expect(200);
}

#[test]
fn what_would_be_open_to_everybody_is_refused() {
    let _turn = turn::shared();
    let mut open = Plan::dev();
    open.arguments.clear();
    let (status, said) = open.refused();
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("secret") && said.contains("--dev"), "{said}");
    let (status, said) = open.clone().with("TICKSTONE_SECRET", "short").refused();
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("32 bytes") && !said.contains("short"), "{said}");
    let mut exposed = Plan::dev();
    exposed.listen = "0.0.0.0:0".to_owned();
    let (status, said) = exposed.refused();
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("loopback"), "{said}");
    assert!(!exposed.data.exists() && !open.data.exists(), "a refused start writes nothing");
}

#[test]
fn a_configuration_that_is_none_says_what_is_wrong() {
    let _turn = turn::shared();
    let mut plan = Plan::dev();
    plan.arguments.extend(["--config".to_owned(), "/nonexistent/tickstone.toml".to_owned()]);
    let (status, said) = plan.refused();
    assert!(status == Some(2) && said.contains("/nonexistent/tickstone.toml"), "{status:?} {said}");
    let (status, said) = Plan::dev().with("TICKSTONE_WORKERS", "many").refused();
    assert!(status == Some(2) && said.contains("workers"), "{status:?} {said}");
    let mut taken = Plan::dev();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    taken.listen = other.local_addr().unwrap().to_string();
    let (status, said) = taken.refused();
    assert!(status == Some(1) && said.contains(&taken.listen), "{status:?} {said}");
}
