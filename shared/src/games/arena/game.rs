//! Arena as the server sees it: what is saved, what is shown, what runs when, who comes and goes.

use bevy_ecs::entity::Entity;
use bevy_ecs::world::World;

use super::body::{Body, Name, Player};
use super::combat::Fighter;
use super::crowd::walk;
use super::input::ArenaInput;
use super::intent::act;
use super::pickup::{Pickup, take_pickups};
use super::projectile::{Projectile, fly};
use super::respawn::respawn;
use super::round::{Round, advance_round};
use super::rules::{Options, Rules, preset};
use super::score::{Score, kills, table};
use super::signal;
use super::stage::Stage;
use super::terrain::middle_of;
use crate::ids::{PlayerName, Seat};
use crate::sim::assets::Assets;
use crate::sim::builder::Builder;
use crate::sim::event::LeaveReason;
use crate::sim::game::{Game, JoinRefused, RulesError, SignalAnswer, SignalRefused};
use crate::sim::phase::Phase;
use crate::sim::world::{NetIds, Outbox};
use crate::snapshot::{Point, Sight};

/// The game `arena`.
pub struct Arena;

impl Game for Arena {
    const NAME: &'static str = "arena";
    const VERSION: u32 = 2;
    const BOARD: Option<&'static str> = Some("arena");

    type Input = ArenaInput;
    type Options = Options;
    type Rules = Rules;

    fn preset(name: &str) -> Option<serde_json::Value> {
        preset(name)
    }

    fn rules(options: Options, assets: &Assets) -> Result<Rules, RulesError> {
        Rules::new(&options, assets)
    }

    fn seats(rules: &Rules) -> u16 {
        rules.numbers.players_max
    }

    fn sight(rules: &Rules) -> Option<Sight> {
        rules.numbers.sight()
    }

    fn is_hidden(world: &World, from: Point, to: Point) -> bool {
        world.resource::<Stage>().terrain.hides(from, to)
    }

    fn build(game: &mut Builder<'_>) {
        game.component::<Player>("player").component::<Name>("name").component::<Body>("body");
        game.component::<Fighter>("fighter").component::<Score>("score");
        game.component::<Projectile>("projectile").component::<Pickup>("pickup");
        game.component::<Round>("round");

        let player =
            game.kind::<Player>("player").with(Player::fields()).owned_by(|player| Seat(player.seat));
        let player = player.with(Body::fields()).placed(|body, _| (body.x, body.y));
        player.with(Fighter::fields()).with(Score::fields()).done();
        let shot = game.kind::<Projectile>("projectile").with(Projectile::fields());
        shot.placed(|shot, tick| shot.at(tick.0.saturating_sub(shot.born.0))).done();
        let pickup = game.kind::<Pickup>("pickup").with(Pickup::fields());
        pickup.placed(|pickup, _| (pickup.x, pickup.y)).done();
        game.kind::<Round>("round").with(Round::fields()).done();

        game.system(Phase::Input, act);
        game.system(Phase::Move, walk);
        game.system(Phase::Collide, fly);
        game.system(Phase::Resolve, take_pickups);
        game.system(Phase::Rules, respawn).system(Phase::Rules, advance_round);
    }

    fn load(world: &mut World, rules: &Rules) {
        world.insert_resource(Stage::new(rules));
    }

    fn start(world: &mut World, rules: &Rules) {
        let id = world.resource_mut::<NetIds>().fresh();
        world.spawn((id, Round::first()));
        for tile in &rules.map.pickups {
            let id = world.resource_mut::<NetIds>().fresh();
            world.spawn((id, Pickup::at(middle_of(*tile))));
        }
    }

    fn join(world: &mut World, seat: Seat, name: &PlayerName) -> Result<(), JoinRefused> {
        let numbers = world.resource::<Stage>().numbers;
        if seat.0 >= numbers.players_max || entity_of(world, seat).is_some() {
            return Err(JoinRefused("there is no such seat, or it is taken"));
        }
        if Round::of(world).is_over(&numbers) {
            return Err(JoinRefused("the match is over"));
        }
        let place = world.resource::<Stage>().spawn_of_seat(seat.0);
        let id = world.resource_mut::<NetIds>().fresh();
        let player = Player { seat: seat.0, connected: true };
        world.spawn((id, player, Name(name.clone()), Body::at(place), Fighter::fresh(), Score::default()));
        let data = serde_json::json!({ "seat": seat.0, "name": name.as_str() });
        world.resource_mut::<Outbox>().event("joined", data);
        Ok(())
    }

    fn leave(world: &mut World, seat: Seat, _reason: LeaveReason) {
        // Their shots go with them: whoever takes the seat next must not be paid for these.
        let mut projectiles = world.query::<(Entity, &Projectile)>();
        let shots = projectiles.iter(world).filter(|(_, shot)| shot.owner == seat.0);
        let mut gone: Vec<Entity> = shots.map(|(entity, _)| entity).collect();
        gone.extend(entity_of(world, seat));
        for entity in gone {
            world.despawn(entity);
        }
        world.resource_mut::<Outbox>().event("left", serde_json::json!({ "seat": seat.0 }));
    }

    fn dropped(world: &mut World, seat: Seat) {
        set_connected(world, seat, Connection::Lost);
    }

    fn returned(world: &mut World, seat: Seat) {
        set_connected(world, seat, Connection::Stands);
    }

    fn signal(world: &World, name: &str, data: &serde_json::Value) -> Result<SignalAnswer, SignalRefused> {
        signal::answer(world, name, data)
    }

    fn signalled(world: &mut World, change: &serde_json::Value) {
        signal::carry_out(world, change);
    }

    fn label(world: &World) -> serde_json::Value {
        let players = world.try_query::<&Player>().map_or(0, |mut players| players.iter(world).count());
        let stage = world.resource::<Stage>();
        serde_json::json!({
            "map": stage.terrain.map_name(),
            "phase": Round::of(world).phase.name(),
            "players": players,
            "players_max": stage.numbers.players_max,
        })
    }

    fn scores(world: &World) -> Vec<(PlayerName, i64)> {
        kills(world)
    }

    fn outcome(world: &World) -> Option<serde_json::Value> {
        let round = Round::of(world);
        let over = round.is_over(&world.resource::<Stage>().numbers);
        over.then(|| serde_json::json!({ "rounds": round.played, "scores": table(world) }))
    }
}

/// Whether a player's connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Stands,
    Lost,
}

fn set_connected(world: &mut World, seat: Seat, connection: Connection) {
    if let Some(entity) = entity_of(world, seat)
        && let Some(mut player) = world.get_mut::<Player>(entity)
    {
        player.connected = connection == Connection::Stands;
    }
}

fn entity_of(world: &mut World, seat: Seat) -> Option<Entity> {
    let mut players = world.query::<(Entity, &Player)>();
    players.iter(world).find(|(_, player)| player.seat == seat.0).map(|(entity, _)| entity)
}
