//! Many rooms: they fill, rest, wake, a third of them talk, all of them do.

use std::rc::Rc;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::task::LocalSet;

use super::figures::RoomsReport;
use super::members::{Members, Place, say};
use super::needs::{Cost, Line, Needs};
use super::options::RoomsOptions;
use crate::clock::{Clock, process_cpu};
use crate::fleet::FleetError;
use crate::hostile::limits;
use crate::http::Api;
use crate::idle::{complain, percentiles, slope};
use crate::report::{GENERATOR_BOUND, rounded};
use crate::server_metrics::Reading;

/// Until what is on its way has come, and readings are of a quiet server.
const LINGER: Duration = Duration::from_secs(1);
/// Rooms that are woken in a second.
const WAKES_PER_SECOND: f64 = 200.0;

/// Does what the options say.
pub(super) fn run(options: &RoomsOptions) -> Result<RoomsReport, FleetError> {
    let flags = &options.flags;
    let api = Api::new(&flags.target.url, flags.target.admin_key.as_deref())?;
    let bar = ProgressBar::new_spinner();
    let members = flags.members as usize;
    if let Some(note) = limits::make_room(u64::from(flags.rooms) * u64::from(flags.members)) {
        complain(&bar, &note);
    }
    let room = usize::try_from(limits::room()).unwrap_or(usize::MAX);
    let rooms = (flags.rooms as usize).min(room / members);
    let name = format!("load-{}", std::process::id());
    let mint = |number| api.mint(&format!("member-{number}"), &format!("chat:{name}-*:connect"));
    let tokens = (0..members).map(|number| Ok(mint(number)?.into()));
    let tokens = tokens.collect::<Result<Vec<Rc<str>>, FleetError>>()?;
    let clock = Clock::start();
    let everybody = Members::new(clock, api.address()?, flags.target.addresses);
    let report = RoomsReport {
        rooms,
        members,
        seconds: flags.seconds,
        per_minute: flags.per_minute,
        wanted_rooms: flags.wanted_rooms,
        ..RoomsReport::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut run = Run { options, api: &api, bar, everybody, name, tokens, report };
    LocalSet::new().block_on(&runtime, run.all())?;
    run.bar.finish_and_clear();
    Ok(run.report)
}

struct Run<'a> {
    options: &'a RoomsOptions,
    api: &'a Api,
    bar: ProgressBar,
    everybody: Members,
    /// What names of rooms begin with.
    name: String,
    /// Of each member; the same people are in every room.
    tokens: Vec<Rc<str>>,
    report: RoomsReport,
}

/// The server in a window of talk.
struct Talked {
    cpu_seconds: Option<f64>,
    cores: Option<f64>,
    after: Reading,
    deliveries: u64,
}

