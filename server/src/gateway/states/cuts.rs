//! One state as datagrams: cut once for each base, for the first receiver that has it.

use std::sync::Arc;

use tickstone_shared::replication::encode::{Encoder, Pair, Parts};
use tickstone_shared::wire::parts::{PART_BODY_BYTES_MAX, StateParts};

use crate::object::socket::StateFrame;

/// The parts of the state at hand. The buffers are reused.
#[derive(Default)]
pub(in crate::gateway) struct Cuts {
    encoder: Encoder,
    parts: Parts,
    /// Those of this state by where their base is (0: none), then buffers of earlier ones.
    made: Vec<(usize, StateParts)>,
    used: usize,
}

impl Cuts {
    /// Another state comes.
    pub(in crate::gateway) fn begin(&mut self) {
        self.used = 0;
    }

    /// The state as it is shown to a client who has this base: none where it is whole and does not fit a datagram.
    /// `whole` is the state that `shown` was cut from.
    pub(in crate::gateway) fn of(
        &mut self,
        shown: &StateFrame,
        whole: &StateFrame,
        base: Option<&Arc<StateFrame>>,
    ) -> Option<&StateParts> {
        if base.is_none() && shown.snapshot.body.len() > PART_BODY_BYTES_MAX {
            return None;
        }
        let place = base.map_or(0, |base| Arc::as_ptr(base).addr());
        let made = self.made[..self.used].iter().position(|(made, _)| *made == place);
        let at = made.unwrap_or_else(|| self.make(shown, whole, base));
        self.made[at].0 = place;
        // More parts than a state may have are none.
        Some(&self.made[at].1).filter(|parts| parts.count() > 0)
    }

    fn make(&mut self, shown: &StateFrame, whole: &StateFrame, base: Option<&Arc<StateFrame>>) -> usize {
        let Self { encoder, parts, made, used } = self;
        if *used == made.len() {
            made.push(Default::default());
        }
        let cut = &mut made[*used].1;
        *used += 1;
        let (head, body) = (shown.head(), &shown.snapshot.body);
        match base {
            None => cut.encode(&head, None, std::iter::once(body.as_slice())),
            Some(base) => {
                let layout = &shown.shape.layout;
                let pair = Pair { layout, base: &base.snapshot.body, view: body };
                let has_left = |kind, id| layout.has_row(&whole.snapshot.body, kind, id);
                encoder.parts(pair, has_left, PART_BODY_BYTES_MAX, parts);
                cut.encode(&head, Some(base.snapshot.tick), parts.iter());
            }
        }
        *used - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickstone_shared::ids::Epoch;
    use tickstone_shared::replication::shape::Shape;
    use tickstone_shared::schema::{Field, FieldKind, KindSchema, Schema};
    use tickstone_shared::time::Tick;

    fn frame(shape: &Arc<Shape>, tick: u64, rows: usize) -> Arc<StateFrame> {
        let mut frame = StateFrame { epoch: Epoch(1), ..StateFrame::blank(shape) };
        frame.snapshot.tick = Tick(tick);
        frame.snapshot.body = [&[0][..], &(rows as u16).to_le_bytes()].concat();
        for id in 1..=rows as u32 {
            frame.snapshot.body.extend_from_slice(&id.to_le_bytes());
            frame.snapshot.body.push(tick as u8);
        }
        Arc::new(frame)
    }

    #[test]
    fn each_base_is_cut_once_and_what_is_whole_is_one_datagram_or_none() {
        let fields = vec![Field { name: "x".to_owned(), kind: FieldKind::U8, per_unit: 1, private: false }];
        let kinds = vec![KindSchema { name: "dot".to_owned(), fields }];
        let shape = Arc::new(Shape::new(Schema { kinds, input: Vec::new() }));
        let rows_max = (PART_BODY_BYTES_MAX - 3) / 5;
        let [first, second] = [1, 2].map(|tick| frame(&shape, tick, rows_max));
        let fits = frame(&shape, 3, rows_max);
        let mut cuts = Cuts::default();
        for _ in 0..3 {
            cuts.begin();
            let mut seen = Vec::new();
            for base in [None, Some(&first), Some(&second), None, Some(&first), Some(&second)] {
                let parts = cuts.of(&fits, &fits, base).unwrap();
                assert_eq!(parts.count(), 1);
                seen.push(parts.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
            }
            assert_eq!(seen[..3], seen[3..]);
            assert!(seen[0] != seen[1] && seen[1] != seen[2]);
            assert_eq!(cuts.used, 3);
        }
        assert_eq!(cuts.made.len(), 3);
        let longer = frame(&shape, 3, rows_max + 1);
        assert!(cuts.of(&longer, &longer, None).is_none());
        assert!(cuts.of(&longer, &longer, Some(&first)).is_some());
    }
}
