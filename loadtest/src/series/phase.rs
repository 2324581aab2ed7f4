//! A part of the window, in whole seconds, and what was measured in it.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::clients::Series;
use super::scraper::Scrapes;
use crate::report::{Percentiles, TickRate, rounded, tick_rate};
use crate::server_metrics::ServerReport;

/// A part of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Phase {
    pub(crate) first: usize,
    pub(crate) end: usize,
}

/// What the bots and the server measured in a part of the window. Latencies are good to 1 %.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseReport {
    /// Its length.
    pub seconds: f64,
    /// Distinct ticks received a second, per bot.
    pub tick_hz: TickRate,
    /// How far the time between two states is from what their ticks say.
    pub snapshot_interval_jitter_ms: Percentiles,
    /// From sending an input to the first state that includes it.
    pub input_to_effect_ms: Percentiles,
    /// Inputs sent.
    pub inputs_sent: u64,
    /// Of those, never acknowledged.
    pub inputs_unacknowledged: u64,
    /// Inputs, also of attackers, that the server did not take.
    pub inputs_dropped: Option<u64>,
    /// Closes of bots that nobody asked for.
    pub disconnects: u64,
    /// What the server says of itself.
    pub server: ServerReport,
}

pub(crate) fn phase_report(
    phase: Phase,
    clients: &Series,
    server: &Scrapes,
    bots: usize,
    tick_rate_hz: u32,
) -> PhaseReport {
    let mut sum = clients.sum(phase.first, phase.end);
    sum.ticks.resize(bots, 0);
    let ticks: Vec<u64> = sum.ticks.iter().map(|ticks| u64::from(*ticks)).collect();
    let seconds = (phase.end - phase.first) as f64;
    PhaseReport {
        seconds,
        tick_hz: tick_rate(&ticks, seconds),
        snapshot_interval_jitter_ms: percentiles_ms(&sum.jitter_us),
        input_to_effect_ms: percentiles_ms(&sum.effect_us),
        inputs_sent: sum.inputs_sent,
        inputs_unacknowledged: sum.inputs_sent.saturating_sub(sum.inputs_applied),
        inputs_dropped: server.inputs_dropped(phase.first, phase.end),
        disconnects: sum.disconnects,
        server: server.between(phase.first, phase.end, bots, tick_rate_hz),
    }
}

fn percentiles_ms(histogram_us: &Histogram<u32>) -> Percentiles {
    let at = |quantile: f64| {
        let us = histogram_us.value_at_quantile(quantile) as f64;
        (!histogram_us.is_empty()).then(|| rounded(us / 1e3))
    };
    Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_phase_is_its_own_seconds_and_a_silent_bot_has_no_ticks() {
        let mut clients = Series::default();
        for second in 0..4 {
            let at = clients.at(second).unwrap();
            (0..60).for_each(|_| at.state(0, true));
            at.effect(Duration::from_millis(if second < 2 { 10 } else { 100 }));
            at.inputs_sent = 60;
            at.inputs_applied = 60 - second as u64;
        }
        let phase = Phase { first: 2, end: 4 };
        let report = phase_report(phase, &clients, &Scrapes::default(), 2, 60);
        assert_eq!((report.tick_hz.min, report.tick_hz.p50), (Some(0.0), Some(0.0)), "bot 1 saw nothing");
        let one = phase_report(phase, &clients, &Scrapes::default(), 1, 60);
        assert_eq!(one.tick_hz.min, Some(60.0));
        assert!((99.0..=101.0).contains(&report.input_to_effect_ms.p50.unwrap()));
        assert_eq!((report.inputs_sent, report.inputs_unacknowledged), (120, 5));
        assert_eq!(report.server, ServerReport::default(), "what was not read is not known");
    }
}
