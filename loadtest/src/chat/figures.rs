//! What a run found out.
//!
//! Invariant: what could not be measured is null, never 0.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::needs::{Cost, Needs};
use crate::idle::{latencies, number};
use crate::report::Percentiles;

/// Many rooms: one JSON object.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RoomsReport {
    /// Rooms.
    pub rooms: usize,
    /// Members of each.
    pub members: usize,
    /// Sockets that were open at the end.
    pub sockets: usize,
    /// Sockets that the server closed, or that failed.
    pub lost: usize,
    /// How many of them ended how: by close code, or by what the system said.
    pub lost_by: BTreeMap<String, usize>,
    /// Messages that a room did not take.
    pub refused: u64,
    /// Copies of messages that did not come, of those that should have.
    pub missing: u64,
    /// Of each window.
    pub seconds: f64,
    /// Messages of each member in a minute.
    pub per_minute: f64,
    /// Memory of the server for each more room that hibernates with all its members.
    pub bytes_per_room_hibernated: Option<f64>,
    /// The same for each member of it.
    pub bytes_per_member_hibernated: Option<f64>,
    /// Memory of the server for each more room in which people talk.
    pub bytes_per_room_talking: Option<f64>,
    /// The same for each member of it.
    pub bytes_per_member_talking: Option<f64>,
    /// Cores that the server used while every room hibernated.
    pub cores_hibernated: Option<f64>,
    /// Cores that it used while a third of the rooms talked.
    pub cores_third_talking: Option<f64>,
    /// Cores that it used while all of them did.
    pub cores_talking: Option<f64>,
    /// Copies of messages that came in a second while all of them talked.
    pub deliveries_per_second: f64,
    /// Processor time of the server for each of them.
    pub cpu_us_per_delivery: Option<f64>,
    /// From saying something to each member's hearing it.
    pub delivery_ms: Percentiles,
    /// The same of the first message to a room that hibernates.
    pub woken_delivery_ms: Percentiles,
    /// Cores that this process used meanwhile.
    pub generator_cpu_fraction: f64,
    /// That was so much of one that this process may be what was measured.
    pub generator_bound: bool,
    /// Rooms of which the following is said.
    pub wanted_rooms: u32,
    /// What they need while they hibernate, by the slopes.
    pub wanted_hibernated: Needs,
    /// What they need while they talk, by the slopes.
    pub wanted_talking: Needs,
    /// What that costs.
    pub cost: Cost,
}

/// One side of a large room.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SideReport {
    /// Copies of messages that came in a second.
    pub deliveries_per_second: f64,
    /// Processor time for each of them: the median of the windows.
    pub cpu_us_per_delivery: Option<f64>,
    /// Cores that it used.
    pub cores: Option<f64>,
    /// From saying something to each member's hearing it.
    pub delivery_ms: Percentiles,
    /// Copies that did not come, of those that should have.
    pub missing: u64,
}

/// One large room beside bare sockets.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CrowdReport {
    /// Members of the room, and as many bare sockets.
    pub members: usize,
    /// Sockets of the room that the server closed, or that failed.
    pub lost: usize,
    /// How many of them ended how: by close code, or by what the system said.
    pub lost_by: BTreeMap<String, usize>,
    /// Messages that the room did not take.
    pub refused: u64,
    /// Bytes of a message, on both sides.
    pub message_bytes: usize,
    /// Messages said in a second.
    pub per_second: f64,
    /// Windows of each side, in turn.
    pub rounds: u32,
    /// Seconds of each.
    pub seconds: f64,
    /// Seconds until all members were in the room and had heard of each other.
    pub joining_seconds: f64,
    /// Messages that members were sent meanwhile.
    pub joining_messages: u64,
    /// The room.
    pub server: SideReport,
    /// The bare sockets.
    pub bare: SideReport,
    /// Processor time for a copy, the room's for one of the bare sockets': the median of the rounds.
    pub ratio: Option<f64>,
    /// Cores that this process used meanwhile.
    pub generator_cpu_fraction: f64,
    /// That was so much of one that this process may be what was measured.
    pub generator_bound: bool,
}

fn whole(bytes: Option<f64>) -> String {
    bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{bytes:.0}"))
}

