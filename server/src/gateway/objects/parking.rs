//! Sockets of objects at a drain: stored for the next process, so that each client can be told by which token it
//! comes back (contract: LIFE 3).

use std::time::Duration;

use crate::gateway::hub::Hub;
use crate::object::storage::TicketState;

/// Sockets stored at once: with the longest attachments 16 MiB.
const AT_ONCE: usize = 1024;
/// Between two looks whether something has come to pass.
const LOOK: Duration = Duration::from_millis(2);

/// Stores what is kept of every socket, within `deadline`: whose is not there by then goes without a token.
/// No object runs any more.
pub(in crate::gateway) async fn park(hub: &Hub, deadline: Duration) {
    if tokio::time::timeout(deadline, park_all(hub)).await.is_err() {
        tracing::warn!("not every socket could be stored: some clients come back as strangers");
    }
}

async fn park_all(hub: &Hub) {
    // What objects said of their sockets last may still be on its way.
    while !hub.groups.is_told() {
        tokio::time::sleep(LOOK).await;
    }
    let sockets = hub.groups.to_park();
    for some in sockets.chunks(AT_ONCE) {
        let infos: Vec<_> =
            some.iter().map(|(peer, info)| (peer.group.object.clone(), info.clone())).collect();
        let Some(ticket) = hub.objects.park(&infos) else { continue };
        while ticket.state() == TicketState::Pending {
            tokio::time::sleep(LOOK).await;
        }
        if ticket.state() == TicketState::Durable {
            some.iter().for_each(|(peer, _)| peer.note_parked());
        }
    }
}
