//! The load test's bots outside dev mode: they join by tokens, and come back after a kill by themselves.

use std::time::Duration;

use tickstone_loadtest::brain::BrainKind;
use tickstone_loadtest::fleet::{Fleet, FleetError, FleetOptions, MatchRequest};
use tickstone_server::access::admin::generate;
use tickstone_tests::server::Plan;
use tickstone_tests::{turn, wait};

use super::keys::Keys;

const RETURN_MAX: Duration = Duration::from_secs(15);

#[test]
fn bots_join_by_tokens_and_come_back_after_kills() {
    let _turn = turn::alone();
    let keys = Keys::new();
    let (text, line) = generate("bots", "create+seat").unwrap();
    let plan: Plan = keys.plan().on_fixed_port().with("TICKSTONE_ADMIN_KEYS", &line);
    let mut server = plan.start();
    let mut options = FleetOptions::new(&server.url());
    let request = |index: usize| MatchRequest { id: Some(format!("m-{index}")), ..MatchRequest::default() };
    options.matches = (0..4).map(request).collect();
    (options.players, options.brain, options.input_hz) = (4, BrainKind::Light, 30);
    let refused = Fleet::start(&options).map(Fleet::stop);
    assert!(matches!(refused, Err(FleetError::Refused { status: 401, .. })), "a key is needed");
    options.admin_key = Some(text);
    let fleet = Fleet::start(&options).expect("the server is up");
    assert!(fleet.wait_all_in_play(RETURN_MAX), "{:?}", fleet.seen());
    for _ in 0..3 {
        wait::pause(Duration::from_secs(1));
        server = server.kill().start();
        assert!(fleet.wait_all_in_play(RETURN_MAX), "bots do not come back: {:?}", fleet.seen());
    }
    let seen = fleet.seen();
    assert!(seen.iter().all(|seen| seen.given_up == 0 && seen.reconnects >= 12), "{seen:?}");
    let meter = fleet.stop();
    assert_eq!(server.http().metric("tickstone_object_panics_total"), 0.0);
    drop(meter);
}
