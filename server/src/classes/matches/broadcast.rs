//! What leaves a match after a tick: its state for everybody, and what the world told the outside.

use std::collections::VecDeque;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use tickstone_shared::ids::StateHash;
use tickstone_shared::replication::history::VIEWS_MAX;
use tickstone_shared::replication::interest::Sights;
use tickstone_shared::sim::event::{Audience, Output};
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::message::{DataMessage, EventMessage, ServerMessage};

use super::roster::Seated;
use super::running::Running;
use crate::metrics::Metrics;
use crate::object::context::Context;
use crate::object::effects::Release;
use crate::object::socket::{Receiver, SocketId, StateFrame};

/// Frames whose buffers are used again once everybody has been served: those used longest ago first. There are few
/// as long as few are held, so that they stay in the processor's cache; where states go over datagrams each is held
/// for as long as the next ones may be relative to it.
#[derive(Debug, Default)]
pub struct FramePool {
    frames: VecDeque<Arc<StateFrame>>,
}

/// Frames a match keeps: one being filled, those on their way, and those that the next ones are relative to, which
/// are of the last 32 ticks.
const FRAMES_MAX: usize = VIEWS_MAX + 8;
/// Frames that may be free beside the one that is used: further ones are let go.
const FREE_MAX: usize = 4;
/// Reliable messages that wait for the journal; whoever would get one more is closed, to resume later.
const HELD_MAX: usize = 1024;

impl FramePool {
    /// A frame nobody else holds, filled by `fill`.
    fn fill(
        &mut self,
        blank: impl FnOnce() -> StateFrame,
        fill: impl FnOnce(&mut StateFrame),
    ) -> Arc<StateFrame> {
        let free = self.frames.iter_mut().position(|frame| Arc::get_mut(frame).is_some());
        let known = free.and_then(|at| self.frames.remove(at));
        if known.is_some() && self.frames.get_mut(FREE_MAX).is_some_and(|frame| Arc::get_mut(frame).is_some())
        {
            self.frames.remove(FREE_MAX);
        }
        let mut frame = known.unwrap_or_else(|| Arc::new(blank()));
        fill(Arc::get_mut(&mut frame).expect("nobody else holds this frame"));
        if self.frames.len() < FRAMES_MAX {
            self.frames.push_back(Arc::clone(&frame));
        }
        frame
    }
}

/// How much players see where they do not see all.
#[derive(Debug)]
pub struct ViewCounters {
    views: Counter,
    entities: Counter,
}

impl ViewCounters {
    /// The counters `tickstone_views_total` and `tickstone_view_entities_total`.
    pub fn new(metrics: &Metrics) -> Self {
        Self { views: metrics.views.clone(), entities: metrics.view_entities.clone() }
    }

    fn count(&self, sights: &Sights) {
        self.views.inc_by(sights.receivers() as u64);
        self.entities.inc_by(sights.rows() as u64);
    }
}

fn receiver(seated: &Seated) -> Option<Receiver> {
    Some(Receiver { socket: seated.socket?, seat: seated.record.seat, feedback: seated.inputs.feedback() })
}

impl Running {
    /// Shows the newest state to everybody who is connected.
    pub(super) fn show_state(&mut self, ctx: &mut Context<'_>, hash: Option<StateHash>) {
        let release = self.release();
        if release == Release::Gated && self.is_behind_gap() {
            return;
        }
        let sight = self.simulation.sight();
        let shape = self.game.shape();
        // A hash depends on what not everybody may see.
        let is_open = sight.is_none() && shape.cut.is_same_for_all() && !self.game.has_secrets();
        let hash = hash.filter(|_| is_open);
        let epoch = ctx.epoch();
        let Self { frames, simulation, roster, interest, views, .. } = self;
        let frame = frames.fill(
            || StateFrame::blank(shape),
            |frame| {
                frame.epoch = epoch;
                frame.hash = hash;
                simulation.snapshot(&mut frame.snapshot);
                frame.receivers.clear();
                frame.receivers.extend(roster.iter().filter_map(receiver));
                frame.sights.clear();
                if let Some(sight) = sight {
                    let StateFrame { snapshot, receivers, sights, .. } = frame;
                    let seats = receivers.iter().map(|receiver| receiver.seat);
                    let is_hidden = |from, to| simulation.is_hidden(from, to);
                    interest.look(snapshot, sight, seats, is_hidden, sights);
                    views.count(sights);
                }
            },
        );
        ctx.show(release, frame);
    }

