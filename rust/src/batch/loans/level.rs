//! The payment of each loan, without its rows.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::resolve::Layout;
use super::settings::LoanSettings;
use crate::batch::pool::{Poll, filled, for_each, stretches};
use crate::debt::{Entry, Sink};
use crate::error::{Error, IssueLog};

/// The first payment of principal and interest: what it would be with nothing but its loan's terms.
#[derive(Default)]
struct First<A> {
    payment: A,
    found: bool,
    number: usize,
}

impl<A: LoanAmount> Sink<A> for First<A> {
    fn entry(&mut self, entry: &Entry<A>) {
        if entry.number == self.number && !self.found {
            self.payment = entry.payment;
            self.found = true;
        }
    }
}

/// The first payment of each loan that is not of interest alone; 0 for loans that are left out or wrong.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`].
pub fn payment_amounts<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    poll: Poll<'_>,
) -> Result<(IssueLog, Vec<A>), Error> {
    let mut amounts = filled(loans.len, A::zero())?;
    let size = settings.chunk_size(loans.len);
    let tasks = stretches(loans.len, size).into_iter().zip(amounts.chunks_mut(size)).collect();
    let init = || (LoanChunk::<A>::default(), Layout::default());
    let work = |(chunk, layout): &mut (LoanChunk<A>, Layout<A>), (range, slots): (Range<usize>, &mut [A])| {
        chunk.read(loans, settings, &range);
        for (index, slot) in slots.iter_mut().enumerate() {
            let number = chunk.with(loans, settings, index, layout, |loan| loan.interest_only.saturating_add(1));
            let mut first = First { number: number.unwrap_or(0), ..First::default() };
            chunk.run_together(loans, settings, index, layout, &mut first);
            *slot = first.payment;
        }
        Ok(())
    };
    let states = for_each(tasks, settings.threads, poll, &init, &work)?;
    let mut log = IssueLog::default();
    states.into_iter().for_each(|(chunk, _)| log.merge(chunk.reader.log));
    Ok((log, amounts))
}
