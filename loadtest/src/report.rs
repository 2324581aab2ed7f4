//! The result of a run: one JSON object (interfaces: command line).
//!
//! Invariant: what could not be measured is null, never 0.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use tickstone_shared::wire::version::{Encoding, StateKind};

use crate::args::RunOptions;
use crate::brain::BrainKind;
use crate::hostile::options::AttackKind;
use crate::hostile::report::{Attacked, AttackerReport, HostileReport, Phases};
use crate::impair::{Counts, Impairment};
use crate::link::Transport;
use crate::meter::Meter;
use crate::series::{Series, ServerSecond};
use crate::server_metrics::ServerReport;

pub mod feel;

use feel::{Difference, InterpolationReport, PredictionReport};

/// At this part of a core or more the generator may be what was measured.
pub const GENERATOR_BOUND: f64 = 0.8;

/// Half of a distribution's story and its tail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50: Option<f64>,
    /// 99 of 100 are not above.
    pub p99: Option<f64>,
    /// 999 of 1,000 are not above.
    pub p999: Option<f64>,
    /// The highest.
    pub max: Option<f64>,
}

/// The same for what happens too seldom to have a 999th of 1,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct JoinPercentiles {
    /// The median.
    pub p50: Option<f64>,
    /// 99 of 100 are not above.
    pub p99: Option<f64>,
    /// The highest.
    pub max: Option<f64>,
}

/// Distinct ticks received a second, over the clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct TickRate {
    /// Of the slowest client.
    pub min: Option<f64>,
    /// Of the middle one.
    pub p50: Option<f64>,
}

/// Everything a run found out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `ws`.
    pub transport: Transport,
    /// The game played.
    pub game: String,
    /// Matches.
    pub matches: usize,
    /// Bots in each match.
    pub players: usize,
    /// Bots in all.
    pub bots: usize,
    /// Length of the measured window.
    pub seconds: f64,
    /// How messages were written.
    pub encoding: Encoding,
    /// How states were wanted.
    pub state: StateKind,
    /// How much of them the bots looked at.
    pub brain: BrainKind,
    /// Messages with inputs a second and bot.
    pub input_hz: u32,
    /// The matches' ticks a second, as `welcome` says.
    pub tick_rate_hz: Option<u32>,
    /// Distinct ticks received a second, per client.
    pub tick_hz: TickRate,
    /// How far the time between two states is from what their ticks say.
    pub snapshot_interval_jitter_ms: Percentiles,
    /// From sending an input to the first state that includes it.
    pub input_to_effect_ms: Percentiles,
    /// The players' own movement ahead of the server; null where it is not foreseen.
    pub prediction: Option<PredictionReport>,
    /// The others between two states; null where nobody looks.
    pub interpolation: Option<InterpolationReport>,
    /// What clients had at the end beside what the server had in the same tick; null where it was not compared.
    pub comparison: Option<Difference>,
    /// From connecting to `welcome`, first joins only.
    pub join_ms: JoinPercentiles,
    /// Payload and framing received.
    pub bytes_down_per_player_s: Option<f64>,
    /// Payload and framing sent.
    pub bytes_up_per_player_s: Option<f64>,
    /// Inputs sent in the window.
    pub inputs_sent: u64,
    /// Of those, included in a state by one second after the end, less those the server says it dropped.
    pub inputs_applied: Option<u64>,
    /// Inputs the server dropped and inputs never acknowledged; null without the server's own count.
    pub inputs_lost: Option<u64>,
    /// Inputs sent in the window that no state had acknowledged one second after its end.
    pub inputs_unacknowledged: u64,
    /// Ticks for which the server had no input of the bot whose turn it was, in the window.
    pub starved_ticks: u64,
    /// Closes nobody asked for, over the whole run.
    pub disconnects: u64,
    /// Connections taken back after a drop.
    pub reconnects: u64,
    /// Failed connections and joins, messages that cannot be read.
    pub errors: u64,
    /// Bots that were in play when the window opened.
    pub bots_in_play: usize,
    /// CPU time of this process over the window, in cores.
    pub generator_cpu_fraction: Option<f64>,
    /// How long its threads waited for a processor that something else had, in cores.
    pub generator_wait_fraction: Option<f64>,
    /// Is the generator at its limit, so that the run proves nothing?
    pub generator_bound: Option<bool>,
    /// What the server says of itself.
    pub server: ServerReport,
    /// Examples of what went wrong.
    pub error_examples: Vec<String>,
    /// The network between bots and server, if it was made worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkReport>,
    /// The phases of a hostile run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
    /// What the attackers did, by kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attackers: Option<BTreeMap<AttackKind, AttackerReport>>,
    /// What the attack cost the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostile: Option<HostileReport>,
    /// What the page shows and the object does not.
    #[serde(skip)]
    pub(crate) details: Details,
}

