//! Sequences of states that are told by their differences, and what is none.

use std::path::Path;

use serde_json::{Value, json};
use tickstone_shared::client::assembler::Assembler;
use tickstone_shared::games::arena::{Arena, ArenaInput, Options, Rules, SHOOT};
use tickstone_shared::ids::{Epoch, NetId, PlayerName, Seat};
use tickstone_shared::replication::encode::{Encoder, Pair, Parts};
use tickstone_shared::replication::history::History;
use tickstone_shared::replication::layout::Layout;
use tickstone_shared::schema::{Field, FieldKind, KindSchema, Schema};
use tickstone_shared::sim::assets::Assets;
use tickstone_shared::sim::event::Event;
use tickstone_shared::sim::registered::register;
use tickstone_shared::sim::simulation::Simulation;
use tickstone_shared::snapshot::Snapshot;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::parts::StatePart;

use super::messages::pong;
use super::{expect_kept, hex, unhex};

/// States one after another, and for each but the first how many before it its base is.
struct Sequence {
    name: &'static str,
    schema: Schema,
    bodies: Vec<Vec<u8>>,
    ages: Vec<usize>,
    /// Entities that leave view rather than go.
    left: Vec<NetId>,
}

impl Sequence {
    fn vectors(&self) -> Value {
        let layout = Layout::new(&self.schema).unwrap();
        let mut states = vec![
            json!({"tick": 1, "base": null, "bits": hex(&self.bodies[0]), "body": hex(&self.bodies[0])}),
        ];
        for (at, body) in self.bodies.iter().enumerate().skip(1) {
            let age = self.ages[(at - 1) % self.ages.len()].min(at);
            let (mut bits, mut parts) = (Vec::new(), Parts::default());
            let pair = Pair { layout: &layout, base: &self.bodies[at - age], view: body };
            let has_left = |_, id| self.left.contains(&id);
            Encoder::default().whole(pair, has_left, &mut bits);
            Encoder::default().parts(pair, has_left, 120, &mut parts);
            let parts: Vec<String> = parts.iter().map(hex).collect();
            states.push(json!({
                "tick": at + 1, "base": at + 1 - age, "bits": hex(&bits), "body": hex(body), "parts": parts,
            }));
        }
        json!({"name": self.name, "schema": self.schema, "states": states})
    }
}

/// The example of PROTOCOL.md: a paddle moves and the ball does.
fn example() -> Sequence {
    let body = |paddle: i16, x: i16, y: i16| {
        let mut body = vec![0, 2, 0];
        for (id, y) in [(2_u32, paddle), (3, 260)] {
            body.extend_from_slice(&id.to_le_bytes());
            body.extend_from_slice(&(id as u16 - 2).to_le_bytes());
            body.extend_from_slice(&y.to_le_bytes());
            body.push(5);
        }
        body.extend_from_slice(&[1, 1, 0, 1, 0, 0, 0]);
        body.extend_from_slice(&x.to_le_bytes());
        body.extend_from_slice(&y.to_le_bytes());
        body
    };
    let bodies = vec![body(300, 400, 300), body(308, 406, 297)];
    Sequence { name: "the example of the protocol", schema: pong(), bodies, ages: vec![1], left: Vec::new() }
}

/// Every kind of field over its whole range, ten fields so that there are three groups.
fn limits() -> Sequence {
    use FieldKind::{Bool, I8, I16, I32, U8, U16, U32};
    let kinds = [U8, U16, U32, I8, I16, I32, Bool, I32, I16, I8];
    let field = |(at, kind): (usize, &FieldKind)| Field {
        name: format!("f{at}"),
        kind: *kind,
        per_unit: 1,
        private: false,
    };
    let fields: Vec<Field> = kinds.iter().enumerate().map(field).collect();
    let schema = Schema { kinds: vec![KindSchema { name: "thing".to_owned(), fields }], input: Vec::new() };
    let edges = (0..32).flat_map(|bit| [1_i64 << bit, -(1 << bit), (1 << bit) - 1]);
    let body = |value: i64| {
        let mut body = vec![0, 1, 0, 9, 0, 0, 0];
        kinds.iter().for_each(|kind| kind.write(value, &mut body));
        body
    };
    let bodies = edges.chain([i64::from(u32::MAX), 0]).map(body).collect();
    Sequence {
        name: "every kind of field over its range",
        schema,
        bodies,
        ages: vec![1, 2, 3],
        left: Vec::new(),
    }
}

/// Entities that come between others, go, and leave view.
fn crowd() -> Sequence {
    let fields = vec![Field { name: "x".to_owned(), kind: FieldKind::I16, per_unit: 1, private: false }];
    let kind = |name: &str, fields| KindSchema { name: name.to_owned(), fields };
    let schema = Schema { kinds: vec![kind("dot", fields), kind("mark", Vec::new())], input: Vec::new() };
    let body = |dots: &[u32], marks: &[u32]| {
        let mut body = Vec::new();
        for (kind, ids) in [(0, dots), (1, marks)].into_iter().filter(|(_, ids)| !ids.is_empty()) {
            body.push(kind);
            body.extend_from_slice(&(ids.len() as u16).to_le_bytes());
            for id in ids {
                body.extend_from_slice(&id.to_le_bytes());
                if kind == 0 {
                    body.extend_from_slice(&(*id as u16).wrapping_mul(7_919).to_le_bytes());
                }
            }
        }
        body
    };
    let all: Vec<u32> = (1..=60).collect();
    let bodies = vec![
        body(&[], &[]),
        body(&[5, 9, 4_000_000_000], &[7]),
        body(&[2, 5, 7, 4_000_000_000, u32::MAX], &[1, 7, 8]),
        body(&[7], &[]),
        body(&all, &all),
        body(&all[20..40], &all[..3]),
        body(&[], &[]),
    ];
    let left = all.iter().filter(|id| **id % 3 == 0).map(|id| NetId(*id)).collect();
    Sequence { name: "entities that come, go and leave view", schema, bodies, ages: vec![1, 1, 2], left }
}

