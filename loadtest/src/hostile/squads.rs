//! Every attacker of a run: started at the attack's beginning, gone at its end.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::attack;
use super::attempt::Attempt;
use super::options::{Attack, AttackKind, HostileOptions};
use super::report::AttackerReport;
use super::tally::{Answer, Gauge, Tally};
use crate::clock::Clock;
use crate::fleet::FleetError;
use crate::http::Api;
use crate::impair::Random;
use tickstone_shared::net::trust::Trust;
use tickstone_shared::time::Moment;

/// An attempt that was over at once is not repeated before this.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A match to attack.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) match_id: String,
    pub(crate) address: SocketAddr,
    pub(crate) datagrams: Option<SocketAddr>,
    /// Where QUIC is spoken, and by what the server is known there.
    pub(crate) quic: Option<(String, Trust)>,
}

/// The attackers on a thread of their own. Dropping them ends them.
#[derive(Debug)]
pub(crate) struct Squads {
    tallies: BTreeMap<AttackKind, (Attack, Arc<Tally>, Option<&'static str>)>,
    all_open: Arc<Gauge>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The attackers of one kind.
#[derive(Debug)]
struct Squad {
    kind: AttackKind,
    attack: Attack,
    tally: Arc<Tally>,
    targets: Arc<Vec<Target>>,
    backend: Option<Api>,
    addresses: u8,
    seed: u64,
    clock: Clock,
    end: Moment,
    next_attempt: Mutex<Moment>,
}

impl Squads {
    /// Attackers who will attack from `start` to `end`. Those who join get their tokens from `backend`, as every
    /// player does outside dev mode.
    pub(crate) fn start(
        options: &HostileOptions,
        targets: Vec<Target>,
        backend: Option<&Api>,
        seed: u64,
        clock: Clock,
        (start, end): (Moment, Moment),
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (all_open, targets) = (Arc::new(Gauge::default()), Arc::new(targets));
        let mut tallies = BTreeMap::new();
        let mut squads = Vec::new();
        for (kind, attack) in &options.attackers {
            let tally = Arc::new(Tally::new(Arc::clone(&all_open)));
            let has_port = !kind.goes_to_udp() || targets.iter().any(|at| at.datagrams.is_some());
            let note = (!has_port).then_some("the server has no UDP port");
            tallies.insert(*kind, (*attack, Arc::clone(&tally), note));
            if !has_port {
                continue;
            }
            squads.push(Arc::new(Squad {
                kind: *kind,
                attack: *attack,
                tally,
                targets: Arc::clone(&targets),
                backend: backend.filter(|_| kind.takes_seats()).cloned(),
                addresses: options.addresses,
                seed: seed ^ ((*kind as u64 + 1) << 32),
                clock,
                end,
                next_attempt: Mutex::new(start),
            }));
        }
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let run = move || runtime.block_on(attack_all(squads, clock, (start, end), &stop));
        let thread = std::thread::Builder::new().name("attackers".to_owned()).spawn(run)?;
        Ok(Self { tallies, all_open, stopping, thread: Some(thread) })
    }

    /// The most hostile connections there were at once.
    pub(crate) fn connections_max(&self) -> u64 {
        self.all_open.max()
    }

    /// What each kind did. Call it after the end of the attack.
    pub(crate) fn finish(mut self) -> BTreeMap<AttackKind, AttackerReport> {
        if let Some(thread) = self.thread.take() {
            // Attackers that broke have attacked no more; their counts stand.
            let _ = thread.join();
        }
        let reports = self.tallies.iter();
        reports
            .map(|(kind, (attack, tally, note))| (*kind, AttackerReport::new(*attack, tally, *note)))
            .collect()
    }
}

impl Drop for Squads {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

async fn attack_all(
    squads: Vec<Arc<Squad>>,
    clock: Clock,
    (start, end): (Moment, Moment),
    stopping: &AtomicBool,
) {
    let sleep = |until: Moment| async move {
        while clock.now() < until && !stopping.load(Ordering::Relaxed) {
            let next = until.min(clock.now() + Duration::from_millis(200));
            tokio::time::sleep_until(clock.instant(next)).await;
        }
    };
    sleep(start).await;
    let mut attackers = tokio::task::JoinSet::new();
    for squad in squads {
        for number in 0..squad.attack.count {
            attackers.spawn(Arc::clone(&squad).attacker(number));
        }
    }
    sleep(end).await;
    // Each ends by itself at the end; who is stopped earlier ends here.
    let all = async { while attackers.join_next().await.is_some() {} };
    if !stopping.load(Ordering::Relaxed) {
        let _ = tokio::time::timeout(Duration::from_secs(1), all).await;
    }
}

impl Squad {
    /// Tries until the attack is over.
    async fn attacker(self: Arc<Self>, number: u32) {
        let mut random = Random::new(self.seed, u64::from(number));
        let end = self.clock.instant(self.end);
        loop {
            let due = self.next_attempt();
            if due >= self.end {
                return;
            }
            tokio::time::sleep_until(self.clock.instant(due)).await;
            let mut attempt = self.attempt(number, random.next());
            self.tally.attempts.fetch_add(1, Ordering::Relaxed);
            let attack = self.attack(&mut attempt);
            let answer = tokio::time::timeout_at(end, attack).await.unwrap_or(Answer::StillOpen);
            self.tally.answer(answer);
            let again = self.clock.now() + AGAIN_AFTER;
            tokio::time::sleep_until(self.clock.instant(again)).await;
        }
    }

    async fn attack(&self, attempt: &mut Attempt) -> Answer {
        if let Some(backend) = self.backend.clone() {
            let (match_id, player) = (attempt.match_id.clone(), attempt.player.clone());
            let asked = tokio::task::spawn_blocking(move || backend.seat(&match_id, &player)).await;
            attempt.token = match asked {
                Ok(Ok(token)) => Some(token),
                Ok(Err(FleetError::Refused { status, .. })) => return Answer::Status(status),
                Ok(Err(_)) | Err(_) => return Answer::NotConnected,
            };
        }
        attack::run(self.kind, attempt).await
    }

    /// When the next attempt of this kind may begin: never more often than its rate.
    fn next_attempt(&self) -> Moment {
        let mut next = self.next_attempt.lock().unwrap_or_else(PoisonError::into_inner);
        let due = (*next).max(self.clock.now());
        *next = due + Duration::from_secs_f64(1.0 / self.attack.per_second);
        due
    }

    fn attempt(&self, number: u32, seed: u64) -> Attempt {
        let target = &self.targets[number as usize % self.targets.len()];
        let source = (self.addresses > 0).then(|| {
            let host = 2 + (number % u32::from(self.addresses)) as u8;
            IpAddr::V4(Ipv4Addr::new(127, 0, 0, host))
        });
        Attempt {
            number,
            attack: self.attack,
            address: target.address,
            datagrams: target.datagrams,
            quic: target.quic.clone(),
            source,
            match_id: target.match_id.clone(),
            player: format!("{}-{number}", self.kind.name()),
            token: None,
            tally: Arc::clone(&self.tally),
            random: Random::new(seed, 0),
            clock: self.clock,
            end: self.end,
        }
    }
}
