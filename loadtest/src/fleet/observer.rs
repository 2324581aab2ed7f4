//! An observer of a match: somebody in a seat who gets every state whole and by name, over a network that is as
//! it is. What bots have is compared with what it gets.

use std::sync::Arc;
use std::time::Duration;

use tickstone_shared::client::session::{Heard, Session, SessionOptions};
use tickstone_shared::client::view::View;
use tickstone_shared::net::socket::{Address, Socket};
use tickstone_shared::net::websocket::Incoming;
use tickstone_shared::wire::decode::from_server;
use tickstone_shared::wire::encode::client_message;
use tickstone_shared::wire::message::ClientMessage;
use tickstone_shared::wire::version::{Encoding, StateKind};

use crate::board::MatchBoard;
use crate::clock::Clock;

/// How long an observer may take to come in.
const JOIN_PATIENCE: Duration = Duration::from_secs(5);
/// How long it stays: some sixty states.
pub(crate) const STAY: Duration = Duration::from_secs(1);
const ENCODING: Encoding = Encoding::Msgpack;

/// Where and as whom to observe.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) address: Address,
    pub(crate) match_id: String,
    pub(crate) token: Option<String>,
    pub(crate) board: Arc<MatchBoard>,
}

/// Observes every match at once; how many let nobody in. Blocks.
pub(crate) fn observe(observations: Vec<Observation>, clock: Clock) -> std::io::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let all: Vec<_> = observations.into_iter().map(|one| tokio::spawn(watch(one, clock))).collect();
        let mut refused = 0;
        for one in all {
            refused += usize::from(!one.await.unwrap_or(false));
        }
        refused
    }))
}

/// Was it let in?
async fn watch(observation: Observation, clock: Clock) -> bool {
    let Observation { address, match_id, token, board } = observation;
    let mut options = SessionOptions::new(&match_id, "observer");
    options.state = StateKind::Plain;
    if token.is_some() {
        (options.token, options.player) = (token, None);
    }
    let mut session = Session::new(options);
    let mut view = View::default();
    let mut end = clock.now() + JOIN_PATIENCE;
    let Ok(Ok(mut socket)) = tokio::time::timeout(JOIN_PATIENCE, Socket::connect(&address)).await else {
        return false;
    };
    if socket.send(&client_message(&session.hello(), ENCODING)).await.is_err() {
        return false;
    }
    while clock.now() < end {
        let Ok(incoming) = tokio::time::timeout_at(clock.instant(end), socket.receive()).await else { break };
        let Incoming::Message(bytes) = incoming else { return session.welcome().is_some() };
        let Ok(message) = from_server(&bytes, ENCODING) else { continue };
        match session.on_message(message, clock.now()) {
            Heard::Welcomed { .. } => end = clock.now() + STAY,
            Heard::NewState { .. } => {
                let (Some(state), Some(welcome)) = (session.newest(), session.welcome()) else { continue };
                if view.replace(state, &welcome.schema).is_ok() {
                    board.tell_truth(state.epoch, state.tick, view.clone());
                }
            }
            _ => {}
        }
    }
    // It goes without waiting to be let go.
    let _ = socket.send(&client_message(&ClientMessage::Leave {}, ENCODING)).await;
    session.welcome().is_some()
}
