//! The flags of `loadtest idle`.

use std::path::PathBuf;
use std::time::Duration;

use crate::slo::{Slo, SloError};

/// Sockets of a run.
const SOCKETS_MAX: u32 = 60_000;
/// Objects of a run.
const OBJECTS_MAX: u32 = 1_000_000;
/// Addresses on the loopback network that sockets come from.
const ADDRESSES_MAX: u8 = 200;

/// Opens sockets to objects, leaves them alone, and measures what they cost and how fast the objects wake.
#[derive(Debug, Clone, clap::Args)]
pub struct IdleArguments {
    /// The server's HTTP address.
    #[arg(long)]
    pub url: String,
    /// For a server that is not in dev mode: a key with the role call.
    #[arg(long, env = "TICKSTONE_ADMIN_KEY", hide_env_values = true)]
    pub admin_key: Option<String>,
    /// The class of the objects: raw sockets, and an answer to each message.
    #[arg(long, default_value = "counter")]
    pub class: String,
    /// Sockets; fewer, if this process may not have so many files open. The server needs the same limit.
    #[arg(long, default_value_t = 18_000)]
    pub sockets: u32,
    /// Objects that have them.
    #[arg(long, default_value_t = 1_000)]
    pub objects: u32,
    /// More objects, without sockets, to learn what an object costs.
    #[arg(long, default_value_t = 10_000)]
    pub bare_objects: u32,
    /// Addresses of 127.0.0.0/8 that the sockets come from. More than one needs a server that allows each of them
    /// that many connections.
    #[arg(long, default_value_t = 1)]
    pub addresses: u8,
    /// A message that only reads.
    #[arg(long, default_value = "get")]
    pub read: String,
    /// A message that writes.
    #[arg(long, default_value = "add")]
    pub write: String,
    /// The method that makes an object without a socket.
    #[arg(long, default_value = "add")]
    pub method: String,
    /// Seconds without events after which an object of the class hibernates.
    #[arg(long, default_value_t = 10.0)]
    pub hibernates_after: f64,
    /// Seconds of idling that are measured.
    #[arg(long, default_value_t = 20.0)]
    pub seconds: f64,
    /// Writes the result as one JSON object.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Conditions on the result, such as "wake_read_ms.p99<3,bytes_per_socket<8192".
    #[arg(long)]
    pub slo: Option<String>,
}

/// Flags that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum IdleArgumentError {
    /// A number outside of what is allowed.
    #[error("--{flag}: expected {expected}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// What may be given.
        expected: &'static str,
    },
    /// The address.
    #[error("--url: expected http://HOST:PORT")]
    Url,
    /// The conditions.
    #[error("--slo: {0}")]
    Slo(#[from] SloError),
}

/// Flags that were checked.
#[derive(Debug, Clone)]
pub struct IdleOptions {
    /// As they were given.
    pub flags: IdleArguments,
    /// Until an object surely hibernates.
    pub rest: Duration,
    /// Of idling.
    pub window: Duration,
    /// Conditions on the result.
    pub slo: Vec<Slo>,
}

impl IdleArguments {
    /// Checks every flag.
    pub fn checked(self) -> Result<IdleOptions, IdleArgumentError> {
        let within = |fits: bool, flag, expected| {
            if fits { Ok(()) } else { Err(IdleArgumentError::Value { flag, expected }) }
        };
        within((10..=SOCKETS_MAX).contains(&self.sockets), "sockets", "10 to 60000")?;
        within((1..=OBJECTS_MAX.min(self.sockets)).contains(&self.objects), "objects", "1 to the sockets")?;
        within(self.bare_objects <= OBJECTS_MAX, "bare-objects", "at most 1000000")?;
        within((1..=ADDRESSES_MAX).contains(&self.addresses), "addresses", "1 to 200")?;
        within((0.1..=600.0).contains(&self.hibernates_after), "hibernates-after", "0.1 to 600")?;
        within((0.1..=3600.0).contains(&self.seconds), "seconds", "0.1 to 3600")?;
        if !self.url.starts_with("http://") {
            return Err(IdleArgumentError::Url);
        }
        Ok(IdleOptions {
            // Objects are looked at now and then, and their last writes take a moment.
            rest: Duration::from_secs_f64(self.hibernates_after + 2.0),
            window: Duration::from_secs_f64(self.seconds),
            slo: Slo::parse_all(self.slo.as_deref().unwrap_or_default())?,
            flags: self,
        })
    }
}
