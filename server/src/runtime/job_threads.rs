//! The threads that do the computations of jobs, away from the workers. Full policy: a computation more than
//! the queue holds ends at once as overloaded.

use std::sync::Arc;
use std::thread::Builder;

use super::panic_guard::guard;
use super::ports::{Done, Jobs, Work};
use crate::object::job::{HttpJob, JobError};

/// Computations that wait for a thread.
const QUEUE_MAX: usize = 1024;
/// Threads for them.
const THREADS: usize = 2;

/// Asks other servers, for a server that is given a way to. Called on a thread that may wait.
pub type HttpPort = Arc<dyn Fn(HttpJob) -> Result<serde_json::Value, String> + Send + Sync>;

/// The threads.
pub struct JobThreads {
    queue: crossbeam_channel::Sender<(Work, Done)>,
}

impl JobThreads {
    /// Starts them. They end with the last of its clones.
    pub fn start(http: Option<&HttpPort>) -> std::io::Result<Self> {
        let (queue, work) = crossbeam_channel::bounded::<(Work, Done)>(QUEUE_MAX);
        for number in 0..THREADS {
            let (work, http) = (work.clone(), http.cloned());
            Builder::new().name(format!("jobs-{number}")).spawn(move || {
                for (work, done) in work {
                    done(run(work, http.as_ref()));
                }
            })?;
        }
        Ok(Self { queue })
    }
}

fn run(work: Work, http: Option<&HttpPort>) -> crate::object::job::JobResult {
    let result = guard(|| match (work, http) {
        (Work::Compute(computation), _) => computation().map_err(JobError::Failed),
        (Work::Http(request), Some(http)) => http(request).map_err(JobError::Failed),
        (Work::Http(_), None) => Err(JobError::Unavailable),
    });
    result.unwrap_or_else(|panic| Err(JobError::Failed(panic)))
}

impl Jobs for JobThreads {
    fn run(&self, work: Work, done: Done) {
        if let Err(refused) = self.queue.try_send((work, done)) {
            let (_, done) = refused.into_inner();
            done(Err(JobError::Overloaded));
        }
    }
}
