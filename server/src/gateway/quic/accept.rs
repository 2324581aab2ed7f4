//! From a first packet to a connection: limits, the handshake, and which protocol it is.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, Endpoint, Incoming, VarInt};
use tickstone_shared::wire::close::CloseCode;
use tickstone_shared::wire::version::QUIC_ALPN;
use tokio::sync::watch;

use super::connection;
use crate::gateway::close_reason::{Ending, OVERLOADED};
use crate::gateway::guard::admission::{Permit, Places};
use crate::gateway::guard::{Crowded, Stranger, Visitor};
use crate::gateway::hub::Hub;

/// Handshakes at once.
const HANDSHAKES_MAX: usize = 1_024;

/// Accepts until the endpoint is closed. A drain refuses what comes.
pub(in crate::gateway) async fn run(endpoint: Endpoint, hub: Arc<Hub>, draining: watch::Receiver<bool>) {
    let handshakes = Places::new(HANDSHAKES_MAX);
    while let Some(incoming) = endpoint.accept().await {
        admit(incoming, &hub, &handshakes, draining.clone());
    }
}

fn admit(incoming: Incoming, hub: &Arc<Hub>, handshakes: &Arc<Places>, draining: watch::Receiver<bool>) {
    let counters = &hub.counters.quic.handshakes;
    if hub.is_draining() {
        counters.refused.inc();
        return incoming.refuse();
    }
    if handshakes.taken() >= hub.settings.quic_retry_above && incoming.may_retry() {
        counters.retried.inc();
        // Only a token that was given already cannot be given again, and then it may not retry.
        let _ = incoming.retry();
        return;
    }
    let (Some(handshake), Some(place), Ok(visitor)) =
        (handshakes.take(), hub.places.take(), early_visitor(&incoming, hub))
    else {
        counters.refused.inc();
        return incoming.refuse();
    };
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        serve(incoming, hub, handshake, visitor, draining).await;
        drop(place);
    });
}

/// An address that has been shown to be the sender's has its place among its own before the handshake, others
/// after it: nobody uses up what another address may have.
fn early_visitor(incoming: &Incoming, hub: &Hub) -> Result<Option<Arc<Visitor>>, Crowded> {
    let validated = incoming.remote_address_validated();
    validated.then(|| visitor(incoming.remote_address(), hub)).transpose()
}

fn visitor(address: SocketAddr, hub: &Hub) -> Result<Arc<Visitor>, Crowded> {
    let counted = |crowded: &Crowded| hub.counters.refused.count(crowded.reason());
    hub.addresses.connect(address.ip(), hub.clock.now()).inspect_err(counted)
}

/// A place among those of its address, and among those that have not said hello.
fn stranger(connection: &Connection, early: Option<Arc<Visitor>>, hub: &Hub) -> Result<Stranger, Crowded> {
    let visitor = early.map_or_else(|| visitor(connection.remote_address(), hub), Ok)?;
    visitor.stranger().inspect_err(|crowded| hub.counters.refused.count(crowded.reason()))
}

async fn serve(
    incoming: Incoming,
    hub: Arc<Hub>,
    handshake: Permit,
    visitor: Option<Arc<Visitor>>,
    draining: watch::Receiver<bool>,
) {
    let counters = &hub.counters.quic.handshakes;
    let shaken = async { incoming.accept()?.await };
    let Ok(Ok(connection)) = tokio::time::timeout(hub.settings.tls_handshake_timeout, shaken).await else {
        counters.failed.inc();
        return;
    };
    drop(handshake);
    counters.done.inc();
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    match data.and_then(|data| data.protocol).as_deref() {
        Some(QUIC_ALPN) => match stranger(&connection, visitor, &hub) {
            Ok(stranger) => connection::serve(hub, connection, stranger, draining).await,
            Err(crowded) => connection::close(&hub, &connection, told(crowded)),
        },
        // TLS has agreed on one that is offered: every one of them has its line above.
        _ => connection.close(VarInt::from_u32(0), b"no protocol was agreed on"),
    }
}

/// What somebody is told who is one too many.
fn told(crowded: Crowded) -> Ending {
    match crowded {
        Crowded::Address | Crowded::Rate => {
            Ending::Coded(CloseCode::TooFast, "too many connections of one address")
        }
        Crowded::Server => OVERLOADED,
    }
}
