//! What a client foresees is what the simulation does, bit for bit; and the file by which the page is checked.

use std::path::Path;

use rand_pcg::Pcg32;
use serde_json::{Value, json};
use tickstone_shared::client::prediction::{Outcome, Prediction};
use tickstone_shared::client::view::View;
use tickstone_shared::entity::EntityView;
use tickstone_shared::games::arena::map::Map;
use tickstone_shared::games::arena::{Arena, ArenaPrediction, Body, Options, Terrain};
use tickstone_shared::ids::{Epoch, NetId, Seat};
use tickstone_shared::input::InputRow;
use tickstone_shared::schema::Schema;
use tickstone_shared::sim::event::Event;
use tickstone_shared::sim::registered::register;
use tickstone_shared::sim::simulation::Simulation;
use tickstone_shared::sim::world::Rng;
use tickstone_shared::snapshot::Snapshot;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::state::StateMessage;

use crate::support::{arena_rules, join, of_seat};

const EXACT: Outcome = Outcome::Compared { error: 0.0, moved: [0.0; 2] };

fn schema() -> Schema {
    Schema::clone(register::<Arena>().schema())
}

fn one_in(random: &mut Pcg32, many: u32) -> bool {
    random.next_u32().is_multiple_of(many)
}

/// A stick and a gun that change their mind now and then.
fn whim(random: &mut Pcg32, before: InputRow, held_ticks: u32) -> InputRow {
    if !one_in(random, held_ticks) {
        return before;
    }
    let row = random.next_u32().to_le_bytes();
    let still = one_in(random, 4);
    let stick = if still { [0, 0] } else { [row[0], row[1]] };
    InputRow::new(&[stick[0], stick[1], row[2], row[3], 0]).unwrap()
}

/// A lobby in which nobody shoots, with so many players.
fn lobby(players: u16) -> Simulation<Arena> {
    let options = Options { players_min: 16, ..Options::default() };
    let mut simulation = Simulation::start(7, &arena_rules(&options));
    (0..players).for_each(|seat| simulation.apply(&join(seat)).unwrap());
    simulation
}

fn seen(simulation: &mut Simulation<Arena>, schema: &Schema) -> View {
    let mut snapshot = Snapshot::default();
    simulation.snapshot(&mut snapshot);
    let state = StateMessage {
        epoch: Epoch(1),
        tick: snapshot.tick,
        base: None,
        hash: None,
        body: Some(snapshot.body),
        entities: None,
        last_input: 0,
        lead: 0,
        starved: 0,
    };
    let mut view = View::default();
    view.replace(&state, schema).unwrap();
    view
}

fn foreseeing(schema: &Schema, seat: u16) -> Prediction<ArenaPrediction> {
    let map = arena_rules(&Options::default()).map;
    let mut prediction = Prediction::new(ArenaPrediction::new(&map));
    prediction.begin(schema, Seat(seat));
    prediction
}

#[test]
fn arena_is_foreseen_as_it_is_simulated() {
    let schema = schema();
    let mut walls = 0;
    for (seed, latency) in [(1, 1), (2, 6), (3, 17)] {
        let mut random = Pcg32::new(seed, 1);
        let mut simulation = lobby(1);
        let mut prediction = foreseeing(&schema, 0);
        prediction.on_state(Tick(0), seen(&mut simulation, &schema).entities());
        let (mut row, mut views) = (InputRow::default(), Vec::new());
        for tick in 1..=3_000_u64 {
            row = whim(&mut random, row, 60);
            prediction.on_input(Tick(tick), row);
            simulation.apply(&Event::Input { seat: Seat(0), row }).unwrap();
            simulation.step();
            assert_eq!(prediction.newest_body(), Some(of_seat::<Body>(&simulation, 0)), "tick {tick}");
            let before = views.last().map(|view: &View| view.entities().next().unwrap().values[4]);
            views.push(seen(&mut simulation, &schema));
            let speed = views.last().unwrap().entities().next().unwrap().values[4];
            walls += usize::from(before.is_some_and(|before| before.abs() > 8) && speed == 0);
            if tick > latency {
                let state = tick - latency;
                let outcome = prediction.on_state(Tick(state), views[state as usize - 1].entities());
                assert_eq!(outcome, EXACT, "state {state} at tick {tick}");
            }
        }
    }
    assert!(walls > 5, "it ran into {walls} walls");
}

