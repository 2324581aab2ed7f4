//! Looks at every connection twice a second and ends those that are silent, stuck or late: one task instead
//! of a timer per connection.

use std::sync::Arc;

use tickstone_shared::time::Moment;
use tickstone_shared::wire::close::CloseCode;

use super::close_reason::{Ending, TOO_SLOW};
use super::hub::Hub;
use super::link::{Link, Swept};
use super::objects;
use super::settings::Settings;

/// What is seen of a connection.
#[derive(Debug, Clone, Copy)]
struct Seen {
    opened: Moment,
    said_hello: bool,
    heard: Moment,
    begun: Option<Moment>,
    progress: Option<u64>,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Nothing,
    Ping,
    End(Ending),
}

/// Looks around for ever.
pub(super) async fn run(hub: Arc<Hub>) {
    let mut links = Vec::new();
    let mut looked = objects::Looked::default();
    loop {
        tokio::time::sleep(hub.settings.sweep_every).await;
        hub.connections.copy_into(&mut links);
        let now = hub.clock.now();
        for link in links.drain(..) {
            sweep(&link, now, &hub.settings);
        }
        objects::sweep(&hub, &mut looked, now);
    }
}

fn sweep(link: &Link, now: Moment, settings: &Settings) {
    link.look_at_packets(now);
    let seen = Seen {
        opened: link.opened,
        said_hello: link.spoken.get().is_some(),
        heard: link.heard(),
        begun: link.begun(),
        progress: link.out.progress(),
    };
    match judge(&seen, &mut link.swept(), now, settings) {
        Action::Nothing => {}
        Action::Ping => link.ping(),
        Action::End(ending) => link.end(ending),
    }
}

fn judge(seen: &Seen, swept: &mut Swept, now: Moment, settings: &Settings) -> Action {
    if swept.progress != seen.progress {
        (swept.progress, swept.since) = (seen.progress, now);
    }
    if seen.progress.is_some() && now.since(swept.since) >= settings.stuck_after {
        return Action::End(TOO_SLOW);
    }
    if !seen.said_hello && now.since(seen.opened) >= settings.hello_timeout {
        return Action::End(Ending::Coded(CloseCode::Silent, "no hello in time"));
    }
    if seen.begun.is_some_and(|begun| now.since(begun) >= settings.message_timeout) {
        return Action::End(Ending::Coded(CloseCode::Malformed, "a message took too long to arrive"));
    }
    if now.since(seen.heard) >= settings.silent_after {
        return Action::End(Ending::Coded(CloseCode::Silent, "nothing heard for too long"));
    }
    if now.since(seen.heard.max(swept.pinged)) >= settings.ping_after {
        swept.pinged = now;
        return Action::Ping;
    }
    Action::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(ms: u64) -> Moment {
        Moment::default() + Duration::from_millis(ms)
    }

    fn judged(seen: Seen, swept: &mut Swept, ms: u64) -> Option<u16> {
        match judge(&seen, swept, at(ms), &Settings::dev("127.0.0.1:0".parse().unwrap())) {
            Action::Nothing => None,
            Action::Ping => Some(0),
            Action::End(Ending::Coded(code, _)) => Some(code.number()),
            Action::End(other) => panic!("{other:?}"),
        }
    }

    const QUIET: Seen =
        Seen { opened: Moment(0), said_hello: true, heard: Moment(0), begun: None, progress: None };

    #[test]
    fn no_hello_in_3_s_is_4408() {
        let seen = Seen { said_hello: false, ..QUIET };
        assert_eq!(judged(seen, &mut Swept::default(), 2_999), None);
        assert_eq!(judged(seen, &mut Swept::default(), 3_000), Some(4408));
    }

    #[test]
    fn silence_is_pinged_once_and_then_ended() {
        let mut swept = Swept::default();
        assert_eq!(judged(QUIET, &mut swept, 9_999), None);
        assert_eq!(judged(QUIET, &mut swept, 10_000), Some(0));
        assert_eq!(judged(QUIET, &mut swept, 10_500), None);
        assert_eq!(judged(QUIET, &mut swept, 25_000), Some(4408));
    }

    #[test]
    fn no_progress_for_5_s_is_4420() {
        let mut swept = Swept::default();
        let stuck = |progress| Seen { progress: Some(progress), heard: at(1_000_000), ..QUIET };
        assert_eq!(judged(stuck(0), &mut swept, 10_000), None);
        assert_eq!(judged(stuck(7), &mut swept, 14_999), None);
        assert_eq!(judged(stuck(7), &mut swept, 19_998), None);
        assert_eq!(judged(stuck(7), &mut swept, 19_999), Some(4420));
    }

    #[test]
    fn a_message_that_dribbles_is_4400() {
        let seen = Seen { begun: Some(at(1_000)), heard: at(6_000), ..QUIET };
        assert_eq!(judged(seen, &mut Swept::default(), 5_999), None);
        assert_eq!(judged(seen, &mut Swept::default(), 6_000), Some(4400));
    }
}
