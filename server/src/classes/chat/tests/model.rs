//! Two thousand random operations beside a plain model of a room.

use std::collections::{BTreeMap, BTreeSet};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::*;

const OPERATIONS: usize = 2_000;
const NAMES: [&str; 5] = ["ann", "bob", "cid", "dan", "eve"];

/// What a room is, without sockets, storage or time that jumps.
#[derive(Default)]
struct Model {
    said: u64,
    history: BTreeMap<u64, (Option<&'static str>, String)>,
    kept: u64,
    muted: BTreeSet<&'static str>,
    /// Of each user: when each of the last messages was said, as far as they still count.
    spoken: BTreeMap<&'static str, Vec<u64>>,
    windows: BTreeMap<SocketId, &'static str>,
    /// What each socket should have heard.
    heard: BTreeMap<SocketId, Vec<u64>>,
}

impl Model {
    fn new() -> Self {
        Self { kept: 100, ..Self::default() }
    }

    fn post(&mut self, user: Option<&'static str>, text: String) {
        self.said += 1;
        self.history.insert(self.said, (user, text));
        self.trim();
        for socket in self.windows.keys() {
            self.heard.entry(*socket).or_default().push(self.said);
        }
    }

    fn trim(&mut self) {
        let oldest = (self.said + 1).saturating_sub(self.kept);
        self.history.retain(|id, _| *id >= oldest);
    }

    /// Five at once, then one a second: told by replaying the bucket from the beginning.
    fn may_speak(&self, user: &str, now_ms: u64) -> bool {
        let (mut tokens, mut at) = (5_000_u64, 0);
        for said in self.spoken.get(user).into_iter().flatten() {
            tokens = (tokens + (said - at)).min(5_000) - 1_000;
            at = *said;
        }
        (tokens + (now_ms - at)).min(5_000) >= 1_000 && !self.muted.contains(user)
    }
}

struct Run {
    bed: Testbed,
    model: Model,
    rng: Pcg64Mcg,
}

impl Run {
    fn below(&mut self, limit: u64) -> u64 {
        u64::from(self.rng.next_u32()) % limit
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len() as u64) as usize]
    }

    fn window(&mut self) -> Option<(SocketId, &'static str)> {
        let count = self.model.windows.len() as u64;
        let nth = if count == 0 { return None } else { self.below(count) as usize };
        self.model.windows.iter().nth(nth).map(|(socket, user)| (*socket, *user))
    }

    fn speak(&mut self, user: &'static str, text: &str) -> bool {
        let now_ms = self.bed.unix_ms();
        let may = self.model.may_speak(user, now_ms);
        if may {
            self.model.spoken.entry(user).or_default().push(now_ms);
            self.model.post(Some(user), text.to_owned());
        }
        may
    }

    fn operation(&mut self, n: usize) {
        let text = format!("text {n}");
        match self.below(12) {
            0 | 1 => {
                let user = self.name();
                let socket = enter(&mut self.bed, user);
                let own = self.model.windows.values().filter(|other| **other == user).count();
                assert_eq!(self.bed.client(socket).closed.is_none(), own < 8);
                if own < 8 {
                    self.model.windows.insert(socket, user);
                    self.model.heard.entry(socket).or_default();
                }
            }
            2 => {
                if let Some((socket, _)) = self.window() {
                    self.model.windows.remove(&socket);
                    leave(&mut self.bed, socket);
                }
            }
            3..=5 => {
                if let Some((socket, user)) = self.window() {
                    self.speak(user, &text);
                    say(&mut self.bed, socket, &text);
                }
            }
            6 => {
                let user = self.name();
                let may = self.speak(user, &text);
                let said = call_as(&mut self.bed, super::user(user), "say", json!({ "text": text }));
                assert_eq!(said.is_ok(), may, "{said:?}");
            }
            7 => {
                self.model.post(None, text.clone());
                ask(&mut self.bed, "announce", json!({ "text": text })).unwrap();
            }
            8 => {
                let (said, back) = (self.model.said, self.below(120));
                let id = said.saturating_sub(back);
                let deleted = ask(&mut self.bed, "delete", json!({ "id": id }));
                assert_eq!(deleted.is_ok(), self.model.history.remove(&id).is_some());
            }
            9 => {
                let user = self.name();
                let (method, changes) = match self.below(4) {
                    0 => {
                        self.model.muted.insert(user);
                        ("mute", true)
                    }
                    _ => ("unmute", self.model.muted.remove(user)),
                };
                assert_eq!(ask(&mut self.bed, method, json!({ "user": user })).is_ok(), changes);
            }
            10 => {
                self.model.kept = self.below(101);
                self.model.trim();
                self.model.spoken.clear();
                let change = json!({ "history_messages": self.model.kept });
                ask(&mut self.bed, "configure", change).unwrap();
            }
            _ => {
                let millis = self.below(15_000);
                self.bed.advance(Duration::from_millis(millis));
            }
        }
    }

    fn compare(&mut self) {
        let kept: Vec<_> = history(&mut self.bed).into_iter().map(|m| (m.id, m.user, m.text)).collect();
        let owned = |user: &Option<&str>| user.map(str::to_owned);
        let wanted = self.model.history.iter().map(|(id, (user, text))| (*id, owned(user), text.clone()));
        assert_eq!(kept, wanted.collect::<Vec<_>>());
        let users: BTreeSet<&str> = self.model.windows.values().copied().collect();
        let members = ask(&mut self.bed, "members", Value::Null).unwrap();
        assert_eq!(members, json!({ "members": users.len(), "users": users }));
    }
}

#[test]
fn a_room_is_what_a_plain_model_of_it_is() {
    for bed in beds() {
        let mut run = Run { bed, model: Model::new(), rng: Pcg64Mcg::seed_from_u64(6) };
        for n in 0..OPERATIONS {
            run.operation(n);
            if n % 20 == 0 {
                run.compare();
            }
        }
        run.compare();
        for (socket, wanted) in &run.model.heard {
            let heard = told_of(&run.bed, *socket, "message");
            let heard: Vec<_> = heard.iter().map(|told| told["id"].as_u64().unwrap()).collect();
            assert_eq!(heard, *wanted);
        }
        let (said, sockets) = (run.model.said, run.model.heard.len());
        assert!(said > 500 && sockets > 100, "too little happened: {said} messages, {sockets} sockets");
    }
}
