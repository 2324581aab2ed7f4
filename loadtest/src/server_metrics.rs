//! What the server says of itself, read from `/metrics` before and after the measured window.
//!
//! Invariant: what the page does not have is none, never 0.

use serde::Serialize;
use std::time::Duration;

use crate::http::Api;
use crate::prometheus::Page;
use crate::report::{Percentiles, rounded};

/// Results of `tickstone_inputs_total` that took or answered an input. Every other result lost one, also
/// those this build has not heard of.
const RESULTS_NOT_LOST: [&str; 7] =
    ["applied", "accepted", "ok", "buffered", "duplicate", "superseded", "starved"];

/// Beginnings of the names that are read here.
const NAMES: [&str; 6] = [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "tickstone_match_tick_",
    "tickstone_ticks_",
    "tickstone_view",
    "tickstone_inputs_total",
];

/// The `server` object of the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServerReport {
    /// CPU time of the whole process for one player's share of one tick.
    pub cpu_us_per_player_tick: Option<f64>,
    /// CPU time of the whole process over the window, in cores.
    pub cpu_fraction: Option<f64>,
    /// Resident memory at the end of the window.
    pub rss_bytes: Option<u64>,
    /// How late ticks began.
    pub tick_lateness_us: Percentiles,
    /// How long ticks took.
    pub tick_duration_us: Percentiles,
    /// Entities that a player had in view, on average; none where everybody sees everything.
    pub entities_in_view: Option<f64>,
    /// Ticks that matches made in the window.
    pub ticks: Option<u64>,
    /// Times a match's schedule slipped in the window.
    pub ticks_slipped: Option<u64>,
}

/// One reading of `/metrics`; empty where the server did not answer.
#[derive(Debug, Clone, Default)]
pub struct Reading(Option<Page>);

impl Reading {
    /// Reads the page now.
    pub(crate) fn take(api: &Api) -> Self {
        Self(api.metrics().map(|text| Page::parse(&text)))
    }

    /// The same without what this crate does not use, for keeping many.
    pub(crate) fn take_for_series(api: &Api) -> Self {
        Self(api.metrics().map(|text| Page::parse_only(&text, &NAMES)))
    }

    /// Resident memory.
    pub(crate) fn rss_bytes(&self) -> Option<u64> {
        self.0.as_ref()?.sum("process_resident_memory_bytes").map(|bytes| bytes as u64)
    }

    /// Cores that the process used in the window since `before`.
    pub(crate) fn cpu_since(&self, before: &Reading, window: Duration) -> Option<f64> {
        Some(rounded(self.cpu_seconds_since(before)? / window.as_secs_f64()))
    }

    /// Seconds of processor time, user and system, of the process since `before`.
    pub(crate) fn cpu_seconds_since(&self, before: &Reading) -> Option<f64> {
        self.delta(before, "process_cpu_seconds_total")
    }

    /// How long commits took since `before`, in ms.
    pub(crate) fn commit_ms_since(&self, before: &Reading) -> Percentiles {
        let us = self.histogram_us(before, "tickstone_commit_seconds");
        let ms = |us: Option<f64>| us.map(|us| rounded(us / 1000.0));
        Percentiles { p50: ms(us.p50), p99: ms(us.p99), p999: ms(us.p999), max: ms(us.max) }
    }