/// The network between bots and server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkReport {
    /// Per cent of the packets lost, each way.
    pub loss_percent: f64,
    /// Added to the round trip.
    pub delay_ms: f64,
    /// By how much that varies.
    pub jitter_ms: f64,
    /// Datagrams and pieces of streams that went through.
    pub delivered: u64,
    /// Datagrams that were lost by chance.
    pub datagrams_lost: u64,
    /// Datagrams for which there was no room.
    pub datagrams_refused: u64,
}

impl NetworkReport {
    pub(crate) fn new(network: Impairment, counts: Counts) -> Self {
        let ms = |duration: Duration| rounded(2.0 * duration.as_secs_f64() * 1e3);
        Self {
            loss_percent: rounded(network.loss * 100.0),
            delay_ms: ms(network.delay),
            jitter_ms: ms(network.jitter),
            delivered: counts.delivered,
            datagrams_lost: counts.lost,
            datagrams_refused: counts.refused,
        }
    }
}

/// Second by second, and whole distributions.
#[derive(Debug, Clone)]
pub(crate) struct Details {
    pub(crate) bots: usize,
    pub(crate) clients: Series,
    pub(crate) server: Vec<ServerSecond>,
    pub(crate) effect_us: Histogram<u64>,
    pub(crate) jitter_us: Histogram<u64>,
    /// Seconds to be marked in the plots.
    pub(crate) band: Option<(&'static str, Range<usize>)>,
}

/// What was observed beside the bots' own meter.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) window: Duration,
    pub(crate) bots_in_play: usize,
    pub(crate) generator_cpu: Duration,
    pub(crate) generator_wait: Option<Duration>,
    pub(crate) inputs_dropped: Option<u64>,
    pub(crate) server: ServerReport,
    pub(crate) network: Option<NetworkReport>,
    pub(crate) server_seconds: Vec<ServerSecond>,
}

impl Report {
    pub(crate) fn new(options: &RunOptions, meter: &Meter, observed: Observed) -> Self {
        let fleet = &options.fleet;
        let seconds = observed.window.as_secs_f64();
        let bots = fleet.matches.len() * usize::from(fleet.players);
        let per_player = |bytes: u64| Some(rounded(bytes as f64 / bots as f64 / seconds));
        let generator = observed.generator_cpu.as_secs_f64() / seconds;
        let unacknowledged = meter.inputs_sent.saturating_sub(meter.inputs_applied);
        // An input can be dropped and also be the last of its bot, never acknowledged: counted once.
        let lost = observed.inputs_dropped.map(|dropped| (dropped + unacknowledged).min(meter.inputs_sent));
        Self {
            transport: fleet.transport,
            game: fleet.matches.first().map_or_else(String::new, |request| request.game.clone()),
            matches: fleet.matches.len(),
            players: usize::from(fleet.players),
            bots,
            seconds: rounded(seconds),
            encoding: fleet.encoding,
            state: fleet.state,
            brain: fleet.brain,
            input_hz: fleet.input_hz,
            tick_rate_hz: meter.tick_rate_hz,
            tick_hz: tick_rate(&meter.ticks_per_bot, seconds),
            snapshot_interval_jitter_ms: percentiles_ms(&meter.jitter_us),
            input_to_effect_ms: percentiles_ms(&meter.effect_us),
            prediction: meter.feel.prediction(bots, seconds),
            interpolation: meter.feel.interpolation(),
            comparison: meter.feel.comparison(),
            join_ms: join_percentiles(&meter.join_us),
            bytes_down_per_player_s: per_player(meter.bytes_down),
            bytes_up_per_player_s: per_player(meter.bytes_up),
            inputs_sent: meter.inputs_sent,
            inputs_applied: lost.map(|lost| meter.inputs_sent - lost),
            inputs_lost: lost,
            inputs_unacknowledged: unacknowledged,
            starved_ticks: meter.starved_ticks,
            disconnects: meter.disconnects,
            reconnects: meter.reconnects,
            errors: meter.errors,
            bots_in_play: observed.bots_in_play,
            generator_cpu_fraction: Some(rounded(generator)),
            generator_wait_fraction: observed
                .generator_wait
                .map(|wait| rounded(wait.as_secs_f64() / seconds)),
            generator_bound: Some(generator >= GENERATOR_BOUND),
            server: observed.server,
            error_examples: meter.examples.clone(),
            network: observed.network,
            phases: None,
            attackers: None,
            hostile: None,
            details: Details {
                bots,
                clients: meter.series.clone(),
                server: observed.server_seconds,
                effect_us: meter.effect_us.clone(),
                jitter_us: meter.jitter_us.clone(),
                band: None,
            },
        }
    }

