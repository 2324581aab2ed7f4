//! One run: sockets, rest, passes over the objects, figures.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use tickstone_shared::time::Moment;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};

use super::figures::{IdleReport, percentiles};
use super::options::IdleOptions;
use super::socket::{End, Happened, Listener, Socket, Way, open};
use crate::clock::Clock;
use crate::fleet::FleetError;
use crate::hostile::limits;
use crate::http::Api;
use crate::server_metrics::Reading;

/// Sockets that are opened at once.
const OPENING_MAX: usize = 64;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two messages of a pass.
const PAUSE: Duration = Duration::from_millis(1);
/// Threads that make objects without sockets.
const CALLERS: usize = 16;
/// The part of the time until objects hibernate in which they are measured awake.
const AWAKE_PART: f64 = 0.6;
/// Microseconds of the longest latency that is told apart.
const LATENCY_US_MAX: u64 = 60_000_000;

/// Does what the options say. Blocks for as long as the run takes.
pub fn run(options: &IdleOptions) -> Result<IdleReport, FleetError> {
    let api = Api::new(&options.flags.url, options.flags.admin_key.as_deref())?;
    let bar = ProgressBar::new_spinner();
    if let Some(note) = limits::make_room(u64::from(options.flags.sockets)) {
        complain(&bar, &note);
    }
    let sockets = u64::from(options.flags.sockets).min(limits::room()) as usize;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut run = Run::new(options, &api, bar, sockets)?;
    LocalSet::new().block_on(&runtime, run.sockets())?;
    drop(runtime);
    run.bare_objects();
    run.bar.finish_and_clear();
    Ok(run.report)
}

/// A run on its way.
struct Run<'a> {
    options: &'a IdleOptions,
    api: &'a Api,
    bar: ProgressBar,
    clock: Clock,
    server: SocketAddr,
    /// Sockets that are to be open.
    all: usize,
    sockets: Vec<Socket>,
    /// When a socket was told something, or how it ended.
    happened: mpsc::UnboundedReceiver<Result<Moment, End>>,
    listener: Listener,
    report: IdleReport,
}

