//! Covenants over threads: each is tested by one of them, date after date.
#![forbid(unsafe_code)]

use super::pool::{Poll, for_each};
use crate::covenant::{Book, CrossOutcome, Outcome, Status};
use crate::error::Error;

/// Covenants that one task tests.
const TASK: usize = 64;

/// What all tests found.
pub struct Tested {
    /// Covenant after covenant.
    pub outcomes: Vec<Outcome>,
    /// Where each covenant's begin, and the end of the last.
    pub offsets: Vec<usize>,
    /// Cross-defaults, entity after entity.
    pub cross: Vec<CrossOutcome>,
}

/// Tests every covenant, then carries defaults along.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`], [`Error::TotalOverflow`].
pub fn test_covenants(book: &Book, threads: usize, poll: Poll<'_>) -> Result<Tested, Error> {
    let mut offsets = vec![0];
    let mut total: usize = 0;
    for number in 0..book.covenants.len() {
        total = total.saturating_add(book.covenant(number).map_or(0, |covenant| covenant.due().count()));
        offsets.push(total);
    }
    let mut outcomes = Vec::new();
    let bytes = total.saturating_mul(size_of::<Outcome>());
    outcomes.try_reserve_exact(total).map_err(|_| Error::OutOfMemory(bytes))?;
    outcomes.resize(total, Outcome::blank(0, Status::NotTested));
    let mut rest: &mut [Outcome] = &mut outcomes;
    let mut tasks = Vec::new();
    let mut taken = 0;
    for first in (0..book.covenants.len()).step_by(TASK) {
        let last = first.saturating_add(TASK).min(book.covenants.len());
        let end = offsets.get(last).copied().unwrap_or(taken);
        let (part, other) =
            std::mem::take(&mut rest).split_at_mut_checked(end.saturating_sub(taken)).unwrap_or_default();
        tasks.push((first..last, part));
        (rest, taken) = (other, end);
    }
    let work = |(): &mut (), (numbers, part): (std::ops::Range<usize>, &mut [Outcome])| {
        let mut left = part;
        for number in numbers {
            let Some(covenant) = book.covenant(number) else { continue };
            let count = covenant.due().count();
            let Some((own, other)) = std::mem::take(&mut left).split_at_mut_checked(count) else { break };
            covenant.test_into(own)?;
            left = other;
        }
        Ok(())
    };
    for_each(tasks, threads, poll, &|| (), &work)?;
    let parts: Vec<&[Outcome]> = offsets
        .windows(2)
        .map(|pair| match pair {
            [start, end] => outcomes.get(*start..*end).unwrap_or_default(),
            _ => &[],
        })
        .collect();
    let cross = if book.edges.is_empty() { Vec::new() } else { book.cross_default(&parts) };
    Ok(Tested { outcomes, offsets, cross })
}