    /// With what an attack did.
    #[must_use]
    pub(crate) fn with_attack(mut self, attacked: Attacked, band: Range<usize>) -> Self {
        self.phases = Some(attacked.phases);
        self.attackers = Some(attacked.attackers);
        self.hostile = Some(attacked.hostile);
        self.details.band = Some(("attack", band));
        self
    }

    /// The JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a report is plain data")
    }
}

/// The table for people.
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::table::table(self))
    }
}

pub(crate) fn tick_rate(ticks_per_bot: &[u64], seconds: f64) -> TickRate {
    let mut ticks = ticks_per_bot.to_vec();
    ticks.sort_unstable();
    let rate = |index: usize| ticks.get(index).map(|ticks| rounded(*ticks as f64 / seconds));
    TickRate { min: rate(0), p50: rate(ticks.len().saturating_sub(1) / 2) }
}

fn percentiles_ms(histogram_us: &Histogram<u64>) -> Percentiles {
    let at = |quantile: f64| ms_at(histogram_us, quantile);
    Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
}

fn join_percentiles(histogram_us: &Histogram<u64>) -> JoinPercentiles {
    let at = |quantile: f64| ms_at(histogram_us, quantile);
    JoinPercentiles { p50: at(0.5), p99: at(0.99), max: at(1.0) }
}

fn ms_at(histogram_us: &Histogram<u64>, quantile: f64) -> Option<f64> {
    let us = histogram_us.value_at_quantile(quantile) as f64;
    (!histogram_us.is_empty()).then(|| rounded(us / 1e3))
}

/// Three digits after the point: more than was measured.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::record;
    use crate::scenario::Scenario;

    fn report(meter: &Meter, inputs_dropped: Option<u64>) -> serde_json::Value {
        let options = RunOptions::checked(Scenario::default()).unwrap();
        let observed = Observed {
            window: Duration::from_secs(10),
            bots_in_play: 2,
            generator_cpu: Duration::from_secs(9),
            generator_wait: None,
            inputs_dropped,
            server: ServerReport::default(),
            network: None,
            server_seconds: Vec::new(),
        };
        Report::new(&options, meter, observed).to_json()
    }

    #[test]
    fn every_field_of_the_interfaces_is_there() {
        let report = report(&Meter::new(), None);
        let paths = "transport matches players seconds tick_hz.min tick_hz.p50 \
            snapshot_interval_jitter_ms.p50 snapshot_interval_jitter_ms.p99 snapshot_interval_jitter_ms.p999 \
            snapshot_interval_jitter_ms.max input_to_effect_ms.p50 input_to_effect_ms.p99 \
            input_to_effect_ms.p999 input_to_effect_ms.max join_ms.p50 join_ms.p99 join_ms.max \
            bytes_down_per_player_s bytes_up_per_player_s inputs_sent inputs_applied inputs_lost disconnects \
            errors generator_cpu_fraction generator_bound server.cpu_us_per_player_tick server.rss_bytes \
            server.tick_lateness_us.p50 server.tick_lateness_us.p99 server.tick_lateness_us.p999 \
            server.tick_lateness_us.max server.tick_duration_us.p50 server.tick_duration_us.p99 \
            server.tick_duration_us.p999 server.tick_duration_us.max server.ticks_slipped";
        for path in paths.split_whitespace() {
            let found = path.split('.').try_fold(&report, |value, key| value.get(key));
            assert!(found.is_some(), "{path} is missing");
        }
    }

    #[test]
    fn the_unmeasured_is_null() {
        let report = report(&Meter::new(), None);
        assert!(report["tick_hz"]["min"].is_null() && report["input_to_effect_ms"]["p99"].is_null());
        assert!(report["inputs_lost"].is_null() && report["server"]["ticks_slipped"].is_null());
    }

    #[test]
    fn what_was_measured_adds_up() {
        let mut meter = Meter::new();
        meter.ticks_per_bot = vec![600, 590, 601];
        meter.bytes_down = 40_000;
        (meter.inputs_sent, meter.inputs_applied) = (1_000, 990);
        (1..=100).for_each(|ms| record(&mut meter.effect_us, Duration::from_millis(ms)));
        let report = report(&meter, Some(5));
        assert_eq!((&report["tick_hz"]["min"], &report["tick_hz"]["p50"]), (&59.0.into(), &60.0.into()));
        assert_eq!((&report["inputs_lost"], &report["inputs_applied"]), (&15.into(), &985.into()));
        assert_eq!(report["bytes_down_per_player_s"], 2_000.0);
        assert_eq!(report["generator_bound"], true);
        let p99 = report["input_to_effect_ms"]["p99"].as_f64().unwrap();
        assert!((98.9..=99.1).contains(&p99), "{p99}");
    }
}
