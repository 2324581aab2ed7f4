//! The report as a table for people.

use std::fmt::Write as _;

use crate::hostile::report::HostileReport;
use crate::report::feel::Difference;
use crate::report::{Percentiles, Report};

/// Waiting for less of a core than this is no matter.
const WAIT_NOTED: f64 = 0.2;

/// The lines of the table.
pub(crate) fn table(report: &Report) -> String {
    let mut out = String::new();
    let mut all = rows(report);
    all.extend(attack_rows(report));
    for (name, value) in all {
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
    sight_rows(report, &mut row);
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
    let (used, waited) = (report.generator_cpu_fraction, report.generator_wait_fraction);
    row("generator", format!("{} of a core, waited for {}", number(used), number(waited)));
    if waited.zip(used).is_some_and(|(waited, used)| waited > used.max(WAIT_NOTED)) {
        row("NOTE", "the machine is busy: the bots waited for a processor longer than they ran".to_owned());
    }
    if report.generator_bound == Some(true) {
        row("NOTE", "the generator is at its limit: this run proves nothing".to_owned());
    }
    if let Some(network) = &report.network {
        let (loss, delay, jitter) = (network.loss_percent, network.delay_ms, network.jitter_ms);
        row("network", format!("{loss} % lost each way, {delay} ms +- {jitter} ms added to the round trip"));
    }
    if let Some(hostile) = &report.hostile {
        row("server's memory", memory(hostile));
        hostile.note.iter().for_each(|note| row("NOTE", note.clone()));
    }
    report.error_examples.iter().for_each(|example| row("seen", example.clone()));
    out
}

/// What players see; nothing where bots do not look.
fn sight_rows(report: &Report, row: &mut impl FnMut(&'static str, String)) {
    if let Some(prediction) = &report.prediction {
        row("prediction error, units", percentiles(&prediction.error_units));
        let sizes = percentiles(&prediction.correction_units);
        row(
            "corrections",
            format!("{} a minute and player; units {sizes}", prediction.corrections_per_minute),
        );
    }
    if let Some(looks) = &report.interpolation {
        let (starved, frozen) = (looks.starved_fraction * 100.0, looks.frozen_fraction * 100.0);
        row("others", format!("{starved:.3} % of looks beyond the newest state, {frozen:.3} % frozen"));
    }
    if let Some(found) = &report.comparison {
        let Difference { states, entities, ghosts, missing, fields } = found;
        row(
            "beside the server",
            format!(
                "{ghosts} ghosts  {missing} missing  {fields} fields wrong  in {states} states of {entities} entities"
            ),
        );
    }
}

/// The phases and the attackers, of which the page has tables.
fn attack_rows(report: &Report) -> Vec<(&'static str, String)> {
    let Some(phases) = &report.phases else { return Vec::new() };
    let mut out = Vec::new();
    let mut row = |name: &'static str, value: String| out.push((name, value));
    let phase_rows =
        [("before the attack", &phases.before), ("during it", &phases.during), ("after it", &phases.after)];
    for (name, phase) in phase_rows {
        let (min, p50) = (number(phase.tick_hz.min), number(phase.tick_hz.p50));
        let lateness = &phase.server.tick_lateness_us;
        let (p99, p999) = (number(lateness.p99), number(lateness.p999));
        let effect = number(phase.input_to_effect_ms.p99);
        row(
            name,
            format!("tick_hz min {min} p50 {p50}  lateness us p99 {p99} p999 {p999}  effect ms p99 {effect}"),
        );
    }
    for (kind, attackers) in report.attackers.iter().flatten() {
        let answers: Vec<_> =
            attackers.answers.iter().map(|(answer, count)| format!("{answer}: {count}")).collect();
        let note = attackers.note.as_deref().unwrap_or_default();
        let (attempts, open) = (attackers.attempts, attackers.open_max);
        row(kind.name(), format!("attempts {attempts}  open {open}  {}{note}", answers.join(", ")));
    }
    out
}

fn memory(hostile: &HostileReport) -> String {
    let mb = |bytes: Option<u64>| number(bytes.map(|bytes| (bytes as f64 / 1e6).round()));
    let (before, during) = (mb(hostile.rss_before_bytes), mb(hostile.rss_during_max_bytes));
    let after = mb(hostile.rss_after_bytes);
    let (each, open) = (number(hostile.bytes_per_connection), hostile.connections_max);
    format!(
        "{before} MB before  {during} MB at most  {after} MB after  {each} bytes for each of {open} hostile connections"
    )
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
