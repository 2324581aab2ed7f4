//! Games without ticks: what has come is one step, and the match sleeps until something comes again.
//!
//! What a tick does once a step, this does after every event: step, journal, tell, show. What such a game waits
//! for is an alarm of the match, so that it comes due while the match sleeps, and after a restart.

use std::time::Duration;

use tickstone_shared::ids::Seat;
use tickstone_shared::sim::event::Event;

use super::durable_match::DurableMatch;
use super::lifecycle::{Life, set_alarm};
use super::running::Running;
use super::store_keys::SOCKETS;
use crate::object::context::{Context, WriteRefused};
use crate::object::contract::WakeError;
use crate::object::socket::SocketId;
use crate::object::storage::Reader;

/// The alarm of a deadline: its name says which, so that one that was set for another is never taken for it.
fn alarm_of(number: u32) -> String {
    format!("deadline {number}")
}

impl DurableMatch {
    /// After whatever came: a game with ticks has them if somebody is there, one without steps now.
    pub(super) fn go_on(&mut self, ctx: &mut Context<'_>) {
        let Life::Running(running) = &mut self.life else { return };
        if running.is_ticking {
            return;
        }
        if running.game.has_ticks() {
            if running.is_wanted() {
                running.start_ticks(ctx);
            }
            return;
        }
        let has_stepped = running.has_news();
        if has_stepped {
            running.advance(ctx, true);
        }
        if running.simulation.outcome().is_some() {
            return self.end(ctx, "outcome");
        }
        running.mind_deadline(ctx);
        if has_stepped {
            self.publish(ctx);
        }
    }

    /// A deadline has passed, if the game still waits for what it was set for.
    pub(super) fn overdue(&mut self, ctx: &mut Context<'_>, alarm: &str) {
        let Life::Running(running) = &mut self.life else { return };
        let Some(deadline) = running.simulation.deadline() else { return };
        if alarm == alarm_of(deadline.number) {
            let overdue = Event::Overdue { number: deadline.number };
            running.happen(overdue).expect("only joins are refused");
            self.go_on(ctx);
        }
    }
}

impl Running {
    /// Keeps the alarm of what the game waits for.
    fn mind_deadline(&mut self, ctx: &mut Context<'_>) {
        let deadline = self.simulation.deadline();
        let number = deadline.map(|deadline| deadline.number);
        if number == self.deadline_set {
            return;
        }
        self.cancel_deadline(ctx);
        self.deadline_set = number;
        if let Some(deadline) = deadline {
            set_alarm(ctx, &alarm_of(deadline.number), Duration::from_secs(deadline.seconds.into()));
        }
    }

    /// Nothing is waited for any more.
    pub(super) fn cancel_deadline(&mut self, ctx: &mut Context<'_>) {
        if let Some(number) = self.deadline_set.take() {
            ctx.cancel_alarm(&alarm_of(number));
        }
    }

    /// It is awake again: is the alarm set of what it waits for?
    pub(super) fn find_deadline(&mut self, ctx: &Context<'_>) {
        let number = self.simulation.deadline().map(|deadline| deadline.number);
        self.deadline_set = number.filter(|number| ctx.alarm(&alarm_of(*number)).is_some());
    }

    /// Stores which socket plays which seat: the sockets outlive its memory.
    pub(super) fn store_sockets(&self, ctx: &mut Context<'_>) -> Result<(), WriteRefused> {
        let connected = self.roster.iter().filter_map(|seated| Some((seated.record.seat, seated.socket?.0)));
        let connected: Vec<(Seat, u64)> = connected.collect();
        let encoded = postcard::to_stdvec(&connected).expect("writing plain data to a Vec cannot fail");
        ctx.storage().put(SOCKETS, encoded)
    }

    /// It slept, and its sockets are still there.
    pub(super) fn find_sockets(
        &mut self,
        ctx: &mut Context<'_>,
        stored: &dyn Reader,
    ) -> Result<(), WakeError> {
        let encoded = stored.get(SOCKETS)?.unwrap_or_default();
        let connected: Vec<(Seat, u64)> = postcard::from_bytes(&encoded).unwrap_or_default();
        for (seat, socket) in connected {
            self.roster.connect(seat, SocketId(socket));
            ctx.keep_socket(SocketId(socket));
        }
        Ok(())
    }
}
