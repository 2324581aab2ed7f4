//! Every metric, by its name in interfaces. Never a label by match or object.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Which state matches are in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabel {
    /// The state.
    pub state: &'static str,
}

/// What became of something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResultLabel {
    /// The result.
    pub result: &'static str,
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    /// The reason, one of a fixed set.
    pub reason: &'static str,
}

/// How a client is connected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TransportLabel {
    /// `ws`, `quic` or `webtransport`.
    pub transport: &'static str,
}

/// Bytes of a transport.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BytesLabel {
    /// `ws`, `quic` or `webtransport`.
    pub transport: &'static str,
    /// `in` or `out`.
    pub direction: &'static str,
}

/// Calls of a class.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabel {
    /// The class.
    pub class: &'static str,
    /// What became of them.
    pub result: &'static str,
}

/// Objects of a class.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ObjectLabel {
    /// The class.
    pub class: &'static str,
    /// `active`, `hibernated` since the process started, or `set_aside`.
    pub state: &'static str,
}

/// Time of a class.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClassLabel {
    /// The class.
    pub class: &'static str,
}

/// The same of a class that need not be served.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClassNameLabel {
    /// The class.
    pub class: String,
}

/// The server's metrics. Cloning a field shares it.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Matches by state.
    pub matches: Family<StateLabel, Gauge>,
    /// Time one step took, seconds.
    pub tick_duration: Histogram,
    /// How long after its deadline a step began, seconds.
    pub tick_lateness: Histogram,
    /// Steps.
    pub ticks: Counter,
    /// Steps given up because a match was more than 250 ms behind.
    pub ticks_slipped: Counter,
    /// Inputs by what became of them.
    pub inputs: Family<ResultLabel, Counter>,
    /// Open connections.
    pub connections: Family<TransportLabel, Gauge>,
    /// What objects asked for sockets that were gone.
    pub sends_to_nobody: Counter,
    /// Requests, connections and messages that were refused, by reason.
    pub refused: Family<ReasonLabel, Counter>,
    /// Payload and framing bytes.
    pub bytes: Family<BytesLabel, Counter>,
    /// Datagrams of clients that were dropped, by why.
    pub datagrams_refused: Family<ResultLabel, Counter>,
    /// Handshakes over QUIC by what became of them.
    pub quic_handshakes: Family<ResultLabel, Counter>,
    /// States that a newer one replaced before they left.
    pub snapshots_coalesced: Counter,
    /// Views of states of which not everybody sees all.
    pub views: Counter,
    /// Entities in them.
    pub view_entities: Counter,
    /// Time of one group commit, seconds.
    pub commit_seconds: Histogram,
    /// Batches in one group commit.
    pub commit_group_size: Histogram,
    /// Time from start-up to the last match ticking, seconds.
    pub recovery_seconds: Gauge<f64, std::sync::atomic::AtomicU64>,
    /// Ticks that recovery could not bring back, as far as the journal shows.
    pub recovery_ticks_lost: Counter,
    /// Objects by class and state.
    pub objects: Family<ObjectLabel, Gauge>,
    /// Time of one wake, seconds.
    pub wake_seconds: Histogram,
    /// How late an alarm's handler began, seconds.
    pub alarm_lateness: Histogram,
    /// Runs of alarms that are tried again.
    pub alarm_retries: Counter,
    /// Alarms given up after their last run.
    pub alarms_abandoned: Counter,
    /// Occurrences of repeating alarms that were over before they could run.
    pub alarms_skipped: Counter,
    /// Handlers that ran longer than a second.
    pub slow_handlers: Family<ClassLabel, Counter>,
    /// Uses of `block_until` outside `wake`.
    pub blocks_outside_wake: Counter,
    /// Handlers that panicked.
    pub object_panics: Counter,
    /// Calls by class and result.
    pub calls: Family<CallLabel, Counter>,
    /// Time spent in handlers, seconds.
    pub object_busy_seconds: Family<ClassLabel, Counter<f64, std::sync::atomic::AtomicU64>>,
    /// Times the watchdog found a worker stuck in one handler.
    pub worker_stalls: Counter,
    /// Events refused because an inbox was full.
    pub inbox_refused: Counter,
    /// Journal entries given up because the disk did not take them; the next checkpoint closes the gap.
    pub journal_gaps: Counter,
    /// Bytes stored by class: keys, values and alarms.
    pub storage_bytes: Family<ClassNameLabel, Gauge>,
    /// Times the store was closed and opened again after the disk refused.
    pub store_reopened: Counter,
}

