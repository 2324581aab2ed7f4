//! What the states of an arena are made of: bytes in every form, how far fields move, and which sizes of
//! differences suit that. The constants of `shared/src/replication/fields.rs` come from here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use tickstone_shared::ids::Epoch;
use tickstone_shared::input::InputFeedback;
use tickstone_shared::replication::encode::{Encoder, Pair};
use tickstone_shared::replication::layout::Layout;
use tickstone_shared::schema::Schema;
use tickstone_shared::snapshot::{Snapshot, sections};
use tickstone_shared::wire::state::{StateHead, encode_own, encode_shared};
use tickstone_shared::wire::version::{Encoding, StateKind};

use crate::differences::states;
use crate::fight::Fight;

/// Why a line is always taken.
const STRING: &str = "a String takes everything";
/// Ticks looked at.
const TICKS: usize = 1_800;
/// How old bases are: the tick before on a stream, a round trip over QUIC.
const AGES: [usize; 3] = [1, 4, 8];

/// How often a changed field of this width needed so many bits, its sign among them.
type Needed = BTreeMap<usize, [u64; 33]>;

/// Prints the tables.
pub(crate) fn report() {
    let mut text = String::new();
    for players in [8, 32, 100] {
        let mut fight = Fight::new(players, 1);
        let schema = std::sync::Arc::clone(fight.game.schema());
        let states = states(&mut fight, TICKS);
        writeln!(text, "{players} players, bytes a tick: {}", whole(&states, &schema)).expect(STRING);
        for age in AGES {
            let (mut needed, mut count) = (Needed::new(), 0);
            let mut entropies = Entropies::default();
            for window in states.windows(age + 1) {
                look(&window[0], &window[age], &schema, &mut needed, &mut entropies);
                count += 1;
            }
            let bytes = differences(&states, &schema, age);
            writeln!(
                text,
                "  base {age} ago: {bytes:.1} as a difference, entropy {:.1}",
                entropies.bytes() / f64::from(count)
            )
            .expect(STRING);
            needed.iter().for_each(|(width, needed)| sizes(*width, needed, &mut text));
        }
    }
    // A closed stdout leaves nobody to tell.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Mean bytes of whole states: packed, msgpack by name, json by name.
fn whole(states: &[Snapshot], schema: &Schema) -> String {
    let forms = [
        (Encoding::Msgpack, StateKind::Delta),
        (Encoding::Msgpack, StateKind::Plain),
        (Encoding::Json, StateKind::Plain),
    ];
    let mean = |(encoding, kind)| {
        let mut out = Vec::new();
        for snapshot in states {
            let head = StateHead { epoch: Epoch(1), hash: None, snapshot, schema };
            encode_shared(&head, encoding, kind, &mut out);
            encode_own(InputFeedback { last_input: 5000, lead: 700, starved: 3 }, encoding, kind, &mut out);
        }
        out.len() / states.len()
    };
    let [packed, msgpack, json] = forms.map(mean);
    format!("packed {packed}, msgpack {msgpack}, json {json}")
}

fn differences(states: &[Snapshot], schema: &Schema, age: usize) -> f64 {
    let layout = Layout::new(schema).expect("a game keeps its limits");
    let (mut encoder, mut out) = (Encoder::default(), Vec::new());
    for window in states.windows(age + 1) {
        let pair = Pair { layout: &layout, base: &window[0].body, view: &window[age].body };
        encoder.whole(pair, |_, _| false, &mut out);
    }
    out.len() as f64 / (states.len() - age) as f64
}

/// Values of every field that changed, each field a source of its own.
#[derive(Default)]
struct Entropies(BTreeMap<(usize, usize), BTreeMap<i64, u64>>);

impl Entropies {
    /// Bytes of all values, had each field an ideal code.
    fn bytes(&self) -> f64 {
        let bits = |values: &BTreeMap<i64, u64>| {
            let total: u64 = values.values().sum();
            values.values().map(|count| *count as f64 * (total as f64 / *count as f64).log2()).sum::<f64>()
        };
        self.0.values().map(bits).sum::<f64>() / 8.0
    }
}

fn look(base: &Snapshot, state: &Snapshot, schema: &Schema, needed: &mut Needed, entropies: &mut Entropies) {
    let before = sections(&base.body, schema).expect("a simulation packs by its schema");
    for section in sections(&state.body, schema).expect("a simulation packs by its schema") {
        let old: BTreeMap<_, _> =
            before.iter().filter(|old| old.kind == section.kind).flat_map(|old| old.entities()).collect();
        for (id, mut row) in section.entities() {
            let Some(mut from) = old.get(&id).copied() else { continue };
            for (index, field) in schema.kinds[section.kind].fields.iter().enumerate() {
                let values = (field.kind.read(&mut from), field.kind.read(&mut row));
                let (Some(from), Some(to)) = values else { continue };
                *entropies.0.entry((section.kind, index)).or_default().entry(to - from).or_default() += 1;
                if from != to {
                    let magnitude = if to > from { to - from } else { from - to - 1 };
                    let bits = (65 - magnitude.leading_zeros()) as usize;
                    needed.entry(field.kind.width()).or_insert([0; 33])[bits.min(32)] += 1;
                }
            }
        }
    }
}

/// Prints how often each size was needed, and the sizes that would have been the shortest.
fn sizes(width: usize, needed: &[u64; 33], text: &mut String) {
    let most = (width * 8) as u32;
    let shown: Vec<_> = needed
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(bits, count)| format!("{bits}:{count}"))
        .collect();
    writeln!(text, "    {most} bits: {}", shown.join(" ")).expect(STRING);
    // The selector of each but the last is as long as its place in the list.
    let cost = |sizes: &[u32]| -> u64 {
        let of = |bits: usize| {
            let place = sizes.iter().position(|size| *size as usize >= bits);
            place.map_or(most + sizes.len() as u32, |place| sizes[place] + place as u32 + 1)
        };
        needed.iter().enumerate().map(|(bits, count)| count * u64::from(of(bits))).sum()
    };
    let total: u64 = needed.iter().sum::<u64>().max(1);
    let one = (1..most).map(|a| (cost(&[a]), vec![a])).min();
    let three = (1..most)
        .flat_map(|a| (a + 1..most).flat_map(move |b| (b + 1..most).map(move |c| [a, b, c])))
        .map(|sizes| (cost(&sizes), sizes.to_vec()))
        .min();
    for (bits, sizes) in one.into_iter().chain(three) {
        writeln!(text, "      {sizes:?} and {most}: {:.2} bits each", bits as f64 / total as f64)
            .expect(STRING);
    }
}
