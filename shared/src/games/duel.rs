//! *Duel*: two players, five cards each, and a clock. A game without ticks, and with secrets.
//!
//! The deck is 1 to 7 twice. Who leads lays a card face down, the other one answers, both are turned up: the
//! higher card makes a point, equal cards none, and who answered leads next. After five rounds more points win.
//! Who does not play in time, or leaves, has lost.
//!
//! What is hidden is in no kind: a hand goes to its player alone, and everybody sees how many cards it has. So
//! nothing that is sent to one player depends on the cards of the other before they are turned up.

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ids::{PlayerName, Seat};
use crate::schema::FieldKind;
use crate::sim::assets::Assets;
use crate::sim::builder::Builder;
use crate::sim::event::{Audience, LeaveReason};
use crate::sim::game::{Deadline, Game, JoinRefused, NoInput, RulesError, WorkerGroup};
use crate::sim::shadow::FieldOf;
use crate::sim::world::{NetIds, Outbox, Rng, Step};

/// Cards of a hand, and rounds.
const HAND: usize = 5;
/// How long one player waits for another.
const WAIT_SECONDS: u32 = 3_600;

/// What the creator of a match may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// How long a player may think: up to a week.
    pub turn_seconds: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { turn_seconds: 60 }
    }
}

/// The rules in the world: they are stored with the match, not with every state of it.
#[derive(Resource)]
struct TurnSeconds(u32);

/// A player, and what only they know: the hand, and the card they laid face down.
#[derive(Component, Debug, Serialize, Deserialize)]
struct Duelist {
    seat: u16,
    points: u8,
    to_move: bool,
    hand: Vec<u8>,
    laid: Option<u8>,
}

/// How far it is: whom it waits for is in its duelists.
#[derive(Resource, Debug, Default, Serialize, Deserialize)]
struct Progress {
    dealt: bool,
    cards_laid: u32,
    over: Option<Over>,
}

/// How it ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Over {
    winner: Option<u16>,
    reason: String,
}

/// The game.
pub struct Duel;

impl Game for Duel {
    const NAME: &'static str = "duel";
    const VERSION: u32 = 1;
    const TICK_RATE_HZ: u32 = 0;
    const WORKERS: WorkerGroup = WorkerGroup::General;
    const SECRETS: bool = true;
    type Input = NoInput;
    type Options = Rules;
    type Rules = Rules;

    fn rules(options: Rules, _assets: &Assets) -> Result<Rules, RulesError> {
        if (1..=604_800).contains(&options.turn_seconds) {
            return Ok(options);
        }
        let problem = format!("{}; expected 1 to 604800", options.turn_seconds);
        Err(RulesError { option: "turn_seconds", problem })
    }

    fn seats(_rules: &Rules) -> u16 {
        2
    }

    fn build(game: &mut Builder<'_>) {
        game.component::<Duelist>("duelist").resource::<Progress>("progress");
        let seat = FieldOf::new("seat", FieldKind::U16, |duelist: &Duelist| i64::from(duelist.seat));
        let points = FieldOf::new("points", FieldKind::U8, |duelist: &Duelist| i64::from(duelist.points));
        let cards = FieldOf::new("cards", FieldKind::U8, |duelist: &Duelist| duelist.hand.len() as i64);
        let laid = FieldOf::new("laid", FieldKind::Bool, |duelist: &Duelist| duelist.laid.is_some().into());
        let to_move = FieldOf::new("to_move", FieldKind::Bool, |duelist: &Duelist| duelist.to_move.into());
        game.kind::<Duelist>("duelist").with(vec![seat, points, cards, laid, to_move]).done();
    }

    fn load(world: &mut World, rules: &Rules) {
        world.insert_resource(TurnSeconds(rules.turn_seconds));
    }

    fn start(world: &mut World, _rules: &Rules) {
        world.insert_resource(Progress::default());
    }

    fn join(world: &mut World, seat: Seat, _player: &PlayerName) -> Result<(), JoinRefused> {
        if world.resource::<Progress>().over.is_some() {
            return Err(JoinRefused("the duel is over"));
        }
        let id = world.resource_mut::<NetIds>().fresh();
        world.spawn((id, Duelist { seat: seat.0, points: 0, to_move: false, hand: Vec::new(), laid: None }));
        if world.query::<&Duelist>().iter(world).len() == 2 {
            deal(world);
        }
        Ok(())
    }

