//! From a first packet to a connection: limits, the handshake, and which protocol it is.

use std::sync::Arc;

use quinn::crypto::rustls::HandshakeData;
use quinn::{Endpoint, Incoming, VarInt};
use tickstone_shared::wire::version::QUIC_ALPN;
use tokio::sync::watch;

use super::connection;
use crate::gateway::guard::admission::{Permit, Places};
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
    let (Some(handshake), Some(place)) = (handshakes.take(), hub.places.take()) else {
        counters.refused.inc();
        return incoming.refuse();
    };
    let hub = Arc::clone(hub);
    tokio::spawn(async move {
        serve(incoming, hub, handshake, draining).await;
        drop(place);
    });
}

async fn serve(incoming: Incoming, hub: Arc<Hub>, handshake: Permit, draining: watch::Receiver<bool>) {
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
        Some(QUIC_ALPN) => connection::serve(hub, connection, draining).await,
        // TLS has agreed on one that is offered: every one of them has its line above.
        _ => connection.close(VarInt::from_u32(0), b"no protocol was agreed on"),
    }
}
