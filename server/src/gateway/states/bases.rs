//! What one client has of the states that were sent before: what the next one may be relative to.

use std::sync::Arc;

use tickstone_shared::input::Acknowledged;
use tickstone_shared::replication::datagram_bases::DatagramBases;
use tickstone_shared::replication::stream_base::StreamBase;
use tickstone_shared::time::Tick;
use tickstone_shared::wire::version::StateKind;

use crate::gateway::link::Link;
use crate::object::socket::StateFrame;

/// What a client has. Those of kind `plain` are never relative.
pub(in crate::gateway) enum Bases {
    /// What has left on their stream.
    Stream(StreamBase<StateFrame>),
    /// What they acknowledged of what came in datagrams.
    Datagrams(Box<DatagramBases<StateFrame>>),
}

impl Bases {
    /// Of a client who was sent nothing.
    pub(in crate::gateway) fn of(link: &Link) -> Self {
        match link.datagrams {
            None => Self::Stream(StreamBase::default()),
            Some(_) => Self::Datagrams(Box::default()),
        }
    }

    /// Hears what the client has acknowledged: what that is of all, over datagrams.
    pub(in crate::gateway) fn hear(&mut self, link: &Link) -> Option<Acknowledged> {
        let (Self::Datagrams(bases), Some(datagrams)) = (self, &link.datagrams) else { return None };
        if let Some((epoch, acknowledged)) = datagrams.take_acknowledged() {
            bases.acknowledge(epoch, acknowledged);
        }
        Some(bases.acknowledged())
    }

    /// The state that `next` is to be relative to; over datagrams that of `shared`, which others have, too, if the
    /// client has it and it is not much older.
    #[inline]
    pub(in crate::gateway) fn before(
        &mut self,
        next: &StateFrame,
        shared: Option<Tick>,
        (link, kind): (&Link, StateKind),
    ) -> Option<&Arc<StateFrame>> {
        match self {
            Self::Datagrams(bases) => bases.before(next, shared),
            Self::Stream(_) if kind == StateKind::Plain => None,
            Self::Stream(base) => base.before(next, || link.out.take_back()),
        }
    }
}
