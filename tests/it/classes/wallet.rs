//! Wallets.
//!
//! In the second test many send from wallet to wallet while the server is killed again and again. Every transfer has
//! an id, and whoever is not answered asks again by it: so in the end each is there once, and the sum is what it was.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tickstone_tests::http::Http;
use tickstone_tests::server::{Plan, Server};
use tickstone_tests::{turn, wait};

use super::readme;

const WALLETS: usize = 4;
const SENDERS: usize = 6;
const FIRST: u64 = 100_000;
/// Kills, unless `TICKSTONE_WALLET_KILLS` says more.
const KILLS: u64 = 3;

fn call(wallet: &str, method: &str) -> String {
    format!("/v1/objects/wallet/{wallet}/call/{method}")
}

#[test]
fn a_wallet_is_asked_as_the_readme_has_it_and_survives_a_kill() {
    let _turn = turn::shared();
    let server = Plan::dev().start();
    readme::run(&server, "wallet");
    let http = server.http();
    let poor = json!({ "id": "p", "to_wallet": "bob", "amount": 1_000_000 });
    http.post(&call("ann", "transfer"), &poor).expect_problem(409, "insufficient_funds");
    http.post(&call("ann", "transfer"), &json!({ "amount": 1 })).expect_problem(422, "invalid");
    let ann = json!({ "subject": "ann", "scopes": ["wallet:ann:call"] });
    let token = http.post("/v1/tokens", &ann).expect(201)["token"].as_str().unwrap().to_owned();
    let ann = http.with_secret(&token);
    let made = json!({ "id": "m", "amount": 1 });
    ann.post(&call("ann", "deposit"), &made).expect_problem(403, "not_allowed");
    ann.post(&call("bob", "list"), &Value::Null).expect_problem(403, "credential_refused");
    let before = ann.post(&call("ann", "list"), &Value::Null).expect(200);
    let server = server.kill().start();
    assert_eq!(server.http().post(&call("ann", "list"), &Value::Null).expect(200), before);
}

/// One who sends, and what they know.
#[derive(Debug, Default)]
struct Sender {
    number: usize,
    /// Transfers that were begun; the last may not have been answered.
    begun: u64,
    /// The last was answered.
    is_answered: bool,
    /// What was answered that it was sent.
    sent: BTreeMap<String, u64>,
}

impl Sender {
    /// Sends here and there until the server is gone.
    fn send(&mut self, http: &Http, answered: &AtomicU64) {
        loop {
            if self.is_answered || self.begun == 0 {
                self.begun += 1;
                self.is_answered = false;
            }
            let step = self.begun as usize + self.number;
            let (from, to) = (step % WALLETS, (step + 1 + self.number % (WALLETS - 1)) % WALLETS);
            let (id, amount) = (format!("{}-{}", self.number, self.begun), self.begun % 97 + 1);
            let body = json!({ "id": id, "to_wallet": format!("w{to}"), "amount": amount });
            let Some(answer) = http.try_ask("POST", &call(&format!("w{from}"), "transfer"), Some(&body))
            else {
                return;
            };
            match (answer.status, answer.code()) {
                (200, _) => assert!(self.sent.insert(format!("w{from} {id}"), amount).is_none()),
                (409, "insufficient_funds") => {}
                // Nobody knows: the same is asked again.
                (503 | 504, _) => continue,
                _ => panic!("{answer:?}"),
            }
            self.is_answered = true;
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What there is in all wallets, once nothing is on its way.
fn settled(http: &Http) -> u64 {
    let sum = (0..WALLETS).map(|wallet| {
        wait::until("what is on its way to arrive", || {
            let standing = http.post(&call(&format!("w{wallet}"), "list"), &Value::Null).expect(200);
            let is_settled = standing["on_the_way"].as_array().unwrap().is_empty();
            is_settled.then(|| standing["balances"][""].as_u64().unwrap_or_default())
        })
    });
    // What arrives late adds to a wallet that was looked at before: look again.
    let _on_the_way: u64 = sum.clone().sum();
    sum.sum()
}

/// The whole log of a wallet by kind and id, each of which is there once.
fn log(http: &Http, wallet: &str) -> BTreeMap<(String, String), u64> {
    let (mut all, mut before) = (BTreeMap::new(), Value::Null);
    loop {
        let page = json!({ "limit": 100, "before": before });
        let page = http.post(&call(wallet, "log"), &page).expect(200);
        for entry in page["entries"].as_array().unwrap() {
            let text = |field: &str| entry[field].as_str().unwrap().to_owned();
            let twice = all.insert((text("kind"), text("id")), entry["amount"].as_u64().unwrap());
            assert!(twice.is_none(), "{wallet} has {entry} twice");
        }
        before = page["next"].clone();
        if before.is_null() {
            return all;
        }
    }
}

/// Everybody sends for a while, and the server is killed in the middle.
fn round(server: Server, senders: &mut [Sender], answered: &AtomicU64, lasts: Duration) -> Plan {
    let http = server.http();
    std::thread::scope(|scope| {
        for sender in senders {
            let http = &http;
            scope.spawn(move || sender.send(http, answered));
        }
        wait::pause(lasts);
        server.strike();
    });
    server.kill()
}

#[test]
fn money_is_conserved_under_concurrent_transfers_while_the_server_is_killed() {
    let _turn = turn::alone();
    let kills = std::env::var("TICKSTONE_WALLET_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let (mut server, answered) = (Plan::dev().start(), AtomicU64::new(0));
    for wallet in 0..WALLETS {
        let body = json!({ "id": "first", "amount": FIRST });
        server.http().post(&call(&format!("w{wallet}"), "deposit"), &body).expect(200);
    }
    let mut senders: Vec<Sender> =
        (0..SENDERS).map(|number| Sender { number, ..Sender::default() }).collect();
    for kill in 0..kills {
        // Not in step with anything of the server.
        let lasts = Duration::from_millis(250 + kill * 7_919 % 500);
        server = round(server, &mut senders, &answered, lasts).start();
        assert_eq!(settled(&server.http()), FIRST * WALLETS as u64, "after kill {kill}");
    }
    let (mut sent, mut received) = (BTreeMap::new(), BTreeMap::new());
    for wallet in (0..WALLETS).map(|wallet| format!("w{wallet}")) {
        for ((kind, id), amount) in log(&server.http(), &wallet) {
            match &*kind {
                "sent" => assert!(sent.insert(id.clone(), (wallet.clone(), amount)).is_none()),
                "received" => assert!(received.insert(id, amount).is_none()),
                other => assert_eq!(other, "deposit"),
            }
        }
    }
    assert!(
        sent.iter().map(|(id, (_, amount))| (id, amount)).eq(received.iter()),
        "what was sent has arrived, once"
    );
    let told = senders.iter().flat_map(|sender| &sender.sent);
    let missing = told.clone().filter(|(known, amount)| {
        let (wallet, id) = known.split_once(' ').expect("as it was put");
        sent.get(id) != Some(&(wallet.to_owned(), **amount))
    });
    assert_eq!(missing.count(), 0, "what was answered is in the log");
    let (answered, told) = (answered.into_inner(), told.count());
    println!(
        "{kills} kills: {answered} answers, {told} transfers of {} in the logs; none lost, none twice",
        sent.len()
    );
    assert!(told as u64 >= kills * 20, "hardly anything happened: {senders:?}");
}
