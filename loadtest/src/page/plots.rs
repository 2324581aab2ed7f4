//! Which plots there are, and where their lines come from.

use super::bars::distribution;
use super::lines::{Line, Plot};
use crate::report::Details;
use crate::series::{Second, ServerSecond};

/// Every plot, in order.
pub(crate) fn plots(details: &Details) -> String {
    let plot = |title, unit, lines: &[Line]| Plot { title, unit, lines, band: details.band.clone() }.markup();
    let seconds = details.clients.seconds();
    let bots = |name, of: fn(&Second) -> f64| bots_line(name, seconds, of);
    let server = |name, of: fn(&ServerSecond) -> Option<f64>| Line {
        name,
        points: details.server.iter().map(of).collect(),
        is_worst_low: false,
    };
    [
        plot("Ticks a client received", "a second", &ticks(seconds, details.bots)),
        plot(
            "Input to effect",
            "ms",
            &[bots_quantile("p50", seconds, 0.5), bots_quantile("p99", seconds, 0.99)],
        ),
        plot("States", "a second, all bots", &[bots("received", |second| second.states as f64)]),
        plot(
            "Bytes",
            "a second, all bots",
            &[bots("down", |second| second.bytes_down as f64), bots("up", |second| second.bytes_up as f64)],
        ),
        plot(
            "Inputs that were not applied",
            "a second",
            &[
                bots("never acknowledged", |second| {
                    second.inputs_sent.saturating_sub(second.inputs_applied) as f64
                }),
                server("late or dropped", |second| second.inputs_dropped.map(|inputs| inputs as f64)),
            ],
        ),
        plot("Disconnects", "a second", &[bots("not asked for", |second| second.disconnects as f64)]),
        plot(
            "Server: ticks begin late by",
            "us",
            &[server("p50", |second| second.lateness_us.p50), server("p99", |second| second.lateness_us.p99)],
        ),
        plot(
            "Server: a tick takes",
            "us",
            &[server("p50", |second| second.duration_us.p50), server("p99", |second| second.duration_us.p99)],
        ),
        plot("Server: processor", "cores", &[server("used", |second| second.cpu_fraction)]),
        plot(
            "Server: memory",
            "bytes",
            &[server("resident", |second| second.rss_bytes.map(|bytes| bytes as f64))],
        ),
        distribution("Input to effect", &details.effect_us),
        distribution("State jitter", &details.jitter_us),
    ]
    .concat()
}

fn bots_line(name: &'static str, seconds: &[Second], of: fn(&Second) -> f64) -> Line {
    Line { name, points: seconds.iter().map(|second| Some(of(second))).collect(), is_worst_low: false }
}

fn bots_quantile(name: &'static str, seconds: &[Second], quantile: f64) -> Line {
    let of = |second: &Second| {
        let us = second.effect_us.value_at_quantile(quantile) as f64;
        (!second.effect_us.is_empty()).then_some(us / 1e3)
    };
    Line { name, points: seconds.iter().map(of).collect(), is_worst_low: false }
}

/// Of the slowest client and of the middle one; who received nothing counts as 0.
fn ticks(seconds: &[Second], bots: usize) -> [Line; 2] {
    let sorted = |second: &Second| {
        let mut ticks = second.ticks.clone();
        ticks.resize(bots.max(1), 0);
        ticks.sort_unstable();
        ticks
    };
    let line = |name, of: fn(&[u16]) -> u16| Line {
        name,
        points: seconds.iter().map(|second| Some(f64::from(of(&sorted(second))))).collect(),
        is_worst_low: true,
    };
    [line("slowest", |ticks| ticks[0]), line("middle", |ticks| ticks[(ticks.len() - 1) / 2])]
}