    fn leave(world: &mut World, seat: Seat, _reason: LeaveReason) {
        if world.resource::<Progress>().dealt {
            return end(world, Some(1 - seat.0), "left");
        }
        let mut duelists = world.query::<(Entity, &Duelist)>();
        let gone = duelists.iter(world).find(|(_, duelist)| duelist.seat == seat.0).map(|(entity, _)| entity);
        gone.map(|entity| world.despawn(entity));
    }

    fn returned(world: &mut World, seat: Seat) {
        tell_hand(world, seat);
    }

    /// `{"play": card}`; anything else asks for the hand.
    fn message(world: &mut World, seat: Seat, data: &serde_json::Value) {
        let Some(card) = data["play"].as_u64() else { return tell_hand(world, seat) };
        match play(world, seat, card) {
            Ok(()) => tell_hand(world, seat),
            Err(reason) => {
                world.resource_mut::<Outbox>().message(Audience::Seat(seat), json!({ "refused": reason }));
            }
        }
    }

    fn label(world: &World) -> serde_json::Value {
        let progress = world.resource::<Progress>();
        let phase = match (&progress.over, progress.dealt) {
            (Some(_), _) => "over",
            (None, true) => "playing",
            (None, false) => "waiting",
        };
        json!({ "phase": phase, "cards_laid": progress.cards_laid })
    }

    fn outcome(world: &World) -> Option<serde_json::Value> {
        let over = world.resource::<Progress>().over.as_ref()?;
        Some(json!({ "winner": over.winner, "reason": over.reason }))
    }

    fn deadline(world: &World) -> Option<Deadline> {
        let Progress { dealt, cards_laid, over } = world.resource::<Progress>();
        let somebody = world.try_query::<&Duelist>().is_some_and(|mut all| all.iter(world).len() > 0);
        if over.is_some() || !somebody {
            return None;
        }
        let seconds = if *dealt { world.resource::<TurnSeconds>().0 } else { WAIT_SECONDS };
        Some(Deadline { number: u32::from(*dealt) + cards_laid, seconds })
    }

    fn overdue(world: &mut World) {
        let mut duelists = world.query::<&Duelist>();
        let winner = duelists.iter(world).find(|duelist| !duelist.to_move).map(|duelist| duelist.seat);
        if world.resource::<Progress>().dealt {
            end(world, winner, "time");
        } else {
            end(world, None, "nobody_came");
        }
    }
}

/// Both are there: only now are there cards, so that nobody who left has seen any.
fn deal(world: &mut World) {
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

fn tell_hand(world: &mut World, seat: Seat) {
    let mut duelists = world.query::<&Duelist>();
    let own = duelists.iter(world).find(|duelist| duelist.seat == seat.0);
    let Some(told) = own.map(|own| json!({ "hand": own.hand, "laid": own.laid })) else { return };
    world.resource_mut::<Outbox>().message(Audience::Seat(seat), told);
}

/// A player lays a card; nothing has changed if it is refused.
fn play(world: &mut World, seat: Seat, card: u64) -> Result<(), &'static str> {
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
    let (mut cards, mut points) = ([card, led], [own.points, other.points]);
    if seat.0 == 1 {
        cards.reverse();
        points.reverse();
    }
    let is_last = own.hand.is_empty();
    world.resource_mut::<Outbox>().event("turned_up", json!({ "cards": cards, "points": points }));
    world.resource_mut::<Progress>().cards_laid += 1;
    if is_last {
        let ahead = u16::from(points[1] > points[0]);
        end(world, (points[0] != points[1]).then_some(ahead), "points");
    }
    Ok(())
}

fn end(world: &mut World, winner: Option<u16>, reason: &str) {
    let mut progress = world.resource_mut::<Progress>();
    if progress.over.is_none() {
        progress.over = Some(Over { winner, reason: reason.to_owned() });
        world.resource_mut::<Outbox>().event("over", json!({ "winner": winner, "reason": reason }));
    }
}
