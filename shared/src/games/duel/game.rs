//! Duel as the server sees it: what is saved, what is shown, who comes and goes, what it waits for.

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cards::{Duelist, Progress, deal, end, play, tell_hand};
use crate::ids::{PlayerName, Seat};
use crate::schema::FieldKind;
use crate::sim::assets::Assets;
use crate::sim::builder::Builder;
use crate::sim::event::{Audience, LeaveReason};
use crate::sim::game::{Deadline, Game, JoinRefused, NoInput, RulesError, WorkerGroup};
use crate::sim::shadow::FieldOf;
use crate::sim::world::{NetIds, Outbox};

/// How long one player waits for another.
const WAIT_SECONDS: u32 = 3_600;

/// What the creator of a match may choose; in the world, too, but not among what is saved of it.
#[derive(Resource, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
        world.insert_resource(*rules);
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
        // Who waits for somebody, and goes, is alone.
        let mut duelists = world.query_filtered::<Entity, With<Duelist>>();
        let gone = duelists.iter(world).next();
        gone.map(|entity| world.despawn(entity));
    }

    fn returned(world: &mut World, seat: Seat) {
        tell_hand(world, seat);
    }

    /// `{"play": card}`; anything else asks for the hand.
    fn message(world: &mut World, seat: Seat, data: &serde_json::Value) {
        let Some(card) = data["play"].as_u64() else { return tell_hand(world, seat) };
        if let Err(reason) = play(world, seat, card) {
            let refused = json!({ "refused": reason });
            return world.resource_mut::<Outbox>().message(Audience::Seat(seat), refused);
        }
        tell_hand(world, seat);
    }

    fn label(world: &World) -> serde_json::Value {
        let Progress { dealt, cards_laid, .. } = world.resource::<Progress>();
        json!({ "phase": if *dealt { "playing" } else { "waiting" }, "cards_laid": cards_laid })
    }

    fn outcome(world: &World) -> Option<serde_json::Value> {
        let (winner, reason) = world.resource::<Progress>().over.as_ref()?;
        Some(json!({ "winner": winner, "reason": reason }))
    }

    fn deadline(world: &World) -> Option<Deadline> {
        let Progress { dealt, cards_laid, over } = world.resource::<Progress>();
        let somebody = world.try_query::<&Duelist>().is_some_and(|mut all| all.iter(world).len() > 0);
        if over.is_some() || !somebody {
            return None;
        }
        let seconds = if *dealt { world.resource::<Rules>().turn_seconds } else { WAIT_SECONDS };
        Some(Deadline { number: u32::from(*dealt) + cards_laid, seconds })
    }

    fn overdue(world: &mut World) {
        if !world.resource::<Progress>().dealt {
            return end(world, None, "nobody_came");
        }
        let mut duelists = world.query::<&Duelist>();
        let winner = duelists.iter(world).find(|one| !one.to_move).map(|one| one.seat);
        end(world, winner, "time");
    }
}
