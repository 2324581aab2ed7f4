use super::*;
use crate::schema::{FieldKind, KindSchema};
use crate::snapshot::Whereabouts;

fn field(name: &str, kind: FieldKind, private: bool) -> Field {
    Field { name: name.to_owned(), kind, per_unit: 1, private }
}

/// Bodies of 12 bytes with two private fields, and a clock of 5.
fn schema() -> Schema {
    let body = vec![
        field("x", FieldKind::I16, false),
        field("ammo", FieldKind::U8, true),
        field("key", FieldKind::U16, true),
        field("team", FieldKind::U8, false),
    ];
    let clock = vec![field("seconds", FieldKind::U8, false)];
    let kinds = vec![
        KindSchema { name: "body".to_owned(), fields: body },
        KindSchema { name: "clock".to_owned(), fields: clock },
    ];
    Schema { kinds, input: Vec::new() }
}

fn body_row(id: u32, x: i16, ammo: u8) -> Vec<u8> {
    [&id.to_le_bytes()[..], &x.to_le_bytes(), &[ammo], &[ammo, ammo], &[9]].concat()
}

fn body(rows: &[Vec<u8>], seconds: Option<u8>) -> Vec<u8> {
    let mut body = Vec::new();
    if !rows.is_empty() {
        body.extend([0, rows.len() as u8, 0]);
        body.extend(rows.concat());
    }
    if let Some(seconds) = seconds {
        body.extend([1, 1, 0, 200, 0, 0, 0, seconds]);
    }
    body
}

/// A world of three bodies, the second of seat 0, and a clock.
fn snapshot() -> Snapshot {
    let rows = [body_row(1, 10, 5), body_row(2, 20, 6), body_row(3, 30, 7)];
    let place = |kind, id, owner: Option<u16>| Whereabouts {
        kind,
        id: NetId(id),
        place: None,
        owner: owner.map(Seat),
    };
    let places = vec![place(0, 1, None), place(0, 2, Some(0)), place(0, 3, None), place(1, 200, None)];
    Snapshot { body: body(&rows, Some(60)), places, ..Snapshot::default() }
}

fn seen(rows: &[u32]) -> Vec<Seen> {
    rows.iter().map(|row| Seen { row: *row, nearness: NEAREST }).collect()
}

fn cut(snapshot: &Snapshot, rows: Option<&[u32]>, seat: u16) -> Vec<u8> {
    let (schema, mut view) = (schema(), Vec::new());
    let seen = rows.map(seen);
    Cut::new(&schema).view(snapshot, &schema, seen.as_deref(), Seat(seat), &mut view);
    view
}

#[test]
fn a_view_has_the_rows_that_are_seen_and_private_fields_of_ones_own() {
    let whole = cut(&snapshot(), None, 0);
    assert_eq!(whole, body(&[body_row(1, 10, 0), body_row(2, 20, 6), body_row(3, 30, 0)], Some(60)));
    assert_eq!(cut(&snapshot(), Some(&[1, 3]), 0), body(&[body_row(2, 20, 6)], Some(60)));
    assert_eq!(cut(&snapshot(), Some(&[1, 2]), 1), body(&[body_row(2, 20, 0), body_row(3, 30, 0)], None));
    assert_eq!(cut(&snapshot(), Some(&[3]), 1), body(&[], Some(60)));
    assert_eq!(cut(&snapshot(), Some(&[]), 1), [] as [u8; 0]);
}

#[test]
fn what_is_hidden_changes_no_byte() {
    let mut without = snapshot();
    without.body = body(&[body_row(1, 10, 5), body_row(2, 20, 6)], Some(60));
    without.places.remove(2);
    assert_eq!(cut(&without, Some(&[0, 1, 2]), 0), cut(&snapshot(), Some(&[0, 1, 3]), 0));
}

