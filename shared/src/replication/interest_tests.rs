use super::*;
use crate::ids::NetId;

const SIGHT: Sight = Sight { enter: 100, leave: 120, is_blocked: false };

fn at(id: u32, place: Option<Point>, owner: Option<u16>) -> Whereabouts {
    Whereabouts { kind: 0, id: NetId(id), place, owner: owner.map(Seat) }
}

fn ids(interest: &mut Interest, places: &[Whereabouts], sight: Sight, seat: u16) -> Vec<u32> {
    looked(interest, places, sight, seat, |_, _| false)
        .iter()
        .map(|seen| places[seen.row as usize].id.0)
        .collect()
}

fn looked(
    interest: &mut Interest,
    places: &[Whereabouts],
    sight: Sight,
    seat: u16,
    is_hidden: impl Fn(Point, Point) -> bool,
) -> Vec<Seen> {
    let snapshot = Snapshot { places: places.to_vec(), ..Snapshot::default() };
    let mut sights = Sights::default();
    interest.look(&snapshot, sight, [Seat(seat)].into_iter(), is_hidden, &mut sights);
    assert_eq!(sights.of(1), None, "there was one receiver");
    sights.of(0).unwrap().to_vec()
}

#[test]
fn sight_ends_at_its_radius_and_holds_to_the_larger_one() {
    let mut interest = Interest::default();
    let mut world = [at(1, Some((0, 0)), Some(0)), at(2, Some((101, 0)), None)];
    assert_eq!(ids(&mut interest, &world, SIGHT, 0), [1], "beyond what comes into view");
    world[1].place = Some((100, 0));
    assert_eq!(ids(&mut interest, &world, SIGHT, 0), [1, 2]);
    world[1].place = Some((120, 0));
    assert_eq!(ids(&mut interest, &world, SIGHT, 0), [1, 2], "seen until it is further than that");
    world[1].place = Some((121, 0));
    assert_eq!(ids(&mut interest, &world, SIGHT, 0), [1]);
    world[1].place = Some((120, 0));
    assert_eq!(ids(&mut interest, &world, SIGHT, 0), [1], "it has to come near again");
}

#[test]
fn what_has_no_place_and_what_is_ones_own_is_always_seen() {
    let mut interest = Interest::default();
    let far = Some((9_000, 9_000));
    let world = [at(1, Some((0, 0)), Some(0)), at(2, far, Some(0)), at(3, far, Some(1)), at(4, None, None)];
    assert_eq!(ids(&mut interest, &world, SIGHT, 0), [1, 2, 4]);
    assert_eq!(ids(&mut interest, &world, SIGHT, 1), [2, 3, 4], "from where the own entity is");
    assert_eq!(ids(&mut interest, &world, SIGHT, 7), [4], "of nobody in the world");
}

#[test]
fn whoever_is_gone_looks_on_from_where_they_were() {
    let mut interest = Interest::default();
    let bystander = at(2, Some((50, 0)), None);
    assert_eq!(ids(&mut interest, &[at(1, Some((0, 0)), Some(0)), bystander], SIGHT, 0), [1, 2]);
    assert_eq!(ids(&mut interest, &[bystander], SIGHT, 0), [2]);
}

#[test]
fn rows_that_come_and_go_between_do_not_lend_their_place_in_sight() {
    let mut interest = Interest::default();
    let (me, edge) = (at(5, Some((0, 0)), Some(0)), Some((110, 0)));
    assert_eq!(ids(&mut interest, &[me, at(6, Some((90, 0)), None)], SIGHT, 0), [5, 6]);
    // 6 is gone; 7 stands in the same row, and was never near.
    assert_eq!(ids(&mut interest, &[me, at(7, edge, None)], SIGHT, 0), [5]);
    assert_eq!(ids(&mut interest, &[at(1, edge, None), me, at(7, edge, None)], SIGHT, 0), [5]);
}

#[test]
fn a_wall_hides_what_is_near_but_nothing_of_ones_own() {
    let mut interest = Interest::default();
    let sight = Sight { is_blocked: true, ..SIGHT };
    let world = [at(1, Some((0, 0)), Some(0)), at(2, Some((10, 0)), Some(0)), at(3, Some((-10, 0)), None)];
    let seen = looked(&mut interest, &world, sight, 0, |_, to| to.0 != 0);
    assert_eq!(seen.iter().map(|seen| seen.row).collect::<Vec<_>>(), [0, 1]);
    let seen = looked(&mut interest, &world, sight, 0, |_, to| to.0 > 0);
    assert_eq!(seen.iter().map(|seen| seen.row).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn what_is_nearer_weighs_more() {
    let mut interest = Interest::default();
    let place = |x: i32| at(2 + x as u32, Some((x, 0)), None);
    let world = [at(1, Some((0, 0)), Some(0)), place(0), place(60), place(100)];
    let seen = looked(&mut interest, &world, SIGHT, 0, |_, _| false);
    assert_eq!(seen.iter().map(|seen| seen.nearness).collect::<Vec<_>>(), [NEAREST, NEAREST, 191, 77]);
}

#[test]
fn a_crowd_is_seen_as_by_comparing_everybody_with_everybody() {
    let mut interest = Interest::default();
    let mut before = vec![Vec::new(); 60];
    let mut state = 11_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut world: Vec<Whereabouts> = Vec::new();
    let mut next = 100;
    (0..60).for_each(|seat| world.push(at(seat + 1, Some((0, 0)), Some(seat as u16))));
    for _ in 0..50 {
        world.retain(|row| row.owner.is_some() || random(4) > 0);
        for row in &mut world {
            row.place = Some((random(700) as i32 - 350, random(700) as i32 - 350));
        }
        for _ in 0..random(30) {
            next += 1 + random(3) as u32;
            world.push(at(next, Some((random(700) as i32, 0)), None));
        }
        let snapshot = Snapshot { places: world.clone(), ..Snapshot::default() };
        let mut sights = Sights::default();
        interest.look(&snapshot, SIGHT, (0..60).map(Seat), |_, _| false, &mut sights);
        for (seat, seen_before) in before.iter_mut().enumerate() {
            let eye = world[seat].place.unwrap();
            let is_seen = |row: &&Whereabouts| {
                let limit = if seen_before.contains(&row.id) { SIGHT.leave } else { SIGHT.enter };
                row.owner == Some(Seat(seat as u16))
                    || distance_squared(eye, row.place.unwrap()) <= squared(limit)
            };
            let expected: Vec<NetId> = world.iter().filter(is_seen).map(|row| row.id).collect();
            let seen = sights.of(seat).unwrap().iter().map(|seen| world[seen.row as usize].id);
            assert!(seen.eq(expected.iter().copied()), "seat {seat}");
            *seen_before = expected;
        }
    }
}
