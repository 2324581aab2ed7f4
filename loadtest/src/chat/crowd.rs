//! One large room, and bare sockets that are sent the same bytes: windows of one and the other in turn.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use serde::Deserialize;
use tokio::task::LocalSet;

use super::figures::{CrowdReport, SideReport};
use super::members::{Members, Place, say};
use super::options::CrowdOptions;
use crate::clock::{Clock, process_cpu};
use crate::fleet::FleetError;
use crate::hostile::limits;
use crate::http::Api;
use crate::idle::{complain, percentiles};
use crate::report::{GENERATOR_BOUND, rounded};
use crate::server_metrics::Reading;

/// Until what is on its way has come.
const LINGER: Duration = Duration::from_secs(1);
/// Talk from which the bytes of a message are learned.
const LEARNING: Duration = Duration::from_secs(1);

/// Does what the options say.
pub(super) fn run(options: &CrowdOptions) -> Result<CrowdReport, FleetError> {
    let flags = &options.flags;
    let bar = ProgressBar::new_spinner();
    if let Some(note) = limits::make_room(2 * u64::from(flags.members)) {
        complain(&bar, &note);
    }
    let bare = Bare::start()?;
    let clock = Clock::start();
    let side = |api: Api| {
        let members = Members::new(clock, api.address()?, flags.target.addresses);
        Ok::<_, FleetError>(Side { api, members, windows: Vec::new() })
    };
    let mut run = Run {
        options,
        clock,
        bar,
        room: side(Api::new(&flags.target.url, flags.target.admin_key.as_deref())?)?,
        bare: side(Api::new(&format!("http://{}", bare.ready.http), None)?)?,
        report: CrowdReport {
            members: flags.members as usize,
            per_second: flags.per_second,
            rounds: flags.rounds,
            seconds: flags.seconds,
            ..CrowdReport::default()
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run.all())?;
    run.bar.finish_and_clear();
    Ok(run.report)
}

/// The process of the bare sockets; it ends with this.
struct Bare {
    process: Child,
    ready: Ready,
}

/// What it says when it listens.
#[derive(Deserialize)]
struct Ready {
    http: std::net::SocketAddr,
}

impl Bare {
    fn start() -> Result<Self, FleetError> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.args(["chat", "bare"]).stdout(Stdio::piped()).spawn()?;
        let said = process.stdout.take().ok_or(FleetError::Answer("its output"))?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let ready = serde_json::from_str(&line).map_err(|_| FleetError::Answer("where it listens"))?;
        Ok(Self { process, ready })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // One that is gone already is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One of the two.
struct Side {
    api: Api,
    members: Members,
    windows: Vec<Window>,
}

/// What was measured in one window.
struct Window {
    cpu_seconds: Option<f64>,
    latency_us: Histogram<u64>,
    missing: u64,
}

impl Window {
    fn cpu_us_per_delivery(&self) -> Option<f64> {
        let deliveries = self.latency_us.len();
        (deliveries > 0).then_some(self.cpu_seconds? * 1e6 / deliveries as f64)
    }
}

struct Run<'a> {
    options: &'a CrowdOptions,
    clock: Clock,
    bar: ProgressBar,
    room: Side,
    bare: Side,
    report: CrowdReport,
}

impl Run<'_> {
    async fn all(&mut self) -> Result<(), FleetError> {
        self.join().await?;
        let everybody: Vec<usize> = (0..self.report.members).collect();
        let (per_second, window) = (self.report.per_second, self.options.window);
        self.room.members.talk((&everybody, per_second), LEARNING.min(window), say).await?;
        tokio::time::sleep(LINGER).await;
        let bytes = self.room.members.message_bytes();
        self.report.message_bytes = bytes;
        let own = process_cpu();
        for round in 0..self.report.rounds {
            self.bar.set_message("talking");
            self.bar.tick();
            let talk = (&*everybody, per_second);
            // Which of them is first changes: neither always has the warmer machine.
            if round % 2 == 0 {
                self.room.window(talk, window, say).await?;
                self.bare.window(talk, window, |text| as_told(text, bytes)).await?;
            } else {
                self.bare.window(talk, window, |text| as_told(text, bytes)).await?;
                self.room.window(talk, window, say).await?;
            }
        }
        let measured = 2.0 * f64::from(self.report.rounds) * window.as_secs_f64();
        let own = (process_cpu() - own).as_secs_f64() / measured;
        self.report.generator_cpu_fraction = rounded(own);
        self.report.generator_bound = own >= GENERATOR_BOUND;
        self.sum_up(window);
        Ok(())
    }

    /// Everybody comes, to both.
    async fn join(&mut self) -> Result<(), FleetError> {
        self.bar.set_message("joining");
        self.bar.tick();
        let name = format!("load-{}", std::process::id());
        let scope = format!("chat:{name}:connect");
        let path = format!("/v1/objects/chat/{name}/socket");
        let token = |number| self.room.api.mint(&format!("member-{number}"), &scope);
        let place = |number| Ok(Place { path: path.clone(), token: Some(Rc::from(token(number)?)) });
        let places = (0..self.report.members).map(place).collect::<Result<Vec<_>, FleetError>>()?;
        let began = self.clock.now();
        self.room.members.open(places).await?;
        let joined = self.clock.now();
        // Those who came last are told of, too.
        tokio::time::sleep(LINGER).await;
        self.report.joining_seconds = rounded(joined.since(began).as_secs_f64());
        self.report.joining_messages = self.room.members.heard();
        let bare = |_| Place { path: "/".to_owned(), token: None };
        Ok(self.bare.members.open((0..self.report.members).map(bare).collect()).await?)
    }

    fn sum_up(&mut self, window: Duration) {
        let (room, bare) = (&self.room, &self.bare);
        let pairs = room.windows.iter().zip(&bare.windows);
        let ratios =
            pairs.map(|(room, bare)| Some(room.cpu_us_per_delivery()? / bare.cpu_us_per_delivery()?));
        self.report.ratio = median(ratios);
        self.report.lost_by = room.members.lost_by();
        self.report.lost = self.report.lost_by.values().sum();
        self.report.refused = room.members.refused();
        (self.report.server, self.report.bare) = (room.report(window), bare.report(window));
    }
}