/// An arena of four, some of whom come later; bases of a stream and of a path with losses.
fn arena() -> Sequence {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/maps/dust.json");
    let mut assets = Assets::none();
    assets.insert("maps/dust.json", std::fs::read_to_string(path).unwrap());
    let options = Options { players_max: 4, countdown_seconds: 0, ..Options::default() };
    let rules = Rules::new(&options, &assets).unwrap();
    let mut simulation = Simulation::<Arena>::start(7, &rules);
    let mut bodies = Vec::new();
    for tick in 0..90_u32 {
        if tick.is_multiple_of(10) && tick < 40 {
            let player = PlayerName::parse("ann").unwrap();
            simulation.apply(&Event::Join { seat: Seat((tick / 10) as u16), player }).unwrap();
        }
        for seat in 0..(tick / 10 + 1).min(4) as u16 {
            let turn = (tick * 5 + u32::from(seat) * 40) as u8 as i8;
            let input = ArenaInput { move_x: turn, move_y: 100, aim_x: 60, aim_y: turn, buttons: SHOOT };
            let row = register::<Arena>().by_name(serde_json::to_value(input).unwrap()).unwrap();
            simulation.apply(&Event::Input { seat: Seat(seat), row }).unwrap();
        }
        simulation.step();
        let mut snapshot = Snapshot::default();
        simulation.snapshot(&mut snapshot);
        bodies.push(snapshot.body);
    }
    let schema = (**register::<Arena>().schema()).clone();
    Sequence { name: "an arena", schema, bodies, ages: vec![1, 1, 1, 4, 7], left: Vec::new() }
}

fn sequences() -> [Sequence; 4] {
    [example(), limits(), crowd(), arena()]
}

/// Bits that are no difference to the first state of the example.
fn refused() -> Vec<Value> {
    let good = example().vectors();
    let bits = unhex(&good["states"][1]["bits"]);
    let mut refused = Vec::new();
    let mut refuse = |name: &str, bits: &[u8]| {
        refused.push(json!({"name": name, "bits": hex(bits)}));
    };
    (0..bits.len()).for_each(|end| refuse(&format!("cut after {end} bytes"), &bits[..end]));
    refuse("a byte too many", &[&bits[..], &[0]].concat());
    refuse("a bit too many", &[&bits[..bits.len() - 1], &[bits[bits.len() - 1] | 0x80]].concat());
    refuse("a number of more than 32 bits", &[&[0], &[0; 9][..]].concat());
    refuse("a kind of more than 65,535 rows", &[0, 0, 0b1100, 0, 0, 0, 0, 0]);
    refuse("a new row in the place of one that stays", &[0b0110_1000, 0b100]);
    refused
}

#[test]
fn sequences_of_differences_are_what_is_kept() {
    let sequences: Vec<Value> = sequences().iter().map(Sequence::vectors).collect();
    let base = hex(&example().bodies[0]);
    let refused = json!({"schema": pong(), "base": base, "differences": refused()});
    expect_kept("differences.json", &json!({"sequences": sequences, "refused": refused}));
}

#[test]
fn each_state_comes_out_of_its_difference() {
    for sequence in sequences() {
        let mut history = History::new(Layout::new(&sequence.schema).unwrap());
        for state in sequence.vectors()["states"].as_array().unwrap() {
            let (tick, bits) = (Tick(state["tick"].as_u64().unwrap()), unhex(&state["bits"]));
            let taken = match state["base"].as_u64() {
                None => history.take_whole(tick, &bits),
                Some(base) => history.take_difference(tick, Tick(base), &bits),
            };
            assert_eq!(hex(taken.unwrap()), state["body"], "{} {tick:?}", sequence.name);
        }
    }
}

#[test]
fn each_state_comes_out_of_its_parts() {
    let mut most = 0;
    for sequence in sequences() {
        let mut states = Assembler::new(Epoch(1), &sequence.schema);
        for state in sequence.vectors()["states"].as_array().unwrap() {
            let tick = Tick(state["tick"].as_u64().unwrap());
            let base = state["base"].as_u64().map(Tick);
            let bodies: Vec<_> = match state["parts"].as_array() {
                Some(parts) => parts.iter().map(unhex).collect(),
                None => vec![unhex(&state["bits"])],
            };
            let parts = bodies.len() as u16;
            most = most.max(parts);
            let mut whole = None;
            for (part, body) in (0..).zip(&bodies) {
                let (epoch, hash, last_input, lead, starved) = (Epoch(1), None, 0, 0, 0);
                let part =
                    StatePart { epoch, tick, base, hash, part, parts, body, last_input, lead, starved };
                whole = states.take_part(&part).unwrap();
            }
            assert_eq!(hex(&whole.unwrap().body.unwrap()), state["body"], "{} {tick:?}", sequence.name);
        }
    }
    assert!(most > 1, "some need several parts");
}

#[test]
fn what_is_no_difference_is_refused() {
    let mut history = History::new(Layout::new(&pong()).unwrap());
    history.take_whole(Tick(1), &example().bodies[0]).unwrap();
    for vector in refused() {
        let taken = history.take_difference(Tick(2), Tick(1), &unhex(&vector["bits"]));
        assert!(taken.is_err(), "{}", vector["name"]);
    }
    let in_its_own_place = history.take_difference(Tick(2), Tick(1), &[0b1010_1000, 0b100]);
    assert!(in_its_own_place.is_ok(), "only its place was wrong");
}
