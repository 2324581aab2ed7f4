//! What a run found out.
//!
//! Invariant: what could not be measured is null, never 0.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::report::Percentiles;

/// The result: one JSON object.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IdleReport {
    /// Sockets that were open at the end.
    pub sockets: usize,
    /// Objects that had them.
    pub objects: usize,
    /// Sockets that the server closed, or that failed.
    pub lost: usize,
    /// How many of them ended how: by close code, or by what the system said.
    pub lost_by: BTreeMap<String, usize>,
    /// Memory of the server for each socket of a hibernated object, between a third of the sockets and all of them.
    pub bytes_per_socket: Option<f64>,
    /// The same while the objects are awake.
    pub bytes_per_awake_socket: Option<f64>,
    /// Memory of the server for each hibernated object without a socket, between half of them and all.
    pub bytes_per_object: Option<f64>,
    /// Memory of the server for each object that is awake, and what it knows of its sockets, beyond what it costs
    /// while it hibernates.
    pub bytes_per_awake_object: Option<f64>,
    /// Cores that the server used while every object hibernated.
    pub cpu_hibernated: Option<f64>,
    /// Cores that the server used while every object was awake and nothing was said.
    pub cpu_awake: Option<f64>,
    /// From a message that only reads, to a hibernated object, to its answer.
    pub wake_read_ms: Percentiles,
    /// From a message that writes, to a hibernated object, to its answer.
    pub wake_write_ms: Percentiles,
    /// The same to an object that is awake.
    pub awake_read_ms: Percentiles,
    /// The same to an object that is awake.
    pub awake_write_ms: Percentiles,
    /// Commits of the server while the objects were written to.
    pub commit_ms: Percentiles,
    /// The server's memory at the end.
    pub rss_bytes: Option<u64>,
}

/// Milliseconds of a histogram of microseconds.
pub(crate) fn percentiles(of: &Histogram<u64>) -> Percentiles {
    let at = |fraction: f64| (!of.is_empty()).then(|| of.value_at_quantile(fraction) as f64 / 1000.0);
    Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
}

impl IdleReport {
    /// A socket is lost.
    pub(super) fn lose(&mut self, how: String) {
        self.lost += 1;
        *self.lost_by.entry(how).or_default() += 1;
    }

    /// As JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a report is plain data")
    }
}

pub(crate) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.3}"))
}

pub(crate) fn latencies(of: &Percentiles) -> String {
    format!("p50 {}  p99 {}  max {}", number(of.p50), number(of.p99), number(of.max))
}

impl fmt::Display for IdleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole =
            |bytes: Option<f64>| bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{bytes:.0}"));
        for (name, value) in [
            ("load", format!("{} sockets, {} objects, {} lost", self.sockets, self.objects, self.lost)),
            ("lost by", format!("{:?}", self.lost_by)),
            ("bytes per socket", whole(self.bytes_per_socket)),
            ("bytes per awake socket", whole(self.bytes_per_awake_socket)),
            ("bytes per object", whole(self.bytes_per_object)),
            ("bytes per awake object", whole(self.bytes_per_awake_object)),
            ("cores while hibernated", number(self.cpu_hibernated)),
            ("cores while awake", number(self.cpu_awake)),
            ("wake and read, ms", latencies(&self.wake_read_ms)),
            ("wake and write, ms", latencies(&self.wake_write_ms)),
            ("awake, read, ms", latencies(&self.awake_read_ms)),
            ("awake, write, ms", latencies(&self.awake_write_ms)),
            ("commit, ms", latencies(&self.commit_ms)),
            ("server's memory, MB", number(self.rss_bytes.map(|bytes| bytes as f64 / 1e6))),
        ] {
            writeln!(f, "{name:<26}{value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_null() {
        let json = IdleReport::default().to_json();
        assert!(json["bytes_per_socket"].is_null() && json["wake_read_ms"]["p99"].is_null());
        assert!(IdleReport::default().to_string().contains("unknown"));
    }

    #[test]
    fn microseconds_are_shown_as_milliseconds() {
        let mut histogram = Histogram::new(3).unwrap();
        histogram.record(1_500).unwrap();
        assert_eq!(percentiles(&histogram).p99, Some(1.5));
    }
}
