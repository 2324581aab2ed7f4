//! States over a path that loses, delays and reorders: once it is quiet, a client has what the server shows.
//!
//! Everything but the path is real: the choice of bases, the differences and their parts, the client's assembler.
//! TICKSTONE_PATHS says how many seeds are tried.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng as _;
use tickstone_shared::client::assembler::Assembler;
use tickstone_shared::ids::Epoch;
use tickstone_shared::input::Acknowledged;
use tickstone_shared::replication::datagram_bases::{DatagramBases, shared_base};
use tickstone_shared::replication::encode::{Encoder, Pair, Parts};
use tickstone_shared::replication::layout::Layout;
use tickstone_shared::replication::stream_base::Shown;
use tickstone_shared::schema::{Field, FieldKind, KindSchema, Schema};
use tickstone_shared::time::Tick;
use tickstone_shared::wire::parts::StatePart;
use tickstone_shared::wire::state::StateMessage;

/// Seeds that are tried unless told otherwise.
const SEEDS: u64 = 500;
/// Ticks of trouble, and of quiet after them: what is in flight arrives, and is acknowledged.
const TROUBLE_TICKS: u64 = 40;
const QUIET_TICKS: u64 = 24;
/// A message is at most so many ticks on its way.
const DELAY_MAX: u64 = 6;
/// Bytes of a part: few, so that there are several.
const PART_BYTES_MAX: usize = 90;
/// Bytes of a whole state that still goes in a datagram.
const WHOLE_BYTES_MAX: usize = 120;
const CLIENTS: usize = 3;

fn schema() -> Schema {
    let field = |(at, kind)| Field { name: format!("f{at}"), kind, per_unit: 1, private: false };
    let kind = |name: &str, kinds: &[FieldKind]| KindSchema {
        name: name.to_owned(),
        fields: kinds.iter().copied().enumerate().map(field).collect(),
    };
    let kinds = vec![
        kind("body", &[FieldKind::I32, FieldKind::I16, FieldKind::Bool]),
        kind("mark", &[FieldKind::U8]),
    ];
    Schema { kinds, input: Vec::new() }
}

/// A state as the server shows it.
#[derive(Debug, Default)]
struct State {
    epoch: u32,
    tick: u64,
    body: Vec<u8>,
}

impl Shown for State {
    fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }
    fn tick(&self) -> Tick {
        Tick(self.tick)
    }
}

/// Random numbers below something.
struct Dice(Pcg32);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        u64::from(self.0.next_u32()) % end
    }
    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// What moves about: rows without their ids.
#[derive(Default)]
struct World {
    rows: BTreeMap<(u8, u32), Vec<u8>>,
    next_id: u32,
}

impl World {
    /// Some come, some go, some change.
    fn step(&mut self, dice: &mut Dice) {
        for _ in 0..dice.below(4) {
            self.next_id += 1 + dice.below(3) as u32;
            let kind = dice.below(2) as u8;
            self.rows.insert((kind, self.next_id), if kind == 0 { vec![0; 7] } else { vec![0] });
        }
        self.rows.retain(|_, _| !dice.one_in(20));
        for (place, row) in &mut self.rows {
            if dice.one_in(3) {
                let at = dice.below(row.len() as u64) as usize;
                row[at] = if place.0 == 0 && at == 6 { row[at] ^ 1 } else { dice.below(256) as u8 };
            }
        }
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for kind in 0..2 {
            let rows: Vec<_> = self.rows.range((kind, 0)..=(kind, u32::MAX)).collect();
            if rows.is_empty() {
                continue;
            }
            body.push(kind);
            body.extend_from_slice(&(rows.len() as u16).to_le_bytes());
            for ((_, id), row) in rows {
                body.extend_from_slice(&id.to_le_bytes());
                body.extend_from_slice(row);
            }
        }
        body
    }
}

/// What is on its way to a client.
enum Sent {
    Welcome(u32),
    Whole(Arc<State>),
    Part { state: Arc<State>, base: Option<u64>, part: u16, parts: u16, body: Vec<u8> },
}

/// One client, and the path to it and back.
struct Client {
    /// At the server.
    bases: DatagramBases<State>,
    down: Vec<(u64, Sent)>,
    stream: Vec<(u64, Sent)>,
    up: Vec<(u64, Epoch, Acknowledged)>,
    /// At the client.
    epoch: u32,
    states: Option<Assembler>,
    shown: Vec<u8>,
    shown_tick: u64,
}

impl Client {
    fn new() -> Self {
        Self {
            bases: DatagramBases::default(),
            down: Vec::new(),
            stream: Vec::new(),
            up: Vec::new(),
            epoch: 0,
            states: None,
            shown: Vec::new(),
            shown_tick: 0,
        }
    }

    /// The stream keeps its order.
    fn say(&mut self, now: u64, sent: Sent, dice: &mut Dice) {
        let last = self.stream.last().map_or(0, |(at, _)| *at);
        self.stream.push(((now + dice.below(DELAY_MAX)).max(last), sent));
    }

    fn show(
        &mut self,
        now: u64,
        state: &Arc<State>,
        shared: Option<Tick>,
        layout: &Layout,
        is_lossy: bool,
        dice: &mut Dice,
    ) {
        let base = self.bases.before(state, shared).cloned();
        let mut bodies = Vec::new();
        match &base {
            Some(base) => {
                let mut parts = Parts::default();
                let pair = Pair { layout, base: &base.body, view: &state.body };
                Encoder::default().parts(pair, |_, _| false, PART_BYTES_MAX, &mut parts);
                bodies.extend(parts.iter().map(<[u8]>::to_vec));
            }
            None if state.body.len() <= WHOLE_BYTES_MAX => bodies.push(state.body.clone()),
            None if !self.bases.takes_whole(state) => return,
            None => self.say(now, Sent::Whole(Arc::clone(state)), dice),
        }
        self.bases.sent(state);
        let parts = bodies.len() as u16;
        for (part, body) in (0..).zip(bodies) {
            let base = base.as_ref().map(|base| base.tick);
            let sent = Sent::Part { state: Arc::clone(state), base, part, parts, body };
            if !(is_lossy && dice.one_in(4)) {
                let delay = if is_lossy { dice.below(DELAY_MAX) } else { 1 };
                self.down.push((now + delay, sent));
            }
        }
    }

