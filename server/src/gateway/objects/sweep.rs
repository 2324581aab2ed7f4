//! Looks at the sockets of objects that are awake, and at those on which a message is on its way. The others are left
//! to the kernel, which asks after the same silence whether the client is there.

use std::sync::Arc;

use tickstone_shared::time::Moment;
use tickstone_shared::wire::close::CloseCode;

use super::peer::{Peer, PeerEnding};
use crate::gateway::close_reason::Ending;
use crate::gateway::hub::Hub;
use crate::gateway::settings::Settings;
use crate::object::peer::Framing;

/// What is to be done about a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Nothing,
    Ping,
    End(Ending),
}

/// Room for those who are looked at, kept from one look to the next.
#[derive(Default)]
pub(in crate::gateway) struct Looked {
    awake: Vec<Arc<Peer>>,
    watched: Vec<Arc<Peer>>,
}

/// Looks once.
pub(in crate::gateway) fn sweep(hub: &Hub, looked: &mut Looked, now: Moment) {
    hub.groups.awake(&|object| hub.objects.is_awake(object), now, &mut looked.awake);
    hub.groups.take_watched(&mut looked.watched);
    for peer in looked.awake.drain(..) {
        // While the object slept nobody asked: a silence of that time is no fault of the client's.
        let heard = peer.heard().max(peer.group.awake_since());
        match silence(heard, peer.pinged(), now, &hub.settings) {
            Action::Nothing => {}
            Action::Ping => peer.ping(now),
            Action::End(ending) => peer.end(PeerEnding::Gateway(ending)),
        }
    }
    for peer in looked.watched.drain(..) {
        let awaits_hello = peer.group.rules.framing == Framing::Framed && peer.spoken.get().is_none();
        let Some(begun) = peer.begun() else { continue };
        match dribble(begun, awaits_hello, now, &hub.settings) {
            Some(ending) => peer.end(PeerEnding::Gateway(ending)),
            None => hub.groups.watch(&peer),
        }
    }
}

/// A client of an object that is awake.
fn silence(heard: Moment, pinged: Moment, now: Moment, settings: &Settings) -> Action {
    if now.since(heard) >= settings.object_silent_after {
        return Action::End(Ending::Coded(CloseCode::Silent, "nothing heard for too long"));
    }
    if now.since(heard.max(pinged)) >= settings.object_ping_after { Action::Ping } else { Action::Nothing }
}

/// A message, or a hello, that has been on its way since `begun`.
fn dribble(begun: Moment, awaits_hello: bool, now: Moment, settings: &Settings) -> Option<Ending> {
    let (limit, ending) = if awaits_hello {
        (settings.hello_timeout, Ending::Coded(CloseCode::Silent, "no hello in time"))
    } else {
        (settings.message_timeout, Ending::Coded(CloseCode::Malformed, "a message took too long to arrive"))
    };
    (now.since(begun) >= limit).then_some(ending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(ms: u64) -> Moment {
        Moment::default() + Duration::from_millis(ms)
    }

    fn settings() -> Settings {
        Settings::dev("127.0.0.1:0".parse().unwrap())
    }

    #[test]
    fn socket_6_pinged_after_15_s_of_silence_and_gone_after_30() {
        let looked = |pinged, ms| silence(at(0), at(pinged), at(ms), &settings());
        assert_eq!(looked(0, 14_999), Action::Nothing);
        assert_eq!(looked(0, 15_000), Action::Ping);
        assert_eq!(looked(15_000, 29_999), Action::Nothing, "once");
        assert!(matches!(looked(15_000, 30_000), Action::End(Ending::Coded(CloseCode::Silent, _))));
    }

    #[test]
    fn a_hello_has_3_s_and_a_message_5() {
        let ended = |awaits_hello, ms| match dribble(at(1_000), awaits_hello, at(ms), &settings()) {
            Some(Ending::Coded(code, _)) => code.number(),
            _ => 0,
        };
        assert_eq!((ended(true, 3_999), ended(true, 4_000)), (0, 4408));
        assert_eq!((ended(false, 5_999), ended(false, 6_000)), (0, 4400));
    }
}
