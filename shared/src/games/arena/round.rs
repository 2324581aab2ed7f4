//! The course of a match: lobby, countdown, playing, finished, and again.
//!
//! Responsible for: which phase follows which, when, and what a phase begins with.
//! Every change of phase is a row of [`TRANSITIONS`]; there is no other way from one to another.

use bevy_ecs::component::Component;
use bevy_ecs::entity::Entity;
use bevy_ecs::query::With;
use bevy_ecs::system::{Commands, Query, Res, ResMut};
use bevy_ecs::world::World;
use serde::{Deserialize, Serialize};

use super::body::{Body, Player};
use super::combat::{Fighter, Kill};
use super::pickup::Pickup;
use super::projectile::Projectile;
use super::rules::Numbers;
use super::score::Score;
use super::stage::Stage;
use crate::schema::FieldKind;
use crate::sim::shadow::FieldOf;
use crate::sim::world::{Outbox, Step};
use crate::time::Tick;

/// Where a match is in its course. Players see its number, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoundPhase {
    /// Waiting for players, who may walk about.
    Lobby,
    /// A round is about to begin.
    Countdown,
    /// Shots are fired.
    Playing,
    /// The result is shown.
    Finished,
}

impl RoundPhase {
    /// Its name in labels and events.
    pub const fn name(self) -> &'static str {
        match self {
            RoundPhase::Lobby => "lobby",
            RoundPhase::Countdown => "countdown",
            RoundPhase::Playing => "playing",
            RoundPhase::Finished => "finished",
        }
    }

    fn length_ticks(self, numbers: &Numbers) -> u32 {
        match self {
            RoundPhase::Lobby => 0,
            RoundPhase::Countdown => numbers.countdown_ticks,
            RoundPhase::Playing => numbers.round_ticks,
            RoundPhase::Finished => numbers.finished_ticks,
        }
    }
}

/// What can end a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// As many players as the rules ask for.
    EnoughPlayers,
    /// Some, but fewer than that.
    TooFewPlayers,
    /// Nobody at all.
    Deserted,
    /// The phase's time is up.
    TimeUp,
}

/// Every way from one phase to another; of two that apply, the first.
pub const TRANSITIONS: [(RoundPhase, Trigger, RoundPhase); 7] = [
    (RoundPhase::Lobby, Trigger::EnoughPlayers, RoundPhase::Countdown),
    (RoundPhase::Countdown, Trigger::TooFewPlayers, RoundPhase::Lobby),
    (RoundPhase::Countdown, Trigger::Deserted, RoundPhase::Lobby),
    (RoundPhase::Countdown, Trigger::TimeUp, RoundPhase::Playing),
    (RoundPhase::Playing, Trigger::Deserted, RoundPhase::Lobby),
    (RoundPhase::Playing, Trigger::TimeUp, RoundPhase::Finished),
    (RoundPhase::Finished, Trigger::TimeUp, RoundPhase::Lobby),
];

/// Where this match is in its course: a component of one entity, since only entities are shown.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The phase.
    pub phase: RoundPhase,
    /// The tick in which its time is up; the lobby has no end.
    pub ends: Tick,
    /// Rounds that were played to their end.
    pub played: u32,
}

impl Round {
    /// A match that has just been made.
    pub fn first() -> Self {
        Self { phase: RoundPhase::Lobby, ends: Tick(0), played: 0 }
    }

    /// The round of a world.
    pub fn of(world: &World) -> Self {
        let round = world.try_query::<&Self>().and_then(|mut rounds| rounds.iter(world).next().copied());
        round.unwrap_or_else(Self::first)
    }

    pub(super) fn fields() -> Vec<FieldOf<Self>> {
        vec![
            FieldOf::new("phase", FieldKind::U8, |round: &Self| round.phase as i64),
            FieldOf::new("ends", FieldKind::U32, |round| i64::try_from(round.ends.0).unwrap_or(i64::MAX)),
            FieldOf::new("played", FieldKind::U32, |round| i64::from(round.played)),
        ]
    }

    /// Whether the last round has been played.
    pub fn is_over(&self, numbers: &Numbers) -> bool {
        numbers.rounds > 0 && self.played >= numbers.rounds
    }

    /// The phase that follows now, if one does.
    pub fn following(&self, players: u16, tick: Tick, numbers: &Numbers) -> Option<RoundPhase> {
        if self.is_over(numbers) {
            return None;
        }
        let applies = |trigger: Trigger| match trigger {
            Trigger::EnoughPlayers => players >= numbers.players_min,
            Trigger::TooFewPlayers => players > 0 && players < numbers.players_min,
            Trigger::Deserted => players == 0,
            Trigger::TimeUp => tick >= self.ends,
        };
        let row = TRANSITIONS.iter().find(|(from, trigger, _)| *from == self.phase && applies(*trigger));
        row.map(|(_, _, to)| *to)
    }

    fn enter(&mut self, phase: RoundPhase, tick: Tick, numbers: &Numbers) {
        let length = phase.length_ticks(numbers);
        self.phase = phase;
        self.ends = Tick(if phase == RoundPhase::Lobby { 0 } else { tick.0 + u64::from(length) });
        self.played = self.played.saturating_add(u32::from(phase == RoundPhase::Finished));
    }
}

/// What a round begins with anew.
type Contenders<'w, 's> =
    Query<'w, 's, (&'static Player, &'static mut Body, &'static mut Fighter, &'static mut Score)>;

/// Tells of deaths, and goes on to the next phase when its time has come.
#[expect(clippy::too_many_arguments, reason = "each is something the system reads or writes")]
pub(super) fn advance_round(
    mut rounds: Query<'_, '_, &mut Round>,
    mut players: Contenders<'_, '_>,
    mut pickups: Query<'_, '_, &mut Pickup>,
    projectiles: Query<'_, '_, Entity, With<Projectile>>,
    step: Res<'_, Step>,
    mut stage: ResMut<'_, Stage>,
    mut outbox: ResMut<'_, Outbox>,
    mut commands: Commands<'_, '_>,
) {
    for Kill { by, victim } in stage.kills.drain(..) {
        outbox.event("killed", serde_json::json!({ "by": by, "victim": victim }));
    }
    let count = u16::try_from(players.iter().len()).unwrap_or(u16::MAX);
    let Some(mut round) = rounds.iter_mut().next() else { return };
    let Some(phase) = round.following(count, step.tick, &stage.numbers) else { return };
    round.enter(phase, step.tick, &stage.numbers);
    for projectile in &projectiles {
        commands.entity(projectile).despawn();
    }
    if phase == RoundPhase::Playing {
        begin(&mut players, &mut pickups, &stage);
    }
    let data = serde_json::json!({ "phase": phase.name(), "ends": round.ends.0, "played": round.played });
    outbox.event("phase", data);
}

/// Everybody at their spawn point, whole and without a score; every pickup there.
fn begin(players: &mut Contenders<'_, '_>, pickups: &mut Query<'_, '_, &mut Pickup>, stage: &Stage) {
    for (player, mut body, mut fighter, mut score) in players {
        body.place(stage.spawn_of_seat(player.seat));
        *fighter = Fighter::fresh();
        *score = Score::default();
    }
    for mut pickup in pickups {
        *pickup = Pickup::at((pickup.x, pickup.y));
    }
}
