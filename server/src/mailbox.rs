//! Bounded queues that tick threads may use.
//!
//! A tick thread runs under SCHED_FIFO. A lock-free channel makes it spin when the thread at the other end was
//! preempted in the middle of an operation; on the same processor that thread then never runs again until the
//! kernel throttles the spinner: measured, with crossbeam-channel on one core and 500 players, as stalls of
//! 960 ms. A mutex that sleeps in the kernel has no such case: the tick thread gives way, for the few
//! nanoseconds the other needs.
//!
//! Full policy: the item comes back to the sender, who says what that means.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::Thread;

const POISON: &str = "no code under this lock panics";

#[derive(Debug)]
struct Shared<T> {
    items: Mutex<VecDeque<T>>,
    /// How many there are, readable without the lock.
    length: AtomicUsize,
    items_max: usize,
}

impl<T> Shared<T> {
    fn items(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.items.lock().expect(POISON)
    }
}

/// The sending end. Any number of threads may have one.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// The receiving end.
#[derive(Debug)]
pub struct Receiver<T>(Arc<Shared<T>>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A queue of at most `items_max` items.
pub fn mailbox<T>(items_max: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared { items: Mutex::default(), length: AtomicUsize::new(0), items_max });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Sender<T> {
    /// Adds an item, or gives it back if the queue is full.
    pub fn offer(&self, item: T) -> Result<(), T> {
        let mut items = self.0.items();
        if items.len() >= self.0.items_max {
            return Err(item);
        }
        items.push_back(item);
        self.0.length.store(items.len(), Ordering::Release);
        Ok(())
    }

    /// Adds an item whatever the limit: for answers, of which there are as many as was asked for.
    pub fn put(&self, item: T) {
        let mut items = self.0.items();
        items.push_back(item);
        self.0.length.store(items.len(), Ordering::Release);
    }

    /// Adds what there is room for, in order, under one lock; hands the rest to `refused`. What `offered` does
    /// for its items it does under the lock, too.
    pub fn offer_all(&self, mut offered: impl Iterator<Item = T>, refused: impl FnMut(T)) {
        {
            let mut items = self.0.items();
            while items.len() < self.0.items_max
                && let Some(item) = offered.next()
            {
                items.push_back(item);
            }
            self.0.length.store(items.len(), Ordering::Release);
        }
        offered.for_each(refused);
    }
}

impl<T> Receiver<T> {
    /// The oldest item.
    pub fn take(&self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let mut items = self.0.items();
        let item = items.pop_front();
        self.0.length.store(items.len(), Ordering::Release);
        item
    }

    /// Moves every item there is now to the end of `taken`. If that is empty, the two change buffers, so that
    /// a steady flow allocates nothing.
    pub fn take_all(&self, taken: &mut VecDeque<T>) {
        if self.is_empty() {
            return;
        }
        let mut items = self.0.items();
        self.0.length.store(0, Ordering::Release);
        if taken.is_empty() {
            std::mem::swap(&mut *items, taken);
        } else {
            taken.append(&mut items);
        }
    }

    /// Items there are now.
    pub fn len(&self) -> usize {
        self.0.length.load(Ordering::Acquire)
    }

    /// There is none now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Wakes the one thread that sleeps over a queue, if it does.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<OnceLock<Thread>>);

impl Bell {
    /// From now on the calling thread is the one that is woken. It sleeps with `std::thread::park_timeout`.
    pub fn hang_here(&self) {
        // A second thread would never be woken: the first one keeps the bell.
        let _already = self.0.set(std::thread::current());
    }

    /// Wakes it, or keeps it from its next sleep.
    pub fn ring(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_gives_the_item_back() {
        let (sender, receiver) = mailbox(2);
        assert_eq!((sender.offer(1), sender.offer(2), sender.offer(3)), (Ok(()), Ok(()), Err(3)));
        assert_eq!(receiver.take(), Some(1));
        let mut refused = Vec::new();
        let mut offered = vec![4, 5, 6];
        sender.offer_all(offered.drain(..), |item| refused.push(item));
        assert_eq!((refused, offered.len(), receiver.len()), (vec![5, 6], 0, 2));
        let mut taken = VecDeque::from([1]);
        receiver.take_all(&mut taken);
        assert_eq!(taken, [1, 2, 4]);
        assert_eq!((receiver.take(), receiver.is_empty()), (None, true));
    }

    #[test]
    fn nothing_is_lost_or_doubled_between_threads() {
        let (sender, receiver) = mailbox(64);
        let senders: Vec<_> = (0..4)
            .map(|from| {
                let sender = sender.clone();
                std::thread::spawn(move || {
                    for number in 0..1000 {
                        while sender.offer((from, number)).is_err() {
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut next = [0; 4];
        while next.iter().sum::<i32>() < 4000 {
            if let Some((from, number)) = receiver.take() {
                assert_eq!(next[from], number);
                next[from] += 1;
            }
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    }

    #[test]
    fn a_bell_wakes_the_thread_it_hangs_at() {
        let (bell, (sender, receiver)) = (Bell::default(), mailbox(1));
        let rung = bell.clone();
        let sleeper = std::thread::spawn(move || {
            rung.hang_here();
            while receiver.is_empty() {
                std::thread::park_timeout(std::time::Duration::from_secs(60));
            }
            receiver.take()
        });
        sender.offer(7).unwrap();
        while !sleeper.is_finished() {
            bell.ring();
            std::thread::yield_now();
        }
        assert_eq!(sleeper.join().unwrap(), Some(7));
    }
}
