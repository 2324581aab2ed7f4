//! What a number of rooms needs by the slopes of a run, and what that costs.

use serde::Serialize;

use crate::report::rounded;

/// Hours of a day.
const DAY_HOURS: f64 = 24.0;
const MIB: f64 = 1024.0 * 1024.0;

/// A machine that can be rented.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Machine {
    /// Processors.
    pub cores: f64,
    /// Memory.
    pub memory_bytes: f64,
    /// What it costs a month.
    pub month: f64,
}

impl Default for Machine {
    fn default() -> Self {
        Self { cores: 2.0, memory_bytes: 2048.0 * MIB, month: 12.0 }
    }
}

/// What rooms need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Needs {
    /// Memory of the server.
    pub memory_bytes: Option<f64>,
    /// Processor time of the server.
    pub cores: Option<f64>,
}

/// A figure at a number of rooms, and how much it grows with each more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) rooms: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

impl Line {
    /// The figure at another number of rooms; never below 0.
    pub(super) fn at(self, rooms: f64) -> f64 {
        (self.value + self.slope * (rooms - self.rooms)).max(0.0)
    }
}

impl Needs {
    /// The part of a machine that this is: of its memory or of its processors, whichever is more.
    fn part_of(&self, machine: &Machine) -> Option<f64> {
        Some((self.memory_bytes? / machine.memory_bytes).max(self.cores? / machine.cores))
    }
}

/// What rooms cost that talk for some hours a day and hibernate for the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Of which machine.
    pub machine: Machine,
    /// Hours a day in which they talk.
    pub hours_a_day: f64,
    /// Whole machines, for while they talk.
    pub machines: Option<f64>,
    /// These for a month.
    pub month: Option<f64>,
    /// The part of the machines that is used, over the day, for a month.
    pub month_used: Option<f64>,
    /// How that was computed.
    pub computed: Option<String>,
}

impl Cost {
    /// Of rooms that need so much while they talk and while they hibernate.
    pub(super) fn of(machine: Machine, hours_a_day: f64, talking: &Needs, hibernated: &Needs) -> Self {
        let unknown = Self { machine, hours_a_day, ..Self::default() };
        let (Some(awake), Some(asleep)) = (talking.part_of(&machine), hibernated.part_of(&machine)) else {
            return unknown;
        };
        let machines = awake.max(asleep).ceil().max(1.0);
        let used = (awake * hours_a_day + asleep * (DAY_HOURS - hours_a_day)) / DAY_HOURS;
        let month_used = used * machine.month;
        let rest = DAY_HOURS - hours_a_day;
        let computed = format!(
            "({awake:.3} of a machine x {hours_a_day} h + {asleep:.3} x {rest} h) / 24 h x {} a month = {month_used:.2}; \
             {machines} whole: {:.2}",
            machine.month,
            machines * machine.month
        );
        Self {
            machines: Some(machines),
            month: Some(machines * machine.month),
            month_used: Some(rounded(month_used)),
            computed: Some(computed),
            ..unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(memory_mib: f64, cores: f64) -> Needs {
        Needs { memory_bytes: Some(memory_mib * MIB), cores: Some(cores) }
    }

    #[test]
    fn a_line_goes_through_its_point_and_never_below_nothing() {
        let line = Line { rooms: 360.0, value: 100.0, slope: 0.5 };
        assert_eq!((line.at(360.0), line.at(1_000.0), line.at(0.0)), (100.0, 420.0, 0.0));
    }

    #[test]
    fn the_cost_is_of_the_scarcer_part_by_the_hours() {
        let machine = Machine { month: 24.0, ..Machine::default() };
        // Half of the processors for one hour, a quarter of the memory for the others.
        let cost = Cost::of(machine, 1.0, &needs(512.0, 1.0), &needs(512.0, 0.0));
        assert_eq!(cost.month_used, Some(6.25));
        assert_eq!((cost.machines, cost.month), (Some(1.0), Some(24.0)));
        let crowded = Cost::of(machine, 24.0, &needs(100.0, 4.1), &needs(100.0, 0.0));
        assert_eq!(
            (crowded.machines, crowded.month, crowded.month_used),
            (Some(3.0), Some(72.0), Some(49.2))
        );
    }

    #[test]
    fn what_is_not_known_costs_nobody_knows_what() {
        let unknown = Cost::of(Machine::default(), 1.0, &Needs::default(), &needs(1.0, 1.0));
        assert_eq!((unknown.month, unknown.month_used, unknown.computed), (None, None, None));
    }
}
