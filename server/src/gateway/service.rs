//! Starts the gateway's threads and stops them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Endpoint, VarInt};
use tickstone_shared::wire::close::CloseCode;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::fanout::Fanout;
use super::http::{self, Api};
use super::hub::{Behind, Games, Hub};
use super::outlet::FanoutInbox;
use super::settings::Settings;
use super::tls::{self, CertificateError, Certificates};
use super::{listener, objects, quic, sweeper};
use crate::clock::ClockRef;
use crate::runtime::handle::ObjectsRef;

/// Threads of the gateway unless told otherwise.
const THREADS_MAX: usize = 4;
/// Threads for audits and listings.
const BLOCKING_THREADS_MAX: usize = 8;
/// How often a drain looks whether everybody is gone.
const DRAIN_LOOK: Duration = Duration::from_millis(5);
/// How long closed connections may be told so again when their clients did not hear it.
const QUIC_LINGER: Duration = Duration::from_millis(500);
/// The file of a dev server's own certificate.
const DEV_CERTIFICATE: &str = "dev-certificate.pem";
/// What an endpoint that closes tells those who are left.
const RESTARTING_CODE: u16 = CloseCode::Restarting.number();
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
    /// Whatever is said there could be read on the way.
    #[error("plain HTTP and WebSocket are for loopback, or for a proxy in front; {0} is neither")]
    Plain(SocketAddr),
    /// QUIC is always encrypted, and only dev mode makes its own certificate.
    #[error("QUIC needs a certificate outside dev mode")]
    NoCertificate,
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// The gateway, serving. To be stopped from a thread that is none of tokio's.
pub struct Gateway {
    runtime: Runtime,
    hub: Arc<Hub>,
    draining: watch::Sender<bool>,
    local_addr: SocketAddr,
    quic: Option<Endpoint>,
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
    let certificates = certificates(&settings, &served.clock)?;
    let (moderation, clock) = (served.inbox.moderation(), served.clock.clone());
    let runtime = threads(settings.threads, move || moderation.rest(&clock))?;
    let entered = runtime.enter();
    let listen = settings.listen;
    let failed = |source| GatewayError::Listen { listen, source };
    let listener = listener::bind(listen, settings.send_buffer_bytes).map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    settings.listen = local_addr;
    let quic = quic_endpoint(&mut settings, certificates.as_ref())?;
    drop(entered);
    let behind =
        Behind { objects: served.objects, groups: served.inbox.groups(), classes: served.api.classes() };
    let hub = Hub::new(settings, certificates, behind, served.clock, &served.api.metrics);
    let hub = Arc::new(hub);
    let (draining, drain) = watch::channel(false);
    let router = http::router(Arc::clone(&hub), served.api);
    runtime.spawn(Fanout::new(Arc::clone(&hub), served.games, served.inbox).run());
    runtime.spawn(sweeper::run(Arc::clone(&hub)));
    runtime.spawn(listener::run(listener, Arc::clone(&hub), router, drain.clone()));
    if let Some(certificates) = &hub.certificates {
        let every = hub.settings.certificate_look_every;
        runtime.spawn(tls::follow(Arc::clone(certificates), Arc::clone(&hub.clock), every));
    }
    if let Some(endpoint) = &quic {
        runtime.spawn(quic::run(endpoint.clone(), Arc::clone(&hub), drain));
    }
    Ok(Gateway { runtime, hub, draining, local_addr, quic })
}

/// From files where there are any; a dev server that speaks QUIC makes its own.
fn certificates(settings: &Settings, clock: &ClockRef) -> Result<Option<Arc<Certificates>>, GatewayError> {
    match &settings.tls {
        Some(files) => Ok(Some(Certificates::from_files(files.clone())?)),
        None if settings.quic.is_none() => Ok(None),
        None if settings.dev => {
            let now_s = clock.unix_ms() / 1000;
            let file = settings.kept.as_ref().map(|folder| folder.join(DEV_CERTIFICATE));
            Ok(Some(Certificates::dev(file.as_deref(), now_s)?))
        }
        None => Err(GatewayError::NoCertificate),
    }
}

/// Binds the UDP port, and notes where that came to be.
fn quic_endpoint(
    settings: &mut Settings,
    certificates: Option<&Arc<Certificates>>,
) -> Result<Option<Endpoint>, GatewayError> {
    let (Some(listen), Some(certificates)) = (settings.quic, certificates) else { return Ok(None) };
    let failed = |source| GatewayError::Listen { listen, source };
    let endpoint = quic::bind(listen, certificates, settings.kept.as_deref()).map_err(failed)?;
    settings.quic = Some(endpoint.local_addr().map_err(failed)?);
    Ok(Some(endpoint))
}

fn check(settings: &Settings) -> Result<(), GatewayError> {
    let is_loopback = settings.listen.ip().is_loopback();
    if settings.dev {
        let open =
            [Some(settings.listen), settings.quic].into_iter().flatten().find(|a| !a.ip().is_loopback());
        return open.map_or(Ok(()), |open| Err(GatewayError::DevNotLoopback(open)));
    }
    if !is_loopback && settings.tls.is_none() && !settings.behind_proxy {
        return Err(GatewayError::Plain(settings.listen));
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

    /// Where it listens for QUIC, if it does.
    pub fn quic_addr(&self) -> Option<SocketAddr> {
        self.hub.settings.quic
    }

    /// The SHA-256 of a dev server's own certificate, in hexadecimal.
    pub fn certificate_pin(&self) -> Option<String> {
        self.hub.certificates.as_ref()?.pin()
    }

    /// Accepts nothing any more, tells every client to come back, and waits until they are gone, at most
    /// `deadline`. Answers how many are not.
    pub fn drain(&self, deadline: Duration) -> usize {
        self.draining.send_replace(true);
        self.hub.begin_drain();
        let places = &self.hub.places;
        self.runtime.block_on(async {
            objects::park(&self.hub, deadline / 2).await;
            self.hub.groups.restart();
            let gone = async {
                while places.taken() > 0 {
                    tokio::time::sleep(DRAIN_LOOK).await;
                }
            };
            // Those who are not gone by then are counted below.
            let _ = tokio::time::timeout(deadline, gone).await;
            if let Some(endpoint) = &self.quic {
                endpoint.close(VarInt::from(RESTARTING_CODE), b"the server restarts");
                // Until lost closes have been said again. Whoever misses them finds the server silent.
                let _ = tokio::time::timeout(QUIC_LINGER.min(deadline), endpoint.wait_idle()).await;
            }
        });
        places.taken()
    }

    /// Ends every task.
    pub fn stop(self) {
        self.runtime.shutdown_timeout(STOP_TIMEOUT);
    }
}
