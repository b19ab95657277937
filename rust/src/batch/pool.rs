//! Threads for one call: started by it, joined by it.
//!
//! Scoped threads leave nothing behind that a fork could inherit broken, and the calling thread takes its share of
//! the work, so one thread (and one chunk) never starts another. Only the calling thread is asked whether to stop,
//! between chunks; the others see the flag before their next.
#![forbid(unsafe_code)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Asked on the calling thread at least every 20 ms: `true` means stop.
pub type Poll<'a> = &'a mut dyn FnMut() -> bool;

const POLL_EVERY: Duration = Duration::from_millis(20);

/// Runs `work` on every task over at most `threads` threads, each with a state of its own; returns the states.
///
/// # Errors
/// The first error of any task, [`Error::Interrupted`] when asked to stop, [`Error::Internal`] for a lost worker.
pub fn for_each<T: Send, S: Send>(
    tasks: Vec<T>,
    threads: usize,
    poll: Poll<'_>,
    init: &(dyn Fn() -> S + Sync),
    work: &(dyn Fn(&mut S, T) -> Result<(), Error> + Sync),
) -> Result<Vec<S>, Error> {
    for_each_then(tasks, threads, poll, init, work, &|_| Ok(()))
}

/// As [`for_each`]; each thread also runs `finish` on its state when no task is left.
///
/// # Errors
/// As [`for_each`].
pub fn for_each_then<T: Send, S: Send>(
    tasks: Vec<T>,
    threads: usize,
    poll: Poll<'_>,
    init: &(dyn Fn() -> S + Sync),
    work: &(dyn Fn(&mut S, T) -> Result<(), Error> + Sync),
    finish: &(dyn Fn(&mut S) -> Result<(), Error> + Sync),
) -> Result<Vec<S>, Error> {
    run(tasks, threads, poll, init, &|state, task, _| work(state, task), finish)
}

/// As [`for_each`], for tasks that may take long: each may ask on its way whether to stop.
///
/// # Errors
/// As [`for_each`].
pub fn for_each_asking<T: Send, S: Send>(
    tasks: Vec<T>,
    threads: usize,
    poll: Poll<'_>,
    init: &(dyn Fn() -> S + Sync),
    work: &(dyn Fn(&mut S, T, Poll<'_>) -> Result<(), Error> + Sync),
) -> Result<Vec<S>, Error> {
    run(tasks, threads, poll, init, work, &|_| Ok(()))
}

fn run<T: Send, S: Send>(
    tasks: Vec<T>,
    threads: usize,
    poll: Poll<'_>,
    init: &(dyn Fn() -> S + Sync),
    work: &(dyn Fn(&mut S, T, Poll<'_>) -> Result<(), Error> + Sync),
    finish: &(dyn Fn(&mut S) -> Result<(), Error> + Sync),
) -> Result<Vec<S>, Error> {
    let helpers = threads.min(tasks.len()).saturating_sub(1);
    let queue = Mutex::new(tasks.into_iter());
    let stop = AtomicBool::new(false);
    let next = || -> Option<T> {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        // A poisoned queue belongs to a worker that panicked; its join reports that.
        queue.lock().ok()?.next()
    };
    let helper = || -> Result<S, Error> {
        let mut state = init();
        while let Some(task) = next() {
            work(&mut state, task, &mut || stop.load(Ordering::Relaxed))
                .inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
        }
        finish(&mut state)?;
        Ok(state)
    };
    std::thread::scope(|scope| {
        let mut handles = Vec::new();
        for _ in 0..helpers {
            // No thread to be had (RLIMIT_NPROC): the calling thread does the work alone.
            match std::thread::Builder::new().spawn_scoped(scope, helper) {
                Ok(handle) => handles.push(handle),
                Err(_) => break,
            }
        }
        let mut last = Instant::now();
        let mut own = init();
        let mut outcome = Ok(());
        let mut ask = || {
            let is_due = last.elapsed() >= POLL_EVERY;
            if is_due {
                last = Instant::now();
            }
            is_due && poll()
        };
        while let Some(task) = next() {
            outcome = work(&mut own, task, &mut ask);
            if outcome.is_ok() && ask() {
                outcome = Err(Error::Interrupted);
            }
            if outcome.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        outcome = outcome.and_then(|()| finish(&mut own));
        let mut states = vec![own];
        for handle in handles {
            match handle.join() {
                Ok(Ok(state)) => states.push(state),
                Ok(Err(error)) => outcome = outcome.and(Err(error)),
                Err(_) => outcome = Err(Error::Internal),
            }
        }
        outcome.map(|()| states)
    })
}

/// `len` copies of `value`; memory that cannot be had is an error, not an abort.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>, Error> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(len).map_err(|_| Error::OutOfMemory(len.saturating_mul(size_of::<T>())))?;
    vec.resize(len, value);
    Ok(vec)
}

/// Consecutive stretches of at most `size` rows.
pub fn stretches(len: usize, size: usize) -> Vec<std::ops::Range<usize>> {
    let size = size.max(1);
    (0..len).step_by(size).map(|start| start..start.saturating_add(size).min(len)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;

    #[test]
    fn every_task_is_done_once() {
        for threads in [1, 2, 7] {
            let sums = for_each((0..1000_u64).collect(), threads, &mut || false, &|| 0, &|sum: &mut u64, task| {
                *sum += task;
                Ok(())
            });
            assert_eq!(sums.unwrap().iter().sum::<u64>(), 499_500);
        }
    }

    #[test]
    fn a_request_to_stop_is_heard() {
        let result = for_each((0..100_000).collect(), 2, &mut || true, &|| (), &|(): &mut (), _: i32| {
            std::thread::sleep(Duration::from_millis(1));
            Ok(())
        });
        assert_eq!(result.unwrap_err(), Error::Interrupted);
    }

    #[test]
    fn errors_and_panics_come_back() {
        let fail = |(): &mut (), task: i32| if task == 500 { Err(Error::TotalOverflow) } else { Ok(()) };
        for threads in [1, 3] {
            assert_eq!(
                for_each((0..1000).collect(), threads, &mut || false, &|| (), &fail).unwrap_err(),
                Error::TotalOverflow
            );
        }
    }

    #[test]
    fn stretches_cover() {
        assert_eq!(stretches(5, 2), vec![0..2, 2..4, 4..5]);
        assert!(stretches(0, 2).is_empty());
    }
}