#[test]
fn a_schema_without_private_fields_is_the_same_for_all() {
    let mut public = schema();
    assert!(!Cut::new(&public).is_same_for_all());
    public.kinds[0].fields.iter_mut().for_each(|field| field.private = false);
    assert!(Cut::new(&public).is_same_for_all());
}

/// A client who is told `bytes` of `fresh` at a time, beginning with `base`.
struct Told {
    schema: Schema,
    cut: Cut,
    waiting: Waiting,
    has: Vec<u8>,
}

impl Told {
    fn new(has: Vec<u8>) -> Self {
        let schema = schema();
        Self { cut: Cut::new(&schema), schema, waiting: Waiting::default(), has }
    }

    fn tell(&mut self, fresh: &[u8], nearness: &[u8], bytes: usize) -> bool {
        let mut view = Vec::new();
        let views = Views { cut: &self.cut, schema: &self.schema, base: &self.has, fresh };
        let held = self.waiting.hold_back(views, nearness, bytes, &mut view);
        assert_eq!(held, view != fresh, "what waits differs");
        assert_eq!(held, !self.waiting.is_empty());
        self.has = view;
        held
    }
}

#[test]
fn with_enough_bytes_nothing_waits_and_without_any_nothing_is_told() {
    let (old, new) = (
        body(&[body_row(1, 0, 0), body_row(2, 0, 0)], None),
        body(&[body_row(1, 1, 0), body_row(2, 1, 0)], None),
    );
    let mut told = Told::new(old.clone());
    assert!(told.tell(&new, &[], 2 * CHANGED_BYTES - 1), "one byte too few for both");
    assert_eq!(told.has, body(&[body_row(1, 1, 0), body_row(2, 0, 0)], None));
    assert!(!told.tell(&new, &[], CHANGED_BYTES));
    let mut told = Told::new(old.clone());
    assert!(told.tell(&new, &[], 0));
    assert_eq!(told.has, old);
    assert!(!told.tell(&new, &[], 2 * CHANGED_BYTES));
    assert_eq!(told.has, new);
}

#[test]
fn what_is_gone_goes_at_once_and_what_is_new_waits_outside() {
    let mut told = Told::new(body(&[body_row(1, 0, 0), body_row(2, 0, 0)], Some(1)));
    assert!(told.tell(&body(&[body_row(2, 0, 0), body_row(3, 0, 0)], Some(1)), &[], 1));
    assert_eq!(told.has, body(&[body_row(2, 0, 0)], Some(1)));
}

#[test]
fn the_nearest_is_told_first_and_everybody_in_the_end() {
    let still = |x: i16| body(&(1..=8).map(|id| body_row(id, x, 0)).collect::<Vec<_>>(), None);
    let mut told = Told::new(still(0));
    let nearness = [0, 0, 0, 0, 0, 0, 0, NEAREST];
    told.tell(&still(1), &nearness, CHANGED_BYTES);
    assert!(told.has.ends_with(&body_row(8, 1, 0)));
    let mut states = 1;
    while told.tell(&still(1), &nearness, CHANGED_BYTES) {
        states += 1;
        assert!(states < 8, "one in each state");
    }
    assert_eq!(told.has, still(1));
}

#[test]
fn what_came_to_rest_is_not_left_behind_by_what_moves() {
    // Seven run for ever and are near; the first stops far away.
    let world = |x: i16, first: i16| {
        body(&(1..=8).map(|id| body_row(id, if id == 1 { first } else { x }, 0)).collect::<Vec<_>>(), None)
    };
    let mut told = Told::new(world(0, 0));
    let nearness = [0, 7, 7, 7, 7, 7, 7, 7];
    let told_after = (1..100).find(|x| {
        told.tell(&world(*x, 5), &nearness, 2 * CHANGED_BYTES);
        told.has[3..].starts_with(&body_row(1, 5, 0))
    });
    assert!(told_after.is_some_and(|states| states <= 8), "{told_after:?}");
}