    /// A reading of this text.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(Some(Page::parse(text)))
    }

    /// What happened since `before`: `bots` players for `window` at `tick_rate_hz`.
    pub fn since(&self, before: &Reading, bots: usize, tick_rate_hz: u32, window: Duration) -> ServerReport {
        let player_ticks = bots as f64 * f64::from(tick_rate_hz) * window.as_secs_f64();
        let cpu_seconds = self.delta(before, "process_cpu_seconds_total");
        ServerReport {
            cpu_us_per_player_tick: cpu_seconds.map(|seconds| rounded(seconds * 1e6 / player_ticks)),
            cpu_fraction: cpu_seconds.map(|seconds| rounded(seconds / window.as_secs_f64())),
            rss_bytes: self.rss_bytes(),
            tick_lateness_us: self.histogram_us(before, "tickstone_match_tick_lateness_seconds"),
            tick_duration_us: self.histogram_us(before, "tickstone_match_tick_duration_seconds"),
            entities_in_view: self.entities_in_view_since(before),
            ticks: self.delta(before, "tickstone_ticks_total").map(|ticks| ticks as u64),
            ticks_slipped: self.delta(before, "tickstone_ticks_slipped_total").map(|ticks| ticks as u64),
        }
    }

    fn entities_in_view_since(&self, before: &Reading) -> Option<f64> {
        let views = self.delta(before, "tickstone_views_total").filter(|views| *views > 0.0)?;
        Some(rounded(self.delta(before, "tickstone_view_entities_total")? / views))
    }

    /// Inputs that the server dropped since `before`.
    pub fn inputs_lost_since(&self, before: &Reading) -> Option<u64> {
        let lost = |reading: &Reading| {
            let page = reading.0.as_ref()?;
            page.sum_by_label("tickstone_inputs_total", "result", |result| {
                !RESULTS_NOT_LOST.contains(&result)
            })
        };
        // A family without samples yet is not on the page: nothing has been counted before the first.
        let earlier = lost(before).or_else(|| before.0.as_ref().map(|_| 0.0))?;
        Some((lost(self)? - earlier).max(0.0) as u64)
    }

    fn delta(&self, before: &Reading, name: &str) -> Option<f64> {
        let earlier = before.0.as_ref()?.sum(name)?;
        Some((self.0.as_ref()?.sum(name)? - earlier).max(0.0))
    }

    fn histogram_us(&self, before: &Reading, name: &str) -> Percentiles {
        let buckets = |reading: &Reading| reading.0.as_ref().and_then(|page| page.buckets(name));
        let (Some(after), Some(before)) = (buckets(self), buckets(before)) else {
            return Percentiles::default();
        };
        let window = after.since(&before);
        let us = |seconds: Option<f64>| seconds.map(|seconds| rounded(seconds * 1e6));
        Percentiles {
            p50: us(window.quantile(0.5)),
            p99: us(window.quantile(0.99)),
            p999: us(window.quantile(0.999)),
            max: us(window.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(cpu: f64, late: u32, slipped: u32) -> Reading {
        let count = cpu as u32 * 100;
        Reading::of(&format!(
            "process_cpu_seconds_total {cpu}\nprocess_resident_memory_bytes 5e7\n\
             tickstone_views_total {late}\ntickstone_view_entities_total {count}\n\
             tickstone_ticks_total {count}\ntickstone_ticks_slipped_total {slipped}\n\
             tickstone_inputs_total{{result=\"late\"}} {late}\n\
             tickstone_inputs_total{{result=\"applied\"}} 500\n\
             tickstone_inputs_total{{result=\"duplicate\"}} {count}\n\
             tickstone_match_tick_duration_seconds_bucket{{le=\"0.00001\"}} 0\n\
             tickstone_match_tick_duration_seconds_bucket{{le=\"0.00002\"}} {count}\n\
             tickstone_match_tick_duration_seconds_bucket{{le=\"+Inf\"}} {count}\n"
        ))
    }

    #[test]
    fn differences_over_the_window() {
        let report = page(3.0, 12, 4).since(&page(1.0, 5, 1), 10, 60, Duration::from_secs(10));
        assert_eq!(report.cpu_us_per_player_tick, Some(333.333));
        assert_eq!(
            (report.rss_bytes, report.ticks, report.ticks_slipped),
            (Some(50_000_000), Some(200), Some(3))
        );
        assert_eq!((report.tick_duration_us.p50, report.tick_duration_us.max), (Some(15.0), Some(20.0)));
        assert_eq!(report.tick_lateness_us, Percentiles::default());
        assert_eq!(report.entities_in_view, Some(28.571), "200 in 7 views");
        assert_eq!(page(3.0, 12, 4).inputs_lost_since(&page(1.0, 5, 1)), Some(7));
    }

    #[test]
    fn without_a_page_nothing_is_known() {
        let report = Reading::default().since(&page(1.0, 0, 0), 1, 60, Duration::from_secs(1));
        assert_eq!(report, ServerReport::default());
        assert_eq!(Reading::default().inputs_lost_since(&page(1.0, 0, 0)), None);
        assert_eq!(page(1.0, 0, 0).inputs_lost_since(&Reading::default()), None);
        assert_eq!(page(1.0, 3, 0).inputs_lost_since(&Reading::of("x 1")), Some(3));
    }
}