    /// Takes what has arrived by now, in any order, and says what it has.
    fn hear(&mut self, now: u64, is_lossy: bool, dice: &mut Dice) {
        let (mut came, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.down).into_iter().partition(|(at, _)| *at <= now);
        self.down = later;
        if dice.one_in(2) {
            came.reverse();
        }
        let said = self.stream.iter().take_while(|(at, _)| *at <= now).count();
        let said: Vec<_> = self.stream.drain(..said).collect();
        for (_, sent) in said.into_iter().chain(came) {
            self.take(sent);
        }
        let Some(states) = &self.states else { return };
        if !(is_lossy && dice.one_in(3)) {
            let delay = if is_lossy { dice.below(DELAY_MAX) } else { 1 };
            self.up.push((now + delay, Epoch(self.epoch), states.received()));
        }
    }

    fn take(&mut self, sent: Sent) {
        let (hash, last_input, lead, starved) = (None, 0, 0, 0);
        let taken = match (sent, &mut self.states) {
            (Sent::Welcome(epoch), states) => {
                *states = Some(Assembler::new(Epoch(epoch), &schema()));
                (self.epoch, self.shown_tick) = (epoch, 0);
                return;
            }
            (_, None) => return,
            (Sent::Whole(state), Some(states)) => {
                let (epoch, tick, body) = (Epoch(state.epoch), Tick(state.tick), Some(state.body.clone()));
                let state = StateMessage {
                    epoch,
                    tick,
                    base: None,
                    hash,
                    body,
                    entities: None,
                    last_input,
                    lead,
                    starved,
                };
                states.take_state(state)
            }
            (Sent::Part { state, base, part, parts, body }, Some(states)) => {
                let (epoch, tick, base) = (Epoch(state.epoch), Tick(state.tick), base.map(Tick));
                let body = &body;
                states.take_part(&StatePart {
                    epoch,
                    tick,
                    base,
                    hash,
                    part,
                    parts,
                    body,
                    last_input,
                    lead,
                    starved,
                })
            }
        };
        if let Some(state) = taken.unwrap() {
            assert!(state.tick.0 > self.shown_tick, "states only get newer");
            (self.shown_tick, self.shown) = (state.tick.0, state.body.unwrap());
        }
    }

    /// The server hears what was said.
    fn acknowledge(&mut self, now: u64) {
        let bases = &mut self.bases;
        self.up.retain(|(at, epoch, acknowledged)| {
            if *at <= now {
                bases.acknowledge(*epoch, *acknowledged);
            }
            *at > now
        });
    }
}

/// How often it happened that a state was relative to another, and that it was cut.
#[derive(Default)]
struct Seen {
    relative: u32,
    cut: u32,
}

fn play(seed: u64, seen: &mut Seen) {
    let layout = Layout::new(&schema()).unwrap();
    let mut dice = Dice(Pcg32::new(seed, 7));
    let (mut world, mut epoch, mut tick) = (World::default(), 1, 0);
    let mut clients: Vec<Client> = std::iter::repeat_with(Client::new).take(CLIENTS).collect();
    let mut last = Vec::new();
    for now in 0..TROUBLE_TICKS + QUIET_TICKS {
        let is_lossy = now < TROUBLE_TICKS;
        let restarts = is_lossy && dice.one_in(25);
        if restarts {
            (epoch, tick) = (epoch + 1, tick - dice.below(tick.min(3) + 1));
        }
        for client in &mut clients {
            let comes_back = is_lossy && dice.one_in(60);
            if comes_back {
                // Nothing of a connection reaches the next one.
                *client = Client::new();
            }
            // After a restart all that is under way still arrives: the epoch makes it harmless.
            if now == 0 || restarts || comes_back {
                client.bases = DatagramBases::default();
                client.say(now, Sent::Welcome(epoch), &mut dice);
            }
            client.acknowledge(now);
        }
        tick += 1 + if dice.one_in(30) { dice.below(40) } else { 0 };
        if is_lossy {
            world.step(&mut dice);
        }
        let state = Arc::new(State { epoch, tick, body: world.body() });
        let shared = shared_base(&clients.iter().map(|client| client.bases.acknowledged()));
        for client in &mut clients {
            client.show(now, &state, shared, &layout, is_lossy, &mut dice);
            for (_, sent) in &client.down {
                if let Sent::Part { base, parts, .. } = sent {
                    seen.relative += u32::from(base.is_some());
                    seen.cut += u32::from(*parts > 1);
                }
            }
            client.hear(now, is_lossy, &mut dice);
        }
        last.clone_from(&state.body);
    }
    for (number, client) in clients.iter().enumerate() {
        assert!(
            client.shown == last,
            "client {number} of seed {seed} has something else, at tick {}",
            client.shown_tick
        );
    }
}

#[test]
fn once_it_is_quiet_every_client_has_what_the_server_shows() {
    let seeds = std::env::var("TICKSTONE_PATHS").ok().map_or(SEEDS, |count| count.parse().unwrap());
    let mut seen = Seen::default();
    (0..seeds).for_each(|seed| play(seed, &mut seen));
    assert!(seen.relative > 0 && seen.cut > 0, "differences were sent, and cut");
}
