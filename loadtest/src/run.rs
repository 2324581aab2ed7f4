//! One run: start the fleet, let it warm up, measure the window, report.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

use tickstone_shared::time::{Moment, TICK_RATE_HZ};

use crate::args::RunOptions;
use crate::clock::{Clock, process_cpu, process_wait};
use crate::fleet::{Fleet, FleetError};
use crate::hostile::report::{Attacked, HostileReport, Phases};
use crate::hostile::{HostileOptions, Squads, limits};
use crate::http::Api;
use crate::report::{NetworkReport, Observed, Report, rounded};
use crate::series::{Phase, PhaseReport, Scraper, Scrapes, phase_report};
use crate::server_metrics::Reading;

/// So long after the window an input may still be acknowledged (interfaces: `inputs_lost`).
const GRACE: Duration = Duration::from_secs(1);
const PROGRESS_STEP: Duration = Duration::from_millis(200);

/// Does what the options say. Blocks for as long as the run takes.
pub fn run(options: &RunOptions) -> Result<Report, FleetError> {
    let api = Api::new(&options.fleet.url, options.fleet.admin_key.as_deref())?;
    let progress = Progress::new(options);
    let note = make_room(options);
    let fleet = Fleet::start(&options.fleet)?;
    let clock = fleet.clock();
    progress.until(clock, clock.now() + options.fleet.ramp, "joining");
    progress.until(clock, clock.now() + options.warmup, "warming up");

    let bots_in_play = fleet.seen().iter().map(|seen| seen.in_play).sum();
    let before = Reading::take(&api);
    let (cpu_before, wait_before) = (process_cpu(), process_wait());
    let start = clock.now();
    let end = start + options.window;
    fleet.open_window(start, end);
    let scraper = Scraper::start(api.clone(), clock, start, end)?;
    let squads = options.hostile.as_ref().map(|hostile| attack(hostile, &fleet, &api, options, start));
    let squads = squads.transpose()?;
    progress.until(clock, end, "measuring");
    let generator_cpu = process_cpu().saturating_sub(cpu_before);
    let generator_wait = process_wait().zip(wait_before).map(|(after, before)| after.saturating_sub(before));
    let after = Reading::take(&api);
    progress.until(clock, end + GRACE, "last inputs");
    let after_grace = Reading::take(&api);
    let scrapes = scraper.finish();
    let network = options.fleet.impairment.zip(fleet.network());
    // Attackers may have taken the seat that an observer needs.
    if options.hostile.is_none() {
        fleet.compare()?;
    }
    let meter = fleet.stop();
    progress.done();

    let bots = options.fleet.matches.len() * usize::from(options.fleet.players);
    let tick_rate_hz = meter.tick_rate_hz.unwrap_or(TICK_RATE_HZ);
    let observed = Observed {
        window: options.window,
        bots_in_play,
        generator_cpu,
        generator_wait,
        // The server's counter cannot tell an attacker's input from a bot's.
        inputs_dropped: after_grace.inputs_lost_since(&before).filter(|_| options.hostile.is_none()),
        server: after.since(&before, bots, tick_rate_hz, options.window),
        network: network.map(|(network, counts)| NetworkReport::new(network, counts)),
        server_seconds: scrapes.seconds(),
    };
    let report = Report::new(options, &meter, observed);
    Ok(match options.hostile.as_ref().zip(squads) {
        None => report,
        Some((hostile, squads)) => {
            let band = hostile.before_seconds..hostile.before_seconds + hostile.during_seconds;
            let phase = |phase| phase_report(phase, &meter.series, &scrapes, bots, tick_rate_hz);
            report.with_attack(attacked(hostile, squads, &scrapes, phase, note), band)
        }
    })
}

/// Sees to it that every bot and attacker may have its connection; what stands against it.
fn make_room(options: &RunOptions) -> Option<String> {
    let bots = options.fleet.matches.len() as u64 * u64::from(options.fleet.players);
    // Through the impaired network each connection of a bot is three.
    let ends = if options.fleet.impairment.is_some() { 3 } else { 1 };
    let attackers = options.hostile.as_ref().map_or(0, HostileOptions::connections_max);
    limits::make_room(bots * ends + attackers)
}

fn attack(
    hostile: &HostileOptions,
    fleet: &Fleet,
    api: &Api,
    options: &RunOptions,
    start: Moment,
) -> std::io::Result<Squads> {
    let start = start + Duration::from_secs(hostile.before_seconds as u64);
    let end = start + Duration::from_secs(hostile.during_seconds as u64);
    let backend = options.fleet.admin_key.as_ref().map(|_| api);
    let targets = fleet.targets().to_vec();
    Squads::start(hostile, targets, backend, options.fleet.seed, fleet.clock(), (start, end))
}

fn attacked(
    hostile: &HostileOptions,
    squads: Squads,
    scrapes: &Scrapes,
    phase: impl Fn(Phase) -> PhaseReport,
    note: Option<String>,
) -> Attacked {
    let (first, end) = (hostile.before_seconds, hostile.before_seconds + hostile.during_seconds);
    let rss = |second| scrapes.rss_max(second, second);
    let (before, during_max) = (rss(first), scrapes.rss_max(first, end));
    let connections_max = squads.connections_max();
    let grown = during_max.zip(before).map(|(during, before)| during.saturating_sub(before));
    let per_connection = |bytes: u64| rounded(bytes as f64 / connections_max as f64);
    Attacked {
        phases: Phases {
            before: phase(Phase { first: 0, end: first }),
            during: phase(Phase { first, end }),
            after: phase(Phase { first: end, end: hostile.seconds() }),
        },
        attackers: squads.finish(),
        hostile: HostileReport {
            rss_before_bytes: before,
            rss_during_max_bytes: during_max,
            rss_after_bytes: rss(hostile.seconds()),
            connections_max,
            bytes_per_connection: grown.filter(|_| connections_max > 0).map(per_connection),
            note,
        },
    }
}

/// The bar on stderr; nothing where stderr is no terminal.
struct Progress(ProgressBar);

impl Progress {
    fn new(options: &RunOptions) -> Self {
        let total = options.fleet.ramp + options.warmup + options.window + GRACE;
        let bar = ProgressBar::new(u64::try_from(total.as_millis()).unwrap_or(u64::MAX));
        let style = ProgressStyle::with_template("{msg:12} [{bar:40}] {elapsed} of about {duration}");
        bar.set_style(style.expect("the template is a constant that parses").progress_chars("=> "));
        Self(bar)
    }

    fn until(&self, clock: Clock, moment: Moment, what: &'static str) {
        self.0.set_message(what);
        while clock.now() < moment {
            let before = clock.now();
            clock.wait_until((before + PROGRESS_STEP).min(moment));
            self.0.inc(u64::try_from(clock.now().since(before).as_millis()).unwrap_or(0));
        }
    }

    fn done(&self) {
        self.0.finish_and_clear();
    }
}
