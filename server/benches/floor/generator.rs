//! The clients: one thread on processor 1 that plays all of them, the same for both sides.
//!
//! It wakes 960 times a second, reads what has come and sends the inputs of the clients whose turn it is:
//! each sends 30 times a second, and the clients are spread evenly over that time.

use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use tickstone_server::clock::{Clock as _, SystemClock};
use tickstone_shared::time::Moment;

use crate::Fallible;
use crate::client::{Client, Shared, Stage};
use crate::created::{PLAYERS, create};
use crate::frames::Sizes;
use crate::measure::{CLIENTS_CORE, GENERATOR_BOUND, Run, cpu_seconds, prepare_part, rss_bytes};
use crate::options::GeneratorPlan;
use crate::side::Side;

const SLOT_RATE_HZ: u64 = 960;
const INPUT_RATE_HZ: u64 = 30;
const SLOTS: usize = (SLOT_RATE_HZ / INPUT_RATE_HZ) as usize;
const EVENTS_MAX: usize = 4096;
const READ_BYTES: usize = 64 * 1024;
/// Clients that join at once.
const JOINING_MAX: usize = 8;
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);

struct Generator<'a> {
    plan: &'a GeneratorPlan,
    clock: SystemClock,
    poll: Poll,
    matches: Vec<String>,
    clients: Vec<Client>,
    shared: Shared,
    /// The next slot to send in.
    slot: u64,
    inputs: u64,
    input_frame_bytes: usize,
}

/// What has been counted when a window begins.
struct Window {
    began: Moment,
    subject: f64,
    own: f64,
}

/// Joins, warms up, measures.
pub(crate) fn run(plan: &GeneratorPlan) -> Fallible<Run> {
    prepare_part(CLIENTS_CORE)?;
    let shared =
        Shared { scratch: vec![0; READ_BYTES], payload: Vec::new(), frame: Vec::new(), sizes: Sizes::new() };
    let mut generator = Generator {
        plan,
        clock: SystemClock::new(),
        poll: Poll::new()?,
        matches: if plan.side == Side::Server {
            create(&plan.target.to_string(), plan.matches)?
        } else {
            Vec::new()
        },
        clients: Vec::new(),
        shared,
        slot: 0,
        inputs: 0,
        input_frame_bytes: 0,
    };
    let mut events = Events::with_capacity(EVENTS_MAX);
    let give_up = generator.clock.now() + JOIN_TIMEOUT;
    while generator.join()? > 0 {
        generator.turn(&mut events)?;
        if generator.clock.now() > give_up {
            return Err(format!("only {} clients have joined in a minute", generator.clients.len()).into());
        }
    }
    generator.turn_until(generator.clock.now() + Duration::from_secs(plan.warmup), &mut events)?;
    let window = generator.begin()?;
    generator.turn_until(window.began + Duration::from_secs(plan.seconds), &mut events)?;
    generator.end(&window)
}

impl Generator<'_> {
    /// Lets some more join; answers how many are not there yet.
    fn join(&mut self) -> Fallible<usize> {
        let wanted = self.plan.matches * PLAYERS;
        let arriving = |client: &&Client| matches!(client.stage, Stage::Upgrading | Stage::Joining);
        let joining = self.clients.iter().filter(arriving).count();
        for _ in joining..JOINING_MAX.min(joining + wanted - self.clients.len()) {
            let number = self.clients.len();
            let seed = u32::try_from(number)?;
            let mut client = match self.matches.get(number / PLAYERS) {
                Some(match_id) => Client::of_match(self.plan.target, match_id, seed)?,
                None => Client::of_floor(self.plan.target, seed)?,
            };
            self.poll.registry().register(&mut client.socket, Token(number), Interest::READABLE)?;
            self.clients.push(client);
        }
        Ok(wanted - self.clients.len() + self.clients.iter().filter(arriving).count())
    }

    fn turn_until(&mut self, end: Moment, events: &mut Events) -> Fallible<()> {
        while self.clock.now() < end {
            self.turn(events)?;
        }
        Ok(())
    }

    /// Waits for the next slot, reads, sends.
    fn turn(&mut self, events: &mut Events) -> Fallible<()> {
        self.clock.sleep_until(Moment(self.slot * 1_000_000_000 / SLOT_RATE_HZ));
        self.poll.poll(events, Some(Duration::ZERO))?;
        for event in events.iter() {
            let Token(number) = event.token();
            if self.clients[number].stage != Stage::Gone {
                self.clients[number].receive(&mut self.shared)?;
            }
        }
        let reached = self.clock.now().0.saturating_mul(SLOT_RATE_HZ) / 1_000_000_000;
        // What was due more than a round ago is left out.
        self.slot = self.slot.max((reached + 1).saturating_sub(SLOTS as u64));
        while self.slot <= reached {
            self.send(self.slot);
            self.slot += 1;
        }
        Ok(())
    }

    fn send(&mut self, slot: u64) {
        let first = (slot % SLOTS as u64) as usize;
        for client in self.clients.iter_mut().skip(first).step_by(SLOTS) {
            if client.stage == Stage::Playing {
                self.input_frame_bytes = client.send_inputs(&mut self.shared);
                self.inputs += 1;
            }
        }
    }

    fn begin(&mut self) -> Fallible<Window> {
        self.shared.sizes.clear();
        self.inputs = 0;
        self.clients.iter_mut().for_each(|client| client.ticks = 0);
        let subject = cpu_seconds(self.plan.pid)?;
        let own = cpu_seconds(std::process::id())?;
        Ok(Window { began: self.clock.now(), subject, own })
    }

    fn end(&self, window: &Window) -> Fallible<Run> {
        let seconds = self.clock.now().since(window.began).as_secs_f64();
        let cpu_seconds_used = cpu_seconds(self.plan.pid)? - window.subject;
        let generator_cpu_fraction = (cpu_seconds(std::process::id())? - window.own) / seconds;
        let player_ticks: u64 = self.clients.iter().map(|client| client.ticks).sum();
        let fewest = self.clients.iter().map(|client| client.ticks).min().unwrap_or(0);
        let players = self.clients.len();
        Ok(Run {
            matches: self.plan.matches,
            players,
            seconds,
            cpu_seconds: cpu_seconds_used,
            player_ticks,
            cpu_us_per_player_tick: cpu_seconds_used * 1e6 / player_ticks.max(1) as f64,
            tick_hz_min: fewest as f64 / seconds,
            generator_cpu_fraction,
            generator_bound: generator_cpu_fraction >= GENERATOR_BOUND,
            inputs_per_player_s: self.inputs as f64 / players as f64 / seconds,
            input_frame_bytes: self.input_frame_bytes,
            frame_bytes_mean: self.shared.sizes.mean(),
            frame_bytes: self.shared.sizes.quantiles(),
            disconnects: self.clients.iter().filter(|client| client.stage == Stage::Gone).count(),
            rss_bytes: rss_bytes(self.plan.pid)?,
        })
    }
}
