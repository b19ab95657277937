//! The payment of each loan, without its rows.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::resolve::Layout;
use super::settings::LoanSettings;
use crate::batch::pool::{Poll, filled, for_each, stretches};
use crate::debt::{Entry, Profile, Sink};
use crate::error::{Error, IssueLog};

/// What the first payment that is not of interest alone comes to.
struct First<A> {
    number: usize,
    /// Whether the level amount is meant rather than what is paid: holidays and long months do not change it.
    level: bool,
    payment: Option<A>,
}

impl<A: LoanAmount> Sink<A> for First<A> {
    fn entry(&mut self, entry: &Entry<A>) {
        if entry.number == self.number {
            self.payment.get_or_insert(if self.level { entry.level } else { entry.payment });
        }
    }
}

/// The level payment of each loan, or its first payment that is not of interest alone; 0 for loans that are left out or wrong.
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
            let first = chunk.run_with(loans, settings, index, layout, |loan| First {
                number: loan.interest_only.saturating_add(1),
                level: matches!(loan.profile, Profile::LevelPayment),
                payment: None,
            });
            *slot = first.and_then(|first| first.payment).unwrap_or_default();
        }
        Ok(())
    };
    let states = for_each(tasks, settings.threads, poll, &init, &work)?;
    let mut log = IssueLog::default();
    states.into_iter().for_each(|(chunk, _)| log.merge(chunk.reader.log));
    Ok((log, amounts))
}