#[test]
fn bumping_into_somebody_who_stands_is_foreseen() {
    let schema = schema();
    let mut simulation = lobby(2);
    let mut prediction = foreseeing(&schema, 0);
    prediction.on_state(Tick(0), seen(&mut simulation, &schema).entities());
    let (mut pushed, mut wrong) = (0, 0);
    for tick in 1..=1_200_u64 {
        let [ann, bob] = [0, 1].map(|seat| of_seat::<Body>(&simulation, seat));
        // Straight at the other one, then away from them.
        let toward = if tick % 240 < 180 { 1 } else { -1 };
        let axis = |from: i32, to: i32| (toward * (to - from)).clamp(-127, 127) as i8 as u8;
        let row = InputRow::new(&[axis(ann.x, bob.x), axis(ann.y, bob.y), 0, 0, 0]).unwrap();
        simulation.apply(&Event::Input { seat: Seat(0), row }).unwrap();
        prediction.on_input(Tick(tick), row);
        simulation.step();
        let after = of_seat::<Body>(&simulation, 1);
        pushed += usize::from((after.x, after.y) != (bob.x, bob.y));
        wrong += usize::from(prediction.newest_body() != Some(of_seat::<Body>(&simulation, 0)));
        prediction.on_state(Tick(tick), seen(&mut simulation, &schema).entities());
    }
    assert!(pushed > 20, "they met in {pushed} ticks");
    assert_eq!(wrong, 0, "whoever stands before the tick is where it is foreseen");
}

/// A state that no rules can have made is not stepped with.
#[test]
fn a_body_that_cannot_be_is_not_foreseen() {
    let schema = schema();
    let mut prediction = foreseeing(&schema, 0);
    let row = InputRow::new(&[127, 0, 0, 0, 0]).unwrap();
    let extremes = [i64::from(i32::MIN), -1, i64::from(i32::MAX)];
    for (tick, place) in (1..).zip(extremes) {
        let own = [0, 1, place, place, 0, 0, 127, 0, 100, 0, 0];
        let other = [1, 1, place, place, i64::from(i16::MAX), i64::from(i16::MIN), 0, 0, 100, 0, 0];
        for values in [own, other] {
            let standing = [0, 1, 700, 700, 0, 0, 127, 0, 100, 0, 0];
            let both = [values, if values == own { other } else { standing }];
            let entities =
                both.iter().zip(1..).map(|(values, id)| EntityView { id: NetId(id), kind: 0, values });
            prediction.on_state(Tick(2 * tick), entities);
            prediction.on_input(Tick(2 * tick + 1), row);
            assert_eq!(prediction.newest_body().is_some(), values != own);
        }
    }
    let fast = [0, 1, 700, 700, 32_767, -32_768, 127, 0, 100, 0, 0];
    prediction.on_state(Tick(90), std::iter::once(EntityView { id: NetId(1), kind: 0, values: &fast }));
    assert_eq!(prediction.newest_body(), None);
}

const GOLDEN_MAP: &str = r#"{"name":"golden","width":16,"height":12,
    "walls":[[4,2,1,6],[9,0,2,5],[8,8,6,1]],"spawns":[[1,1]]}"#;

