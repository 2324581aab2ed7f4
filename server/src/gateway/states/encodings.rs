//! The encodings of one state: each is made once, for the first receiver that needs it.

use std::sync::Arc;

use tickstone_shared::replication::encode::{Encoder, Pair};
use tickstone_shared::wire::state::{encode_relative, encode_shared};

use crate::gateway::frames::SharedFrame;
use crate::gateway::link::Spoken;
use crate::object::socket::StateFrame;

/// What an encoding is for: its form, and where its base is (0: none), so that nothing of that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    spoken: Spoken,
    base: usize,
}

/// The encodings of the state at hand. The buffers are reused.
#[derive(Default)]
pub(in crate::gateway) struct Encodings {
    encoder: Encoder,
    difference: Vec<u8>,
    /// Those of this state, then buffers of earlier ones.
    made: Vec<(Option<Form>, SharedFrame)>,
    used: usize,
}

impl Encodings {
    /// Another state comes.
    pub(in crate::gateway) fn begin(&mut self) {
        self.used = 0;
    }

    /// The state as it is shown to a client who has this base. `whole` is the state that `shown` was cut from.
    pub(in crate::gateway) fn of(
        &mut self,
        shown: &StateFrame,
        whole: &StateFrame,
        base: Option<&Arc<StateFrame>>,
        spoken: Spoken,
    ) -> &mut SharedFrame {
        let form = Some(Form { spoken, base: base.map_or(0, |base| Arc::as_ptr(base).addr()) });
        let made = self.made[..self.used].iter().position(|(made, _)| *made == form);
        let at = made.unwrap_or_else(|| self.make(shown, whole, base, spoken));
        self.made[at].0 = form;
        &mut self.made[at].1
    }

    fn make(
        &mut self,
        shown: &StateFrame,
        whole: &StateFrame,
        base: Option<&Arc<StateFrame>>,
        Spoken { encoding, kind }: Spoken,
    ) -> usize {
        let Self { encoder, difference, made, used } = self;
        if *used == made.len() {
            made.push(Default::default());
        }
        let shared = &mut made[*used].1;
        *used += 1;
        match base {
            None => shared.begin(|out| encode_shared(&shown.head(), encoding, kind, out)),
            Some(base) => {
                let layout = &shown.shape.layout;
                let pair = Pair { layout, base: &base.snapshot.body, view: &shown.snapshot.body };
                let has_left = |kind, id| layout.has_row(&whole.snapshot.body, kind, id);
                difference.clear();
                encoder.whole(pair, has_left, difference);
                let tick = base.snapshot.tick;
                shared.begin(|out| encode_relative(&shown.head(), tick, difference, encoding, out));
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
    use tickstone_shared::wire::version::{Encoding, StateKind};

    fn frame(shape: &Arc<Shape>, tick: u64) -> Arc<StateFrame> {
        let mut frame = StateFrame { epoch: Epoch(1), ..StateFrame::blank(shape) };
        frame.snapshot.tick = Tick(tick);
        frame.snapshot.body = vec![0, 1, 0, 1, 0, 0, 0, tick as u8];
        Arc::new(frame)
    }

    #[test]
    fn each_form_and_base_is_encoded_once_for_a_state() {
        let fields = vec![Field { name: "x".to_owned(), kind: FieldKind::U8, per_unit: 1, private: false }];
        let kinds = vec![KindSchema { name: "dot".to_owned(), fields }];
        let shape = Arc::new(Shape::new(Schema { kinds, input: Vec::new() }));
        let [first, second, third] = [1, 2, 3].map(|tick| frame(&shape, tick));
        let packed = Spoken { encoding: Encoding::Msgpack, kind: StateKind::Delta };
        let plain = Spoken { kind: StateKind::Plain, ..packed };
        let mut encodings = Encodings::default();
        for _ in 0..3 {
            encodings.begin();
            let mut seen = Vec::new();
            for base in [None, Some(&first), Some(&second), None, Some(&first), Some(&second)] {
                let shared = encodings.of(&third, &third, base, packed);
                seen.push(shared.with_end(packed.encoding, |_| {}).to_vec());
            }
            assert_eq!(seen[..3], seen[3..]);
            assert!(seen[0] != seen[1] && seen[1] != seen[2]);
            encodings.of(&third, &third, None, plain);
            assert_eq!(encodings.used, 4);
        }
        assert_eq!(encodings.made.len(), 4);
    }
}