    /// Sends the welcomes of this tick's joins and what the world told the outside. All of it leaves once the
    /// tick is in the journal: nobody is told what a crash can undo, and a welcome comes before every event.
    /// Behind a gap in the journal it waits until a checkpoint has closed it.
    pub(super) fn tell(&mut self, ctx: &mut Context<'_>) {
        if !self.held.is_empty() || !self.answers.is_empty() || self.release() == Release::Gated {
            ctx.commit_now();
        }
        if !self.is_behind_gap() {
            for (socket, message) in self.held.drain(..) {
                ctx.send(socket, Arc::clone(&message));
                self.leaving.push((socket, message));
            }
            for (call, answer) in self.answers.drain(..) {
                ctx.reply(call, Ok(answer));
            }
        }
        let mut outputs = self.take_outputs();
        for output in outputs.drain(..) {
            self.tell_one(ctx, output);
        }
        self.reuse_outputs(outputs);
    }

    fn hold(&mut self, ctx: &mut Context<'_>, sockets: &[SocketId], message: &Arc<ServerMessage>) {
        for socket in sockets {
            if self.held.len() < HELD_MAX {
                self.held.push((*socket, Arc::clone(message)));
            } else {
                ctx.close(Release::Ungated, *socket, CloseCode::Restoring, "the disk is behind");
            }
        }
    }

    fn tell_one(&mut self, ctx: &mut Context<'_>, output: Output) {
        let Output { to, name, data } = output;
        let message = Arc::new(match name {
            Some(name) => {
                ServerMessage::Event(EventMessage { tick: self.tick(), name: name.to_owned(), data })
            }
            None => ServerMessage::Message(DataMessage { data }),
        });
        let reached = |seated: &&Seated| match to {
            Audience::Everybody => true,
            Audience::Seat(seat) => seated.record.seat == seat,
        };
        let sockets: Vec<SocketId> =
            self.roster.iter().filter(reached).filter_map(|seated| seated.socket).collect();
        if self.is_behind_gap() {
            return self.hold(ctx, &sockets, &message);
        }
        if !sockets.is_empty() {
            self.leaving.extend(sockets.iter().map(|socket| (*socket, Arc::clone(&message))));
            ctx.broadcast(sockets, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickstone_shared::replication::shape::Shape;
    use tickstone_shared::schema::Schema;

    /// Frames a pool has after so many ticks in which the last `held` are held, and how many of them were new.
    fn after(pool: &mut FramePool, ticks: usize, held: usize) -> (usize, usize) {
        let shape = Arc::new(Shape::new(Schema { kinds: Vec::new(), input: Vec::new() }));
        let (mut made, mut holds) = (0, VecDeque::new());
        for _ in 0..ticks {
            let blank = || {
                made += 1;
                StateFrame::blank(&shape)
            };
            holds.push_back(pool.fill(blank, |_| ()));
            holds.drain(..holds.len().saturating_sub(held));
        }
        (pool.frames.len(), made)
    }

    #[test]
    fn there_are_as_many_frames_as_are_held_and_no_more_once_they_are_free() {
        let mut pool = FramePool::default();
        assert_eq!(after(&mut pool, 100, 2), (3, 3), "few for those on their way");
        assert_eq!(after(&mut pool, 100, VIEWS_MAX + 2), (VIEWS_MAX + 3, VIEWS_MAX), "each for 32 ticks");
        assert_eq!(after(&mut pool, 100, 2), (FREE_MAX + 3, 0), "and few again");
        assert_eq!(after(&mut pool, 100, FRAMES_MAX + 10).0, FRAMES_MAX);
    }
}