impl Side {
    async fn window(
        &mut self,
        talk: (&[usize], f64),
        window: Duration,
        write: impl Fn(&str) -> String,
    ) -> Result<(), FleetError> {
        let before = Reading::take(&self.api);
        let said = self.members.talk(talk, window, write).await?;
        tokio::time::sleep(LINGER).await;
        let cpu_seconds = Reading::take(&self.api).cpu_seconds_since(&before);
        let latency_us = self.members.latency_us();
        let missing = (said * self.members.len() as u64).saturating_sub(latency_us.len());
        self.windows.push(Window { cpu_seconds, latency_us, missing });
        Ok(())
    }

    fn report(&self, window: Duration) -> SideReport {
        let seconds = window.as_secs_f64() * self.windows.len() as f64;
        let mut latency_us = Histogram::new(3).expect("constants that fit");
        for window in &self.windows {
            latency_us.add(&window.latency_us).expect("it grows by itself");
        }
        let cpu_seconds: Option<f64> = self.windows.iter().map(|window| window.cpu_seconds).sum();
        SideReport {
            deliveries_per_second: rounded(latency_us.len() as f64 / seconds),
            cpu_us_per_delivery: median(self.windows.iter().map(Window::cpu_us_per_delivery)),
            cores: cpu_seconds.map(|cpu_seconds| rounded(cpu_seconds / seconds)),
            delivery_ms: percentiles(&latency_us),
            missing: self.windows.iter().map(|window| window.missing).sum(),
        }
    }
}

/// The one in the middle, if all are known.
fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect::<Option<_>>()?;
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().map(rounded)
}

/// A text as a room would tell it: as many bytes, the time in the same field.
fn as_told(text: &str, bytes: usize) -> String {
    let (head, tail) = (r#"{"t":"message","text":""#, r#""}"#);
    let filler = bytes.saturating_sub(head.len() + text.len() + tail.len());
    format!("{head}{text}{}{tail}", ".".repeat(filler))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_message_has_the_bytes_of_a_rooms() {
        assert_eq!(as_told("0123", 120).len(), 120);
        assert!(as_told("0123", 120).starts_with(r#"{"t":"message","text":"0123..."#));
        assert_eq!(as_told("0123", 0), r#"{"t":"message","text":"0123"}"#);
    }

    #[test]
    fn the_median_is_of_what_is_known_alone() {
        assert_eq!(median([Some(3.0), Some(1.0), Some(2.0)].into_iter()), Some(2.0));
        assert_eq!(median([Some(3.0), None].into_iter()), None);
        assert_eq!(median(std::iter::empty()), None);
    }
}