fn needs(needs: &Needs) -> String {
    let mib = needs.memory_bytes.map(|bytes| bytes / 1024.0 / 1024.0);
    format!("{} MiB, {} cores", whole(mib), number(needs.cores))
}

fn lines(f: &mut fmt::Formatter<'_>, lines: &[(&str, String)]) -> fmt::Result {
    lines.iter().try_for_each(|(name, value)| writeln!(f, "{name:<38}{value}"))
}

fn generator(cores: f64, is_bound: bool) -> String {
    format!("{cores:.3}{}", if is_bound { ": it may be what was measured" } else { "" })
}

impl fmt::Display for RoomsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rooms, members, sockets, lost, lost_by, refused, missing, per_minute, .. } = self;
        let load = format!("{rooms} rooms of {members}, {per_minute} a minute and member, {sockets} sockets");
        let cost = &self.cost;
        lines(
            f,
            &[
                ("load", load),
                (
                    "went wrong",
                    format!("{lost} sockets lost {lost_by:?}, {refused} refused, {missing} missing"),
                ),
                ("bytes per room, hibernated", whole(self.bytes_per_room_hibernated)),
                ("bytes per member, hibernated", whole(self.bytes_per_member_hibernated)),
                ("bytes per room, talking", whole(self.bytes_per_room_talking)),
                ("bytes per member, talking", whole(self.bytes_per_member_talking)),
                ("cores, hibernated", number(self.cores_hibernated)),
                ("cores, a third talking", number(self.cores_third_talking)),
                ("cores, talking", number(self.cores_talking)),
                ("deliveries a second", format!("{:.0}", self.deliveries_per_second)),
                ("CPU per delivery, us", number(self.cpu_us_per_delivery)),
                ("delivery, ms", latencies(&self.delivery_ms)),
                ("delivery that wakes, ms", latencies(&self.woken_delivery_ms)),
                ("generator, cores", generator(self.generator_cpu_fraction, self.generator_bound)),
                (&format!("{} rooms, hibernated", self.wanted_rooms), needs(&self.wanted_hibernated)),
                (&format!("{} rooms, talking", self.wanted_rooms), needs(&self.wanted_talking)),
                ("a month of them", cost.computed.clone().unwrap_or_else(|| "unknown".to_owned())),
            ],
        )
    }
}

impl fmt::Display for CrowdReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { members, lost, lost_by, refused, message_bytes, per_second, rounds, seconds, .. } = self;
        let load = format!("{members} members, {per_second} messages of {message_bytes} bytes a second");
        let joining = format!("{:.1} s, {} messages", self.joining_seconds, self.joining_messages);
        lines(
            f,
            &[
                ("load", load),
                ("measured", format!("{rounds} x {seconds} s of each side, in turn")),
                ("went wrong", format!("{lost} sockets lost {lost_by:?}, {refused} refused")),
                ("joining", joining),
            ],
        )?;
        for (name, side) in [("room", &self.server), ("bare sockets", &self.bare)] {
            lines(
                f,
                &[
                    (&format!("{name}: deliveries a second"), format!("{:.0}", side.deliveries_per_second)),
                    (&format!("{name}: CPU per delivery, us"), number(side.cpu_us_per_delivery)),
                    (&format!("{name}: cores"), number(side.cores)),
                    (&format!("{name}: delivery, ms"), latencies(&side.delivery_ms)),
                    (&format!("{name}: missing"), side.missing.to_string()),
                ],
            )?;
        }
        let generator = generator(self.generator_cpu_fraction, self.generator_bound);
        lines(f, &[("ratio, CPU", number(self.ratio)), ("generator, cores", generator)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_null() {
        let json = serde_json::to_value(RoomsReport::default()).unwrap();
        assert!(json["bytes_per_room_hibernated"].is_null() && json["delivery_ms"]["p99"].is_null());
        assert!(json["cost"]["month"].is_null() && json["wanted_talking"]["cores"].is_null());
        assert!(RoomsReport::default().to_string().contains("unknown"));
        let json = serde_json::to_value(CrowdReport::default()).unwrap();
        assert!(json["ratio"].is_null() && json["bare"]["cpu_us_per_delivery"].is_null());
        assert!(CrowdReport::default().to_string().contains("unknown"));
    }
}
