//! The flags of `loadtest chat`.

use std::path::PathBuf;
use std::time::Duration;

use super::needs::Machine;
use crate::args::{ArgumentError, seconds, within};
use crate::slo::Slo;

/// Rooms of a run.
const ROOMS_MAX: u32 = 10_000;
/// Members of a room that anybody may ask for.
const MEMBERS_MAX: u32 = 10_000;
/// Addresses on the loopback network that sockets come from.
const ADDRESSES_MAX: u8 = 200;

/// The flags of `loadtest chat`.
#[derive(Debug, Clone, clap::Args)]
pub struct ChatArguments {
    /// What to fill.
    #[command(subcommand)]
    pub what: ChatCommand,
}

/// What `loadtest chat` can do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum ChatCommand {
    /// Many rooms in which everybody speaks now and then.
    Rooms(RoomsArguments),
    /// One large room, and beside it bare sockets that are sent the same bytes.
    Crowd(CrowdArguments),
    /// The bare sockets, which `crowd` starts.
    #[command(hide = true)]
    Bare,
}

/// Which server, and where the results go.
#[derive(Debug, Clone, clap::Args)]
pub struct Target {
    /// The server's HTTP address.
    #[arg(long)]
    pub url: String,
    /// For a server that is not in dev mode: a key with the role token.
    #[arg(long, env = "TICKSTONE_ADMIN_KEY", hide_env_values = true)]
    pub admin_key: Option<String>,
    /// Addresses of 127.0.0.0/8 that the sockets come from. More than one needs a server that allows each of them
    /// that many connections.
    #[arg(long, default_value_t = 1)]
    pub addresses: u8,
    /// Writes the result as one JSON object.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Writes the result as a page.
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// Conditions on the result, such as "delivery_ms.p99<50,missing==0".
    #[arg(long)]
    pub slo: Option<String>,
}

/// The flags of `loadtest chat rooms`.
#[derive(Debug, Clone, clap::Args)]
pub struct RoomsArguments {
    /// Which server, and where the results go.
    #[command(flatten)]
    pub target: Target,
    /// Rooms; fewer, if this process may not have so many files open. The server needs the same limit.
    #[arg(long, default_value_t = 360)]
    pub rooms: u32,
    /// Members of each.
    #[arg(long, default_value_t = 50)]
    pub members: u32,
    /// Messages of each member in a minute.
    #[arg(long, default_value_t = 1.0)]
    pub per_minute: f64,
    /// Seconds without events after which a room hibernates.
    #[arg(long, default_value_t = 10.0)]
    pub hibernates_after: f64,
    /// Seconds of talk before a window.
    #[arg(long, default_value_t = 5.0)]
    pub warmup: f64,
    /// Seconds of each window that is measured: rest, a third of the rooms talking, all of them.
    #[arg(long, default_value_t = 30.0)]
    pub seconds: f64,
    /// Rooms of which it is to be said what they need.
    #[arg(long, default_value_t = 1_000)]
    pub wanted_rooms: u32,
    /// Hours a day in which they talk; for the others they hibernate, with everybody there.
    #[arg(long, default_value_t = 1.0)]
    pub hours_a_day: f64,
    /// What a machine of 2 processors and 2 GiB costs a month, in whatever money: the default is a list price of such
    /// virtual machines in US dollars.
    #[arg(long, default_value_t = 12.0)]
    pub machine_month: f64,
}

/// The flags of `loadtest chat crowd`.
#[derive(Debug, Clone, clap::Args)]
pub struct CrowdArguments {
    /// Which server, and where the results go.
    #[command(flatten)]
    pub target: Target,
    /// Members of the room.
    #[arg(long, default_value_t = 1_000)]
    pub members: u32,
    /// Messages that are said in it in a second, by one member after another.
    #[arg(long, default_value_t = 10.0)]
    pub per_second: f64,
    /// Seconds of each window that is measured.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Windows of each side, in turn.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
}

/// Flags that were checked.
#[derive(Debug, Clone)]
pub enum ChatOptions {
    /// Many rooms.
    Rooms(RoomsOptions),
    /// A large one.
    Crowd(CrowdOptions),
    /// The bare sockets.
    Bare,
}

/// A run of many rooms.
#[derive(Debug, Clone)]
pub struct RoomsOptions {
    /// As they were given.
    pub flags: RoomsArguments,
    /// Until a room surely hibernates.
    pub(super) rest: Duration,
    pub(super) warmup: Duration,
    pub(super) window: Duration,
    pub(super) machine: Machine,
    slo: Vec<Slo>,
}