impl Run<'_> {
    async fn all(&mut self) -> Result<(), FleetError> {
        let (few, all) = (self.report.rooms / 3, self.report.rooms);
        self.fill(0..few).await?;
        let few_asleep = self.at_rest().await;
        self.fill(few..all).await?;
        let all_asleep = self.at_rest().await;
        self.note("hibernating");
        tokio::time::sleep(self.options.window).await;
        self.report.cores_hibernated = Reading::take(self.api).cpu_since(&all_asleep, self.options.window);
        self.wake().await?;
        self.at_rest().await;
        self.note("a third talks");
        let few_talked = self.talk(few).await?;
        self.note("all talk");
        let all_talked = self.talk(all).await?;
        self.of_all(&all_talked);
        self.by_slopes((&few_asleep, &all_asleep), (&few_talked, &all_talked), all - few);
        self.report.lost_by = self.everybody.lost_by();
        self.report.lost = self.report.lost_by.values().sum();
        self.report.sockets = self.everybody.len() - self.report.lost;
        self.report.refused = self.everybody.refused();
        Ok(())
    }

    fn note(&self, what: &'static str) {
        self.bar.set_message(what);
        self.bar.tick();
    }

    /// Fills these rooms, one after the other.
    async fn fill(&mut self, rooms: std::ops::Range<usize>) -> Result<(), FleetError> {
        self.note("filling rooms");
        let place = |room: usize, token: &Rc<str>| Place {
            path: format!("/v1/objects/chat/{}-{room}/socket", self.name),
            token: Some(Rc::clone(token)),
        };
        let places = rooms.flat_map(|room| self.tokens.iter().map(move |token| place(room, token)));
        let places = places.collect();
        Ok(self.everybody.open(places).await?)
    }

    /// The server, once every room hibernates.
    async fn at_rest(&self) -> Reading {
        self.note("resting");
        tokio::time::sleep(self.options.rest).await;
        Reading::take(self.api)
    }

    /// Those who speak in the first so many rooms: each room once before any has its turn again.
    fn speakers(&self, rooms: usize, of_each: usize) -> Vec<usize> {
        let members = self.report.members;
        (0..of_each).flat_map(|member| (0..rooms).map(move |room| room * members + member)).collect()
    }

    /// Wakes every room by a message.
    async fn wake(&mut self) -> Result<(), FleetError> {
        self.note("waking");
        let speakers = self.speakers(self.report.rooms, 1);
        let window = Duration::from_secs_f64(self.report.rooms as f64 / WAKES_PER_SECOND);
        let said = self.everybody.talk((&speakers, WAKES_PER_SECOND), window, say).await?;
        tokio::time::sleep(LINGER).await;
        let heard = self.everybody.latency_us();
        self.report.missing += (said * self.report.members as u64).saturating_sub(heard.len());
        self.report.woken_delivery_ms = percentiles(&heard);
        Ok(())
    }

    /// Talk in the first so many rooms.
    async fn talk(&mut self, rooms: usize) -> Result<Talked, FleetError> {
        let (warmup, window) = (self.options.warmup, self.options.window);
        let speakers = self.speakers(rooms, self.report.members);
        let per_second = speakers.len() as f64 * self.report.per_minute / 60.0;
        self.everybody.talk((&speakers, per_second), warmup, say).await?;
        tokio::time::sleep(LINGER).await;
        let (before, own) = (Reading::take(self.api), process_cpu());
        let said = self.everybody.talk((&speakers, per_second), window, say).await?;
        tokio::time::sleep(LINGER).await;
        let after = Reading::take(self.api);
        let own = (process_cpu() - own).as_secs_f64() / window.as_secs_f64();
        self.report.generator_cpu_fraction = rounded(own);
        self.report.generator_bound = own >= GENERATOR_BOUND;
        let deliveries = self.everybody.latency_us().len();
        self.report.missing += (said * self.report.members as u64).saturating_sub(deliveries);
        let cpu_seconds = after.cpu_seconds_since(&before);
        Ok(Talked { cpu_seconds, cores: after.cpu_since(&before, window), after, deliveries })
    }

    /// What needs no slope.
    fn of_all(&mut self, talked: &Talked) {
        let window = self.options.window.as_secs_f64();
        self.report.delivery_ms = percentiles(&self.everybody.latency_us());
        self.report.deliveries_per_second = rounded(talked.deliveries as f64 / window);
        self.report.cpu_us_per_delivery =
            talked.cpu_seconds.map(|seconds| rounded(seconds * 1e6 / talked.deliveries.max(1) as f64));
    }

    fn by_slopes(
        &mut self,
        (few_asleep, all_asleep): (&Reading, &Reading),
        (few_talked, all_talked): (&Talked, &Talked),
        more: usize,
    ) {
        let (flags, rooms) = (&self.options.flags, self.report.rooms as f64);
        let wanted = f64::from(flags.wanted_rooms);
        let at = |value: Option<f64>, slope: Option<f64>| {
            Some(rounded(Line { rooms, value: value?, slope: slope? }.at(wanted)))
        };
        let bytes = |reading: &Reading| reading.rss_bytes().map(|bytes| bytes as f64);
        let asleep = slope(few_asleep, all_asleep, more);
        // All of them had their members already: this is what talk adds.
        let talk = slope(&few_talked.after, &all_talked.after, more);
        let talking = asleep.zip(talk).map(|(asleep, talk)| asleep + talk);
        let of_member = |bytes: Option<f64>| bytes.map(|bytes| rounded(bytes / self.report.members as f64));
        let cores = few_talked.cores.zip(all_talked.cores).map(|(few, all)| (all - few) / more as f64);
        let resting = self.report.cores_hibernated;
        let hibernated = Needs {
            memory_bytes: at(bytes(all_asleep), asleep),
            cores: at(resting, resting.map(|cores| cores / rooms)),
        };
        let awake =
            Needs { memory_bytes: at(bytes(&all_talked.after), talking), cores: at(all_talked.cores, cores) };
        let cost = Cost::of(self.options.machine, flags.hours_a_day, &awake, &hibernated);
        self.report = RoomsReport {
            bytes_per_room_hibernated: asleep,
            bytes_per_member_hibernated: of_member(asleep),
            bytes_per_room_talking: talking,
            bytes_per_member_talking: of_member(talking),
            cores_third_talking: few_talked.cores,
            cores_talking: all_talked.cores,
            wanted_hibernated: hibernated,
            wanted_talking: awake,
            cost,
            ..std::mem::take(&mut self.report)
        };
    }
}
