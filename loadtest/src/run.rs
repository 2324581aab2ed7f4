//! One run: start the fleet, let it warm up, measure the window, report.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

use tickstone_shared::time::{Moment, TICK_RATE_HZ};

use crate::args::RunOptions;
use crate::clock::{Clock, process_cpu};
use crate::fleet::{Fleet, FleetError};
use crate::http::Api;
use crate::report::{Observed, Report};
use crate::server_metrics::Reading;

/// So long after the window an input may still be acknowledged (interfaces: `inputs_lost`).
const GRACE: Duration = Duration::from_secs(1);
const PROGRESS_STEP: Duration = Duration::from_millis(200);

/// Does what the options say. Blocks for as long as the run takes.
pub fn run(options: &RunOptions) -> Result<Report, FleetError> {
    let api = Api::new(&options.fleet.url, options.fleet.admin_key.as_deref())?;
    let progress = Progress::new(options);
    let fleet = Fleet::start(&options.fleet)?;
    let clock = fleet.clock();
    progress.until(clock, clock.now() + options.fleet.ramp, "joining");
    progress.until(clock, clock.now() + options.warmup, "warming up");

    let bots_in_play = fleet.seen().iter().map(|seen| seen.in_play).sum();
    let before = Reading::take(&api);
    let cpu_before = process_cpu();
    let start = clock.now();
    let end = start + options.window;
    fleet.open_window(start, end);
    progress.until(clock, end, "measuring");
    let generator_cpu = process_cpu().saturating_sub(cpu_before);
    let after = Reading::take(&api);
    progress.until(clock, end + GRACE, "last inputs");
    let after_grace = Reading::take(&api);
    let meter = fleet.stop();
    progress.done();

    let bots = options.fleet.matches.len() * usize::from(options.fleet.players);
    let tick_rate_hz = meter.tick_rate_hz.unwrap_or(TICK_RATE_HZ);
    let observed = Observed {
        window: options.window,
        bots_in_play,
        generator_cpu,
        inputs_dropped: after_grace.inputs_lost_since(&before),
        server: after.since(&before, bots, tick_rate_hz, options.window),
    };
    Ok(Report::new(options, &meter, observed))
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