/// The class whose objects `tickstone_matches` counts.
pub const MATCH_CLASS: &str = "match";

/// Metrics, shared.
pub type MetricsRef = Arc<Metrics>;

/// Buckets from 10 us to 1 s, about 2.2 a decade step.
const FINE_SECONDS: [f64; 18] = [
    10e-6, 20e-6, 30e-6, 50e-6, 75e-6, 100e-6, 200e-6, 300e-6, 500e-6, 750e-6, 1e-3, 2e-3, 5e-3, 10e-3,
    25e-3, 50e-3, 250e-3, 1.0,
];

/// Buckets from 100 us to an hour: an alarm may have been overdue while the server was down.
const LATENESS_SECONDS: [f64; 12] =
    [100e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 50e-3, 250e-3, 1.0, 10.0, 60.0, 3600.0];

fn fine() -> Histogram {
    Histogram::new(FINE_SECONDS)
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> MetricsRef {
        let mut metrics = Self {
            registry: Registry::with_prefix("tickstone"),
            matches: Family::default(),
            tick_duration: fine(),
            tick_lateness: fine(),
            ticks: Counter::default(),
            ticks_slipped: Counter::default(),
            inputs: Family::default(),
            connections: Family::default(),
            sends_to_nobody: Counter::default(),
            refused: Family::default(),
            bytes: Family::default(),
            datagrams_refused: Family::default(),
            quic_handshakes: Family::default(),
            snapshots_coalesced: Counter::default(),
            views: Counter::default(),
            view_entities: Counter::default(),
            commit_seconds: fine(),
            commit_group_size: Histogram::new([
                1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0,
            ]),
            recovery_seconds: Gauge::default(),
            recovery_ticks_lost: Counter::default(),
            objects: Family::default(),
            wake_seconds: fine(),
            alarm_lateness: Histogram::new(LATENESS_SECONDS),
            alarm_retries: Counter::default(),
            alarms_abandoned: Counter::default(),
            alarms_skipped: Counter::default(),
            slow_handlers: Family::default(),
            blocks_outside_wake: Counter::default(),
            object_panics: Counter::default(),
            calls: Family::default(),
            object_busy_seconds: Family::default(),
            worker_stalls: Counter::default(),
            inbox_refused: Counter::default(),
            journal_gaps: Counter::default(),
            storage_bytes: Family::default(),
            store_reopened: Counter::default(),
        };
        metrics.register_matches();
        metrics.register_edges();
        metrics.register_objects();
        Arc::new(metrics)
    }

    fn register_matches(&mut self) {
        let r = &mut self.registry;
        r.register("matches", "Matches by state", self.matches.clone());
        r.register_with_unit(
            "match_tick_duration",
            "Time of one step",
            Unit::Seconds,
            self.tick_duration.clone(),
        );
        r.register_with_unit(
            "match_tick_lateness",
            "From a step's deadline to its begin",
            Unit::Seconds,
            self.tick_lateness.clone(),
        );
        r.register("ticks", "Steps", self.ticks.clone());
        r.register("ticks_slipped", "Steps given up, more than 250 ms behind", self.ticks_slipped.clone());
        r.register("inputs", "Inputs by what became of them", self.inputs.clone());
        r.register_with_unit(
            "recovery",
            "From start-up to the last match ticking",
            Unit::Seconds,
            self.recovery_seconds.clone(),
        );
        r.register(
            "recovery_ticks_lost",
            "Ticks recovery could not bring back",
            self.recovery_ticks_lost.clone(),
        );
        r.register("journal_gaps", "Journal entries the disk did not take", self.journal_gaps.clone());
    }

    fn register_edges(&mut self) {
        let r = &mut self.registry;
        r.register("connections", "Open connections", self.connections.clone());
        let text = "What objects asked for sockets that were gone";
        r.register("sends_to_nobody", text, self.sends_to_nobody.clone());
        r.register("refused", "Requests, connections and messages refused, by reason", self.refused.clone());
        r.register("bytes", "Payload and framing bytes", self.bytes.clone());
        r.register("datagrams_refused", "Datagrams of clients dropped", self.datagrams_refused.clone());
        r.register("quic_handshakes", "Handshakes over QUIC", self.quic_handshakes.clone());
        r.register(
            "snapshots_coalesced",
            "States replaced before they left",
            self.snapshots_coalesced.clone(),
        );
        r.register("views", "Views of states of which not everybody sees all", self.views.clone());
        r.register("view_entities", "Entities in these views", self.view_entities.clone());
        r.register_with_unit(
            "commit",
            "Time of one group commit",
            Unit::Seconds,
            self.commit_seconds.clone(),
        );
        r.register("commit_group_size", "Batches in one group commit", self.commit_group_size.clone());
        r.register("storage_bytes", "Bytes of keys, values and alarms stored", self.storage_bytes.clone());
        r.register("store_reopened", "Times the store was reopened", self.store_reopened.clone());
    }

    fn register_objects(&mut self) {
        let r = &mut self.registry;
        r.register("objects", "Objects by class and state", self.objects.clone());
        r.register_with_unit("wake", "Time of one wake", Unit::Seconds, self.wake_seconds.clone());
        r.register_with_unit(
            "alarm_lateness",
            "From an alarm's time to the begin of its handler",
            Unit::Seconds,
            self.alarm_lateness.clone(),
        );
        r.register("alarm_retries", "Runs of alarms that are tried again", self.alarm_retries.clone());
        r.register("alarms_abandoned", "Alarms given up after their last run", self.alarms_abandoned.clone());
        r.register("alarms_skipped", "Occurrences that were over already", self.alarms_skipped.clone());
        r.register("slow_handlers", "Handlers longer than 1 s", self.slow_handlers.clone());
        r.register(
            "blocks_outside_wake",
            "Uses of block_until outside wake",
            self.blocks_outside_wake.clone(),
        );
        r.register("object_panics", "Handlers that panicked", self.object_panics.clone());
        r.register("calls", "Calls by class and result", self.calls.clone());
        r.register_with_unit(
            "object_busy",
            "Time spent in handlers",
            Unit::Seconds,
            self.object_busy_seconds.clone(),
        );
        r.register("worker_stalls", "Handlers that ran longer than 250 ms", self.worker_stalls.clone());
        r.register("inbox_refused", "Events refused by a full inbox", self.inbox_refused.clone());
    }

    /// A match changed the state that listings show of it; other classes' listings are not counted.
    pub fn count_state(
        &self,
        class: &'static str,
        before: Option<&'static str>,
        after: Option<&'static str>,
    ) {
        if before == after || class != MATCH_CLASS {
            return;
        }
        for (state, change) in changes(before, after) {
            self.matches.get_or_create(&StateLabel { state }).inc_by(change);
        }
    }

    /// An object of a class changed its state of life.
    pub fn count_object(
        &self,
        class: &'static str,
        before: Option<&'static str>,
        after: Option<&'static str>,
    ) {
        for (state, change) in changes(before, after) {
            self.objects.get_or_create(&ObjectLabel { class, state }).inc_by(change);
        }
    }

    /// The text of `/metrics`, the standard `process_*` included.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        let end = text.strip_suffix("# EOF\n").map(str::len);
        text.truncate(end.unwrap_or(text.len()));
        crate::metrics::process::append(&mut text);
        text.push_str("# EOF\n");
        text
    }
}

fn changes(
    before: Option<&'static str>,
    after: Option<&'static str>,
) -> impl Iterator<Item = (&'static str, i64)> {
    before.map(|state| (state, -1)).into_iter().chain(after.map(|state| (state, 1)))
}

mod process;