/// A run of one room.
#[derive(Debug, Clone)]
pub struct CrowdOptions {
    /// As they were given.
    pub flags: CrowdArguments,
    pub(super) window: Duration,
    slo: Vec<Slo>,
}

impl ChatArguments {
    /// Checks every flag.
    pub fn checked(self) -> Result<ChatOptions, ArgumentError> {
        match self.what {
            ChatCommand::Rooms(flags) => flags.checked().map(ChatOptions::Rooms),
            ChatCommand::Crowd(flags) => flags.checked().map(ChatOptions::Crowd),
            ChatCommand::Bare => Ok(ChatOptions::Bare),
        }
    }
}

impl Target {
    fn checked(&self) -> Result<Vec<Slo>, ArgumentError> {
        within("addresses", self.addresses, 1, ADDRESSES_MAX)?;
        Ok(Slo::parse_all(self.slo.as_deref().unwrap_or_default())?)
    }
}

impl RoomsArguments {
    fn checked(self) -> Result<RoomsOptions, ArgumentError> {
        within("rooms", self.rooms, 3, ROOMS_MAX)?;
        within("members", self.members, 1, MEMBERS_MAX)?;
        within("per-minute", self.per_minute, 0.01, 60.0)?;
        within("hibernates-after", self.hibernates_after, 0.1, 600.0)?;
        within("wanted-rooms", self.wanted_rooms, 1, 1_000_000)?;
        within("hours-a-day", self.hours_a_day, 0.0, 24.0)?;
        within("machine-month", self.machine_month, 0.0, 1e6)?;
        Ok(RoomsOptions {
            // Objects are looked at now and then, and their last writes take a moment.
            rest: Duration::from_secs_f64(self.hibernates_after + 2.0),
            warmup: seconds("warmup", self.warmup, 0.0)?,
            window: seconds("seconds", self.seconds, 0.1)?,
            machine: Machine { month: self.machine_month, ..Machine::default() },
            slo: self.target.checked()?,
            flags: self,
        })
    }
}

impl CrowdArguments {
    fn checked(self) -> Result<CrowdOptions, ArgumentError> {
        within("members", self.members, 1, MEMBERS_MAX)?;
        within("per-second", self.per_second, 0.1, 1_000.0)?;
        within("rounds", self.rounds, 1, 100)?;
        let (window, slo) = (seconds("seconds", self.seconds, 0.1)?, self.target.checked()?);
        Ok(CrowdOptions { window, slo, flags: self })
    }
}

impl ChatOptions {
    /// Conditions on the result.
    pub fn slo(&self) -> &[Slo] {
        match self {
            Self::Rooms(options) => &options.slo,
            Self::Crowd(options) => &options.slo,
            Self::Bare => &[],
        }
    }

    pub(super) fn target(&self) -> Option<&Target> {
        match self {
            Self::Rooms(options) => Some(&options.flags.target),
            Self::Crowd(options) => Some(&options.flags.target),
            Self::Bare => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        chat: ChatArguments,
    }

    fn checked(line: &str) -> Result<ChatOptions, String> {
        let line = Line::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        line.chat.checked().map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_outside_of_their_bounds_are_refused_by_the_name_of_their_flag() {
        for (command, flag, fits, is_refused) in [
            ("rooms", "rooms", "3", "2"),
            ("rooms", "rooms", "10000", "10001"),
            ("rooms", "members", "1", "0"),
            ("rooms", "per-minute", "60", "61"),
            ("rooms", "hours-a-day", "24", "25"),
            ("rooms", "addresses", "200", "201"),
            ("crowd", "members", "10000", "10001"),
            ("crowd", "per-second", "1000", "1001"),
            ("crowd", "rounds", "100", "101"),
            ("crowd", "seconds", "0.1", "0.05"),
        ] {
            let line = |number: &str| format!("chat {command} --url http://x:1 --{flag} {number}");
            assert!(checked(&line(fits)).is_ok(), "--{flag} {fits}");
            let refused = checked(&line(is_refused)).unwrap_err();
            assert!(refused.contains(&format!("--{flag}")), "{refused}");
        }
        assert!(checked("chat rooms --url http://x:1 --slo p99").is_err());
    }
}
