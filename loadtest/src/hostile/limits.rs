//! How many files this process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors beside those of connections.
const SPARE: u64 = 256;

/// Sees to it that so many connections can be open. What stands against it, if anything does.
pub fn make_room(connections: u64) -> Option<String> {
    let wanted = connections + SPARE;
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.current.unwrap_or(u64::MAX);
    if allowed >= wanted {
        return None;
    }
    let target = wanted.min(limit.maximum.unwrap_or(u64::MAX));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(target), maximum: limit.maximum });
    let allowed = if raised.is_ok() { target } else { allowed };
    (allowed < wanted).then(|| {
        format!("{wanted} open files are wanted and {allowed} allowed: raise the limit (ulimit -n) or some connections will fail")
    })
}

/// Connections that can be open by the limit as it is now.
pub fn room() -> u64 {
    getrlimit(Resource::Nofile).current.map_or(u64::MAX, |allowed| allowed.saturating_sub(SPARE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_what_room_was_made_for() {
        assert_eq!(make_room(3), None);
        assert!(room() >= 3);
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        assert_eq!(make_room(1), None);
        let hard = getrlimit(Resource::Nofile).maximum;
        let said = make_room(1 << 40);
        assert_eq!(said.is_some(), hard.is_some(), "{said:?}");
        assert!(said.is_none_or(|said| said.contains("ulimit -n")));
    }
}
