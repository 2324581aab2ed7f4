//! Classes written the simple way: those of the guide, with the tests that it shows.

#[path = "../../../tests/outside_classes/src/counter.rs"]
mod counter;
#[path = "../../../tests/outside_classes/src/room.rs"]
mod room;
