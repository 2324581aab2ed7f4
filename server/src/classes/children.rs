//! The children of an object: what they are called, and which of them takes one more.

use tickstone_shared::ids::ObjectName;
use tickstone_shared::limits::NAME_BYTES_MAX;

use crate::object::contract::CallError;

/// The name of a child. What stands before a colon stays where it is: a child is of its parent's region.
pub(super) fn child(parent: &ObjectName, number: u32) -> Result<ObjectName, CallError> {
    ObjectName::parse(&format!("{parent}.{number}")).map_err(|_| {
        let reason = format!("the names of its children have more than {NAME_BYTES_MAX} bytes");
        CallError::Conflict { code: "name_too_long", reason }
    })
}

/// Whose child this is, and the how many-th.
pub(super) fn parent(child: &ObjectName) -> Option<(ObjectName, u32)> {
    let (parent, number) = child.as_str().rsplit_once('.')?;
    let (parent, read) = (ObjectName::parse(parent).ok()?, number.parse::<u32>().ok()?);
    (read.to_string() == number).then_some((parent, read))
}

/// The first that has room for one more, of those that have so many. Where there may be more of them than there are,
/// that is the next one.
pub(super) fn with_room(members: &[u32], members_max: u32, children_max: usize) -> Option<usize> {
    let first = members.iter().position(|members| *members < members_max);
    first.or_else(|| (members.len() < children_max).then_some(members.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ObjectName {
        ObjectName::parse(text).unwrap()
    }

    #[test]
    fn a_child_has_its_parents_region_and_knows_its_parent() {
        let first = child(&name("eu:lobby"), 1).unwrap();
        assert_eq!((first.as_str(), parent(&first)), ("eu:lobby.1", Some((name("eu:lobby"), 1))));
        assert_eq!(parent(&child(&name("a.7"), 12).unwrap()), Some((name("a.7"), 12)));
        for none in ["lobby", "lobby.", "lobby.x", "lobby.01", ".1", "lobby.99999999999"] {
            assert_eq!(parent(&name(none)), None, "{none}");
        }
        assert!(child(&name(&"n".repeat(126)), 9).is_ok());
        assert!(child(&name(&"n".repeat(126)), 10).is_err());
    }

    #[test]
    fn the_first_with_room_takes_one_more() {
        assert_eq!(with_room(&[], 1, 1), Some(0));
        assert_eq!(with_room(&[2, 1, 0], 2, 3), Some(1));
        assert_eq!(with_room(&[2, 2], 2, 3), Some(2));
        assert_eq!(with_room(&[2, 2], 2, 2), None);
        assert_eq!(with_room(&[], 1, 0), None);
    }
}
