//! The views a client has had: what differences are relative to.

use std::collections::VecDeque;

use super::decode::Decoder;
use super::delta_error::DeltaError;
use super::layout::{Layout, Range};
use crate::ids::NetId;
use crate::time::Tick;

/// Views a client keeps, and ticks a base may be old.
pub const VIEWS_MAX: usize = 32;

/// The last views of one epoch. The oldest goes first; its buffer is used again.
#[derive(Debug)]
pub struct History {
    layout: Layout,
    decoder: Decoder,
    /// In the order they came.
    views: VecDeque<(Tick, Vec<u8>)>,
    spare: Vec<u8>,
}

impl History {
    /// No view yet.
    pub fn new(layout: Layout) -> Self {
        Self { layout, decoder: Decoder::default(), views: VecDeque::new(), spare: Vec::new() }
    }

    /// The view of a tick.
    pub fn view(&self, tick: Tick) -> Result<&[u8], DeltaError> {
        let found = self.views.iter().rev().find(|(known, _)| *known == tick);
        found.map(|(_, view)| view.as_slice()).ok_or(DeltaError::Base)
    }

    /// Takes a whole view, if it is one.
    pub fn take_whole(&mut self, tick: Tick, view: &[u8]) -> Result<&[u8], DeltaError> {
        self.layout.check(view)?;
        self.spare.clear();
        self.spare.extend_from_slice(view);
        Ok(self.keep(tick))
    }

    /// Takes the view of `tick` that a difference makes of the one of `base`.
    pub fn take_difference(&mut self, tick: Tick, base: Tick, bytes: &[u8]) -> Result<&[u8], DeltaError> {
        let mut view = std::mem::take(&mut self.spare);
        view.clear();
        let known = self.views.iter().rev().find(|(known, _)| *known == base).ok_or(DeltaError::Base);
        let read = known.and_then(|(_, base)| self.decoder.whole(&self.layout, base, bytes, &mut view));
        self.spare = view;
        read?;
        Ok(self.keep(tick))
    }

    /// Appends to `out` the rows of one part of a difference to the view of `base`; keeps nothing.
    pub fn read_part(&mut self, base: Tick, bytes: &[u8], out: &mut Vec<u8>) -> Result<Range, DeltaError> {
        let known = self.views.iter().rev().find(|(known, _)| *known == base).ok_or(DeltaError::Base);
        known.and_then(|(_, base)| self.decoder.part(&self.layout, base, bytes, out))
    }

    /// What the last difference took out of view although it is still there.
    pub fn left_view(&self) -> &[NetId] {
        self.decoder.left_view()
    }

    /// Keeps the view in the spare buffer.
    fn keep(&mut self, tick: Tick) -> &[u8] {
        let oldest = if self.views.len() < VIEWS_MAX { None } else { self.views.pop_front() };
        let room = oldest.map(|(_, view)| view).unwrap_or_default();
        self.views.push_back((tick, std::mem::replace(&mut self.spare, room)));
        self.views.back().map_or(&[], |(_, view)| view)
    }
}
