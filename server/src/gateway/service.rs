//! Starts the gateway's threads and stops them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::fanout::Fanout;
use super::http::{self, Api};
use super::hub::{Games, Hub};
use super::outlet::FanoutInbox;
use super::settings::Settings;
use super::{listener, sweeper};
use crate::clock::ClockRef;
use crate::runtime::handle::ObjectsRef;

/// Threads of the gateway unless told otherwise.
const THREADS_MAX: usize = 4;
/// Threads for audits and listings.
const BLOCKING_THREADS_MAX: usize = 8;
/// How often a drain looks whether everybody is gone.
const DRAIN_LOOK: Duration = Duration::from_millis(5);
/// How long tasks may take to notice that the gateway stops.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address cannot be listened on: taken, or not this machine's.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start the gateway's threads: {0}")]
    Threads(io::Error),
    /// Dev mode lets everybody in, so it stays on this machine.
    #[error("dev mode listens on loopback only; {0} is not")]
    DevNotLoopback(SocketAddr),
}

/// The gateway, serving. To be stopped from a thread that is none of tokio's.
pub struct Gateway {
    runtime: Runtime,
    hub: Arc<Hub>,
    draining: watch::Sender<bool>,
    local_addr: SocketAddr,
}

/// What the gateway serves.
pub struct Served {
    /// The way in.
    pub objects: ObjectsRef,
    /// The runtime's way out: the other end of [`super::outlet()`].
    pub inbox: FanoutInbox,
    /// Whose inputs can be read.
    pub games: Games,
    /// What the HTTP routes need.
    pub api: Api,
    /// The time.
    pub clock: ClockRef,
}

/// Binds, starts threads, serves.
pub fn serve(mut settings: Settings, served: Served) -> Result<Gateway, GatewayError> {
    check(&settings)?;
    let (moderation, clock) = (served.inbox.moderation(), served.clock.clone());
    let runtime = threads(settings.threads, move || moderation.rest(&clock))?;
    let listen = settings.listen;
    let failed = |source| GatewayError::Listen { listen, source };
    let entered = runtime.enter();
    let listener = listener::bind(listen, settings.send_buffer_bytes).map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    drop(entered);
    settings.listen = local_addr;
    let hub = Arc::new(Hub::new(settings, served.objects, served.clock, &served.api.metrics));
    let (draining, drain) = watch::channel(false);
    let router = http::router(Arc::clone(&hub), served.api);
    runtime.spawn(Fanout::new(Arc::clone(&hub), served.games, served.inbox).run());
    runtime.spawn(sweeper::run(Arc::clone(&hub)));
    runtime.spawn(listener::run(listener, Arc::clone(&hub), router, drain));
    Ok(Gateway { runtime, hub, draining, local_addr })
}

fn check(settings: &Settings) -> Result<(), GatewayError> {
    if settings.dev {
        let is_loopback = settings.listen.ip().is_loopback();
        return if is_loopback { Ok(()) } else { Err(GatewayError::DevNotLoopback(settings.listen)) };
    }
    Ok(())
}

fn threads(count: Option<usize>, rest: impl Fn() + Send + Sync + 'static) -> Result<Runtime, GatewayError> {
    let machine = std::thread::available_parallelism().map_or(1, usize::from);
    let count = count.unwrap_or(machine.saturating_sub(1).clamp(1, THREADS_MAX)).max(1);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(count)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("gateway")
        .on_thread_park(rest)
        .enable_io()
        .enable_time()
        .build()
        .map_err(GatewayError::Threads)
}

impl Gateway {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Accepts nothing any more, tells every client to come back, and waits until they are gone, at most
    /// `deadline`. Answers how many are not.
    pub fn drain(&self, deadline: Duration) -> usize {
        self.draining.send_replace(true);
        self.hub.begin_drain();
        let places = &self.hub.places;
        self.runtime.block_on(async {
            let gone = async {
                while places.taken() > 0 {
                    tokio::time::sleep(DRAIN_LOOK).await;
                }
            };
            // Those who are not gone by then are counted below.
            let _ = tokio::time::timeout(deadline, gone).await;
        });
        places.taken()
    }

    /// Ends every task.
    pub fn stop(self) {
        self.runtime.shutdown_timeout(STOP_TIMEOUT);
    }
}