/// Games of inputs and states as they reach a client, and the newest body that is foreseen after each.
#[test]
fn the_page_and_the_native_client_are_checked_by_the_same_file() {
    let map = Map::parse(GOLDEN_MAP).unwrap();
    let games: Vec<Value> = (0..24).map(|seed| golden_game(&map, seed)).collect();
    let lines: Vec<String> = games.iter().map(Value::to_string).collect();
    let text = format!(
        "{{\"map\":{},\n\"games\":[\n{}\n]}}\n",
        serde_json::to_string(&map).unwrap(),
        lines.join(",\n")
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/prediction.json");
    if std::env::var_os("TICKSTONE_KEEP").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let first = golden.lines().zip(text.lines()).position(|(golden, now)| golden != now);
    assert!(first.is_none() && golden.len() == text.len(), "other than line {first:?} of {}", path.display());
}

/// With others around in two games of three, lost inputs, and states that come late and not all.
fn golden_game(map: &Map, seed: u64) -> Value {
    let schema = schema();
    let terrain = Terrain::new(map);
    let mut random = Pcg32::new(seed, 3);
    let seat = (random.next_u32() % 4) as u16;
    let mut prediction = Prediction::new(ArenaPrediction::new(map));
    prediction.begin(&schema, Seat(seat));
    let (mut steps, mut row, mut tick) = (Vec::new(), InputRow::default(), 10 + seed);
    let mut own = free_place(&mut random, &terrain);
    steps.push(golden_state(&mut prediction, tick, seat, own, &[]));
    let mut shown = tick;
    for _ in 0..40 {
        tick += 1;
        row = whim(&mut random, row, 8);
        if !one_in(&mut random, 10) {
            prediction.on_input(Tick(tick), row);
            let fields: Vec<i64> = row.as_slice().iter().map(|byte| i64::from(*byte as i8)).collect();
            let fields = if fields.is_empty() { vec![0; 5] } else { fields };
            let input = json!({ "tick": tick, "row": fields });
            steps.push(json!({ "input": input, "newest": newest(&prediction) }));
        }
        if one_in(&mut random, 3) && shown + 4 < tick {
            shown += 1 + u64::from(random.next_u32() % 3);
            own = near(&mut random, own, &terrain);
            let count = if seed.is_multiple_of(3) { 0 } else { random.next_u32() % 4 };
            let others: Vec<[i64; 6]> = (0..count).map(|_| somebody(&mut random, own, seat)).collect();
            steps.push(golden_state(&mut prediction, shown, seat, own, &others));
        }
    }
    json!({ "seat": seat, "steps": steps })
}

fn golden_state(
    prediction: &mut Prediction<ArenaPrediction>,
    tick: u64,
    seat: u16,
    own: [i64; 6],
    others: &[[i64; 6]],
) -> Value {
    let [x, y, vx, vy, aim_x, aim_y] = own;
    let mut rows = vec![[i64::from(seat), 1, x, y, vx, vy, aim_x, aim_y, 100, 0, 0]];
    for [seat, x, y, vx, vy, health] in others {
        rows.push([*seat, 1, *x, *y, *vx, *vy, 127, 0, *health, 0, 0]);
    }
    let entities = rows.iter().zip(1..).map(|(values, id)| EntityView { id: NetId(id), kind: 0, values });
    prediction.on_state(Tick(tick), entities);
    json!({ "state": { "tick": tick, "own": own, "others": others }, "newest": newest(prediction) })
}

fn newest(prediction: &Prediction<ArenaPrediction>) -> Value {
    let body = prediction.newest_body().unwrap();
    json!([body.x, body.y, body.vx, body.vy, body.aim_x, body.aim_y])
}

fn within(random: &mut Pcg32, low: i64, high: i64) -> i64 {
    low + i64::from(random.next_u32()) % (high - low + 1)
}

fn free_place(random: &mut Pcg32, terrain: &Terrain) -> [i64; 6] {
    loop {
        let (x, y) = (within(random, 102, 16 * 256 - 103), within(random, 102, 12 * 256 - 103));
        if !terrain.blocks_body(x as i32, y as i32) {
            return [x, y, within(random, -20, 20), within(random, -20, 20), 127, 0];
        }
    }
}

/// Where a state may say that somebody is who was here.
fn near(random: &mut Pcg32, from: [i64; 6], terrain: &Terrain) -> [i64; 6] {
    loop {
        let (x, y) = (from[0] + within(random, -60, 60), from[1] + within(random, -60, 60));
        if !terrain.blocks_body(x as i32, y as i32) {
            return [x, y, within(random, -20, 20), within(random, -20, 20), from[4], from[5]];
        }
    }
}

fn somebody(random: &mut Pcg32, own: [i64; 6], own_seat: u16) -> [i64; 6] {
    let reach = if one_in(random, 4) { 2_000 } else { 250 };
    let (x, y) = (own[0] + within(random, -reach, reach), own[1] + within(random, -reach, reach));
    let at_own_place = one_in(random, 16);
    let (x, y) = if at_own_place { (own[0], own[1]) } else { (x, y) };
    let seat = (i64::from(own_seat) + within(random, 1, 3)) % 5;
    let health = if one_in(random, 5) { 0 } else { 75 };
    [seat, x, y, within(random, -32, 32), within(random, -32, 32), health]
}
