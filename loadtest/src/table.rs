//! The report as a table for people.

use std::fmt::Write as _;

use crate::report::{Percentiles, Report};

/// The lines of the table.
pub(crate) fn table(report: &Report) -> String {
    let mut out = String::new();
    for (name, value) in rows(report) {
        writeln!(out, "{name:<26}{value}").expect("writing to a String cannot fail");
    }
    out
}

/// Names and values, in order.
pub(crate) fn rows(report: &Report) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let mut row = |name: &'static str, value: String| out.push((name, value));
    row("load", load(report));
    row("tick_hz", format!("min {}  p50 {}", number(report.tick_hz.min), number(report.tick_hz.p50)));
    row("state jitter, ms", percentiles(&report.snapshot_interval_jitter_ms));
    row("input to effect, ms", percentiles(&report.input_to_effect_ms));
    let join = &report.join_ms;
    row("join, ms", format!("p50 {}  p99 {}  max {}", number(join.p50), number(join.p99), number(join.max)));
    let (down, up) = (number(report.bytes_down_per_player_s), number(report.bytes_up_per_player_s));
    row("bytes per player and s", format!("down {down}  up {up}"));
    let (applied, lost) = (count(report.inputs_applied), count(report.inputs_lost));
    let starved = report.starved_ticks;
    row("inputs", format!("sent {}  applied {applied}  lost {lost}  starved {starved}", report.inputs_sent));
    let (drops, back, errors) = (report.disconnects, report.reconnects, report.errors);
    row("connections", format!("disconnects {drops}  reconnects {back}  errors {errors}"));
    let server = &report.server;
    row("server tick lateness, us", percentiles(&server.tick_lateness_us));
    row("server tick duration, us", percentiles(&server.tick_duration_us));
    let cpu = number(server.cpu_us_per_player_tick);
    let rss = number(server.rss_bytes.map(|bytes| (bytes as f64 / 1e6).round()));
    let slipped = count(server.ticks_slipped);
    row("server", format!("{cpu} us CPU per player and tick  {rss} MB  slipped {slipped}"));
    row("generator", format!("{} of a core", number(report.generator_cpu_fraction)));
    if report.generator_bound == Some(true) {
        row("NOTE", "the generator is at its limit: this run proves nothing".to_owned());
    }
    report.error_examples.iter().for_each(|example| row("seen", example.clone()));
    out
}

fn load(report: &Report) -> String {
    let Report { matches, players, seconds, bots_in_play, bots, .. } = report;
    format!("{matches} matches x {players} players, {seconds} s, {bots_in_play} of {bots} bots in play")
}

fn percentiles(of: &Percentiles) -> String {
    let (p50, p99, p999, max) = (number(of.p50), number(of.p99), number(of.p999), number(of.max));
    format!("p50 {p50}  p99 {p99}  p999 {p999}  max {max}")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn count(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