impl<'a> Run<'a> {
    fn new(options: &'a IdleOptions, api: &'a Api, bar: ProgressBar, all: usize) -> Result<Self, FleetError> {
        let clock = Clock::start();
        let (happens, happened) = mpsc::unbounded_channel();
        let listener: Listener = Rc::new(move |what: Happened<'_>| {
            let at = match what {
                Happened::Told(_) => Ok(clock.now()),
                Happened::Lost(end) => Err(end),
            };
            // Nobody counts any more at the end of a run.
            let _ = happens.send(at);
        });
        Ok(Self {
            options,
            api,
            bar,
            clock,
            server: api.address()?,
            all,
            sockets: Vec::new(),
            happened,
            listener,
            report: IdleReport { objects: options.flags.objects as usize, ..IdleReport::default() },
        })
    }

    /// Everything that needs sockets.
    async fn sockets(&mut self) -> Result<(), FleetError> {
        self.open_until(self.all / 3).await;
        let few = self.at_rest().await;
        let few_awake = self.awake().await?;
        let opened = self.sockets.len();
        self.open_until(self.all).await;
        let many = self.at_rest().await;
        let more = self.sockets.len() - opened;
        self.report.sockets = self.sockets.len();
        self.report.bytes_per_socket = slope(&few, &many, more);
        self.note("idling");
        tokio::time::sleep(self.options.window).await;
        let idled = Reading::take(self.api);
        self.report.cpu_hibernated = idled.cpu_since(&many, self.options.window);
        let many_awake = self.reads(&idled).await?;
        // Where some objects had no socket yet, more of them are awake now.
        let same_objects = opened >= self.report.objects;
        self.report.bytes_per_awake_socket = slope(&few_awake, &many_awake, more).filter(|_| same_objects);
        self.at_rest().await;
        self.writes().await?;
        self.count_lost();
        Ok(())
    }

    /// Wakes every object that has a socket; the server while they are awake.
    async fn awake(&mut self) -> Result<Reading, FleetError> {
        self.note("waking");
        self.pass(&self.options.flags.read.clone()).await?;
        Ok(Reading::take(self.api))
    }

    /// Wakes every object with a message that only reads, and looks at them awake.
    async fn reads(&mut self, hibernated: &Reading) -> Result<Reading, FleetError> {
        let text = self.options.flags.read.clone();
        self.note("waking, reading");
        self.report.wake_read_ms = percentiles(&self.pass(&text).await?);
        let awake = Reading::take(self.api);
        self.report.bytes_per_awake_object = slope(hibernated, &awake, self.report.objects);
        self.report.awake_read_ms = percentiles(&self.pass(&text).await?);
        let window = Duration::from_secs_f64(self.options.flags.hibernates_after * AWAKE_PART);
        let before = Reading::take(self.api);
        tokio::time::sleep(window).await;
        self.report.cpu_awake = Reading::take(self.api).cpu_since(&before, window);
        Ok(awake)
    }

    /// The same with a message that writes.
    async fn writes(&mut self) -> Result<(), FleetError> {
        let text = self.options.flags.write.clone();
        self.note("waking, writing");
        let before = Reading::take(self.api);
        self.report.wake_write_ms = percentiles(&self.pass(&text).await?);
        self.report.awake_write_ms = percentiles(&self.pass(&text).await?);
        self.report.commit_ms = Reading::take(self.api).commit_ms_since(&before);
        Ok(())
    }

    fn note(&self, what: &'static str) {
        self.bar.set_message(what);
        self.bar.tick();
    }

    /// Opens sockets until there are so many, some at once. Those that fail are counted.
    async fn open_until(&mut self, count: usize) {
        self.note("opening sockets");
        let flags = self.options.flags.clone();
        let server = self.server;
        let mut waiting: VecDeque<usize> = (self.sockets.len()..count).collect();
        let mut opening = JoinSet::new();
        loop {
            while opening.len() < OPENING_MAX
                && let Some(number) = waiting.pop_front()
            {
                let (flags, listener) = (flags.clone(), Rc::clone(&self.listener));
                opening.spawn_local(async move {
                    let object = number % flags.objects as usize;
                    let path = format!("/v1/objects/{}/idle-{object}/socket", flags.class);
                    let from = Ipv4Addr::new(127, 0, 0, 1 + (number % usize::from(flags.addresses)) as u8);
                    let secret = flags.admin_key.as_deref();
                    open(&Way { from, to: server, path: &path, secret }, listener).await
                });
            }
            match opening.join_next().await {
                None => return,
                Some(Ok(Ok(socket))) => self.sockets.push(socket),
                Some(Ok(Err(error))) => {
                    self.report.lose(format!("opening: {error}"));
                    complain(&self.bar, &format!("a socket: {error}"));
                }
                Some(Err(_)) => self.report.lose("opening: the task failed".to_owned()),
            }
        }
    }

    /// The server, once every object hibernates.
    async fn at_rest(&self) -> Reading {
        self.note("resting");
        tokio::time::sleep(self.options.rest).await;
        Reading::take(self.api)
    }

    /// Says a text to every object in turn, and times each answer.
    async fn pass(&mut self, text: &str) -> Result<Histogram<u64>, FleetError> {
        let mut histogram = Histogram::new_with_max(LATENCY_US_MAX, 3).expect("constants that fit");
        for number in 0..self.report.objects.min(self.sockets.len()) {
            self.count_lost();
            let said = self.clock.now();
            self.sockets[number].say(text).await?;
            let told = tokio::time::timeout(PATIENCE, self.told()).await;
            let told = told.map_err(|_| FleetError::Answer("a message of an object"))?;
            histogram.saturating_record(u64::try_from(told.since(said).as_micros()).unwrap_or(u64::MAX));
            tokio::time::sleep(PAUSE).await;
        }
        Ok(histogram)
    }

    /// When the next message came.
    async fn told(&mut self) -> Moment {
        loop {
            match self.happened.recv().await {
                Some(Ok(at)) => return at,
                Some(Err(end)) => self.report.lose(format!("{end:?}")),
                None => std::future::pending().await,
            }
        }
    }

    /// Messages that nobody waited for are thrown away.
    fn count_lost(&mut self) {
        while let Ok(happened) = self.happened.try_recv() {
            if let Err(end) = happened {
                self.report.lose(format!("{end:?}"));
            }
        }
    }

    /// Makes objects without sockets, half of them and then the others.
    fn bare_objects(&mut self) {
        let all = self.options.flags.bare_objects;
        if all < 2 {
            return;
        }
        let half = self.make(0, all / 2);
        let whole = self.make(all / 2, all);
        self.report.bytes_per_object = slope(&half, &whole, (all - all / 2) as usize);
        self.report.rss_bytes = whole.rss_bytes();
    }

    /// Calls these objects once each, and reads the server when they hibernate.
    fn make(&self, from: u32, until: u32) -> Reading {
        self.note("making objects");
        let (flags, api) = (&self.options.flags, self.api);
        std::thread::scope(|scope| {
            for caller in 0..CALLERS {
                scope.spawn(move || {
                    for number in (from..until).skip(caller).step_by(CALLERS) {
                        let path = format!("/v1/objects/{}/bare-{number}/call/{}", flags.class, flags.method);
                        api.call(&path);
                    }
                });
            }
        });
        self.note("resting");
        self.clock.wait_until(self.clock.now() + self.options.rest);
        Reading::take(self.api)
    }
}

/// Says something beside the bar.
pub(crate) fn complain(bar: &ProgressBar, what: &str) {
    // Where stderr is gone there is nobody to complain to.
    bar.suspend(|| drop(writeln!(std::io::stderr().lock(), "loadtest: {what}")));
}

/// Bytes of the server for each of so many more.
pub(crate) fn slope(before: &Reading, after: &Reading, more: usize) -> Option<f64> {
    let grown = after.rss_bytes()? as f64 - before.rss_bytes()? as f64;
    (more > 0).then(|| (grown / more as f64).round())
}
