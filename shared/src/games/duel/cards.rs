//! The cards: dealing, laying, turning up, and how it ends.

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ids::Seat;
use crate::sim::event::Audience;
use crate::sim::world::{Outbox, Rng, Step};

/// Cards of a hand, and rounds.
const HAND: usize = 5;

/// A player, and what only they know: the hand, and the card they laid face down.
#[derive(Component, Debug, Serialize, Deserialize)]
pub(super) struct Duelist {
    pub(super) seat: u16,
    pub(super) points: u8,
    pub(super) to_move: bool,
    pub(super) hand: Vec<u8>,
    pub(super) laid: Option<u8>,
}

/// How far it is, and once it is over who won, and by what.
#[derive(Resource, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) dealt: bool,
    pub(super) cards_laid: u32,
    pub(super) over: Option<(Option<u16>, String)>,
}

/// Both are there: only now are there cards, so that nobody who left has seen any.
pub(super) fn deal(world: &mut World) {
    let mut random = world.resource::<Step>().random("deal");
    let mut deck: Vec<u8> = (1..=7).chain(1..=7).collect();
    for last in (1..deck.len()).rev() {
        deck.swap(last, random.next_u32() as usize % (last + 1));
    }
    let mut duelists = world.query::<&mut Duelist>();
    for mut duelist in duelists.iter_mut(world) {
        let first = usize::from(duelist.seat) * HAND;
        duelist.hand = deck[first..first + HAND].to_vec();
        duelist.hand.sort_unstable();
        duelist.to_move = duelist.seat == 0;
    }
    world.resource_mut::<Progress>().dealt = true;
    [Seat(0), Seat(1)].into_iter().for_each(|seat| tell_hand(world, seat));
}

pub(super) fn tell_hand(world: &mut World, seat: Seat) {
    let mut duelists = world.query::<&Duelist>();
    let own = duelists.iter(world).find(|duelist| duelist.seat == seat.0);
    let Some(told) = own.map(|own| json!({ "hand": own.hand, "laid": own.laid })) else { return };
    world.resource_mut::<Outbox>().message(Audience::Seat(seat), told);
}

/// A player lays a card; nothing has changed if it is refused.
pub(super) fn play(world: &mut World, seat: Seat, card: u64) -> Result<(), &'static str> {
    if world.resource::<Progress>().over.is_some() {
        return Err("the duel is over");
    }
    let mut duelists = world.query::<&mut Duelist>();
    let (own, other): (Vec<_>, Vec<_>) = duelists.iter_mut(world).partition(|one| one.seat == seat.0);
    let (Some(mut own), Some(mut other)) = (own.into_iter().next(), other.into_iter().next()) else {
        return Err("the other player is not there yet");
    };
    if !own.to_move {
        return Err("it is not your turn");
    }
    let held = own.hand.iter().position(|held| u64::from(*held) == card);
    let card = own.hand.remove(held.ok_or("you do not hold this card")?);
    let Some(led) = other.laid.take() else {
        own.laid = Some(card);
        (own.to_move, other.to_move) = (false, true);
        world.resource_mut::<Progress>().cards_laid += 1;
        return Ok(());
    };
    own.points += u8::from(card > led);
    other.points += u8::from(led > card);
    let by_seat = |own, other| if seat.0 == 0 { [own, other] } else { [other, own] };
    let (cards, points) = (by_seat(card, led), by_seat(own.points, other.points));
    let is_last = own.hand.is_empty();
    world.resource_mut::<Outbox>().event("turned_up", json!({ "cards": cards, "points": points }));
    world.resource_mut::<Progress>().cards_laid += 1;
    if is_last {
        let ahead = u16::from(points[1] > points[0]);
        end(world, (points[0] != points[1]).then_some(ahead), "points");
    }
    Ok(())
}

pub(super) fn end(world: &mut World, winner: Option<u16>, reason: &str) {
    let mut progress = world.resource_mut::<Progress>();
    if progress.over.is_none() {
        progress.over = Some((winner, reason.to_owned()));
        world.resource_mut::<Outbox>().event("over", json!({ "winner": winner, "reason": reason }));
    }
}
