//! The threads that do the work of jobs, away from the workers: some compute, others wait for the world outside, so
//! that neither holds the other up. Full policy: work that its queue does not hold ends at once as overloaded.

use std::io;
use std::thread::Builder;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::panic_guard::guard;
use super::ports::{Done, Jobs, Work};
use crate::object::job::{Computation, JobError};

/// Work of a kind that waits for a thread.
pub const QUEUE_MAX: usize = 1024;
/// Threads that compute.
const COMPUTING: usize = 2;
/// Threads that wait for the world outside: as many requests are on their way at once.
const OUTSIDE: usize = 16;

type Queued = (Computation, Done);

/// The threads. They end when this is gone and what was queued is done.
pub struct JobThreads {
    computing: Sender<Queued>,
    outside: Sender<Queued>,
}

impl JobThreads {
    /// Starts them.
    pub fn start() -> io::Result<Self> {
        Ok(Self { computing: threads("compute", COMPUTING)?, outside: threads("outside", OUTSIDE)? })
    }
}

fn threads(kind: &str, count: usize) -> io::Result<Sender<Queued>> {
    let (queue, work) = bounded::<Queued>(QUEUE_MAX);
    for number in 0..count {
        let work = work.clone();
        Builder::new().name(format!("{kind}-{number}")).spawn(move || run(&work))?;
    }
    Ok(queue)
}

fn run(work: &Receiver<Queued>) {
    for (computation, done) in work {
        let result = guard(|| computation().map_err(JobError::Failed));
        done(result.unwrap_or_else(|panic| Err(JobError::Failed(panic))));
    }
}

impl Jobs for JobThreads {
    fn run(&self, work: Work, done: Done) {
        let (queue, computation) = match work {
            Work::Compute(computation) => (&self.computing, computation),
            Work::Outside(computation) => (&self.outside, computation),
        };
        if let Err(refused) = queue.try_send((computation, done)) {
            let (_, done) = refused.into_inner();
            done(Err(JobError::Overloaded));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::mpsc;
    use std::time::Duration;

    /// How long anything may take before a test fails.
    const PATIENCE: Duration = Duration::from_secs(20);

    type Told = mpsc::Receiver<Result<Value, JobError>>;

    fn begin(jobs: &JobThreads, work: Work) -> Told {
        let (told, receiver) = mpsc::channel();
        jobs.run(work, Box::new(move |result| told.send(result).unwrap()));
        receiver
    }

    fn compute(work: impl FnOnce() -> Result<Value, String> + Send + 'static) -> Work {
        Work::Compute(Box::new(work))
    }

    #[test]
    fn gate_2_work_runs_on_threads_of_its_own_and_what_it_comes_to_is_told() {
        let jobs = JobThreads::start().unwrap();
        let name = || Ok(json!(std::thread::current().name()));
        let soon = |told: Told| told.recv_timeout(PATIENCE).unwrap();
        let on = soon(begin(&jobs, compute(name))).unwrap();
        assert!(on.as_str().unwrap().starts_with("compute-"), "{on}");
        let on = soon(begin(&jobs, Work::Outside(Box::new(name)))).unwrap();
        assert!(on.as_str().unwrap().starts_with("outside-"), "{on}");
        let failed = soon(begin(&jobs, compute(|| Err("no".to_owned()))));
        assert_eq!(failed, Err(JobError::Failed("no".to_owned())));
        for _ in 0..2 * COMPUTING {
            let panicked = soon(begin(&jobs, compute(|| panic!("the test wants a panic"))));
            assert!(matches!(panicked, Err(JobError::Failed(_))), "{panicked:?}");
        }
        assert_eq!(soon(begin(&jobs, compute(|| Ok(json!(7))))), Ok(json!(7)), "the threads outlive it");
    }

    #[test]
    fn gate_2_who_waits_for_the_world_outside_holds_no_computation_up() {
        let jobs = JobThreads::start().unwrap();
        let (arrived, arrivals) = mpsc::channel();
        let asked: Vec<_> = (0..OUTSIDE)
            .map(|number| {
                let (answer, answered) = mpsc::channel();
                let arrived = arrived.clone();
                let wait = move || {
                    arrived.send(answer).unwrap();
                    let answer: Value = answered.recv().map_err(|error| error.to_string())?;
                    Ok(json!([number, answer]))
                };
                begin(&jobs, Work::Outside(Box::new(wait)))
            })
            .collect();
        let waiting: Vec<_> = (0..OUTSIDE).map(|_| arrivals.recv_timeout(PATIENCE).unwrap()).collect();
        let computed = begin(&jobs, compute(|| Ok(json!("meanwhile"))));
        assert_eq!(computed.recv_timeout(PATIENCE).unwrap(), Ok(json!("meanwhile")));
        waiting.iter().for_each(|answer| answer.send(json!("hello")).unwrap());
        for (number, told) in asked.iter().enumerate() {
            assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Ok(json!([number, "hello"])));
        }
    }

    #[test]
    fn gate_2_one_more_than_the_queue_holds_is_refused_at_once() {
        let jobs = JobThreads::start().unwrap();
        let (entered, is_in) = mpsc::channel();
        let mut gates = Vec::new();
        let mut held = Vec::new();
        for _ in 0..COMPUTING {
            let (open, gate) = mpsc::channel::<()>();
            let entered = entered.clone();
            held.push(begin(
                &jobs,
                compute(move || {
                    entered.send(()).unwrap();
                    let _opened = gate.recv();
                    Ok(Value::Null)
                }),
            ));
            gates.push(open);
        }
        gates.iter().for_each(|_| is_in.recv_timeout(PATIENCE).unwrap());
        let queued: Vec<_> = (0..QUEUE_MAX).map(|n| begin(&jobs, compute(move || Ok(json!(n))))).collect();
        let one_more = begin(&jobs, compute(|| Ok(Value::Null)));
        assert_eq!(one_more.try_recv(), Ok(Err(JobError::Overloaded)));
        drop(gates);
        for told in held.iter().chain(&queued) {
            assert!(told.recv_timeout(PATIENCE).unwrap().is_ok(), "everything that was taken is done");
        }
    }
}
