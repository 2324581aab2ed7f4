//! A chat room with history.

use serde::{Deserialize, Serialize};
use tickstone_server::object::{caller::Caller, class::ClassRules, context::Context, contract::CallError};
use tickstone_server::object::{peer, simple::Simple, socket::SocketEvent, typed::Methods};

/// How many lines have been said.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Room(u64);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoomCall {
    History,
}

impl Methods for RoomCall {
    type Reply = Vec<String>;
}

impl Simple for Room {
    const CLASS: &'static str = "room";
    type Call = RoomCall;

    fn rules() -> ClassRules {
        let sockets = peer::SocketRules { message_bytes_max: 2_000, ..peer::SocketRules::default() };
        ClassRules { sockets, ..ClassRules::default() }
    }

    fn call(&mut self, ctx: &mut Context<'_>, _: &Caller, _: RoomCall) -> Result<Vec<String>, CallError> {
        let rows = ctx.storage().list_prefix("said/")?;
        Ok(rows.into_iter().map(|(_, line)| String::from_utf8_lossy(&line).into_owned()).collect())
    }

    fn on_socket(&mut self, ctx: &mut Context<'_>, event: SocketEvent) {
        if let SocketEvent::Connected { socket, request } = event {
            ctx.peers().accept(socket, request.caller.subject()).expect("a subject fits a tag");
            let lines = self.call(ctx, &request.caller, RoomCall::History).expect("it can be read");
            lines.into_iter().for_each(|line| ctx.peers().send(socket, line));
        } else if let SocketEvent::Received { socket, payload: peer::Payload::Text(text) } = event {
            let tags = ctx.peers().tags(socket).unwrap_or_default();
            let line = format!("{}: {text}", tags.iter().next().unwrap_or("guest"));
            self.0 += 1;
            ctx.storage().put(format!("said/{:020}", self.0), line.as_str()).expect("a line fits a value");
            ctx.storage().delete(format!("said/{:020}", self.0.saturating_sub(100)));
            ctx.peers().broadcast(None, &[], line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tickstone_server::access::scope::Subject;
    use tickstone_server::object::socket::SocketId;
    use tickstone_server::testing::Testbed;

    use super::*;

    fn enter(bed: &mut Testbed, name: &str) -> SocketId {
        let subject = Subject::parse(name).expect("it is a subject");
        bed.connect("room", "lobby", Caller::User { subject, scopes: [].into() })
    }

    #[test]
    fn a_room_keeps_its_history_and_tells_everybody() {
        for mut bed in [Testbed::new(), Testbed::new().forgetful()].map(Testbed::object::<Room>) {
            let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
            bed.send("room", "lobby", ann, "hello");
            bed.advance(Duration::from_secs(60));
            assert!(!bed.is_awake("room", "lobby"), "it hibernates; its sockets stay");
            bed.send("room", "lobby", bob, "hi");
            assert_eq!(bed.client(ann).texts(), ["ann: hello", "bob: hi"]);
            assert_eq!(bed.client(bob).texts(), ["ann: hello", "bob: hi"]);
            bed.restart();
            let late = enter(&mut bed, "cid");
            assert_eq!(bed.client(late).texts(), ["ann: hello", "bob: hi"], "the history, in order");
        }
    }

    #[test]
    fn a_room_keeps_its_newest_hundred_lines() {
        let mut bed = Testbed::new().object::<Room>();
        let ann = enter(&mut bed, "ann");
        (0..=100).for_each(|n| bed.send("room", "lobby", ann, n.to_string()));
        let kept = bed.ask::<Room>("lobby", &RoomCall::History).expect("it answers");
        assert_eq!((kept.len(), &*kept[0], &*kept[99]), (100, "ann: 1", "ann: 100"));
    }

    #[test]
    fn what_a_crash_takes_nobody_has_read() {
        let mut bed = Testbed::new().object::<Room>();
        let (ann, bob) = (enter(&mut bed, "ann"), enter(&mut bed, "bob"));
        bed.crash_at_commit(1);
        bed.send("room", "lobby", ann, "lost");
        let late = enter(&mut bed, "cid");
        for client in [ann, bob, late] {
            assert!(bed.client(client).texts().is_empty());
        }
    }
}
