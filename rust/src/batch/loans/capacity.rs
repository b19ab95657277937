//! Amounts found by running loans: what repays them in full, and the most that a cash flow repays.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::resolve::Layout;
use super::settings::LoanSettings;
use crate::batch::columns::Load;
use crate::batch::pool::{Poll, filled, for_each, stretches};
use crate::debt::{Entry, Profile, ResolvedLoan, Sink, amortize};
use crate::error::{Error, IssueLog};

/// Finds one amount for each loan.
fn each_loan<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    poll: Poll<'_>,
    find: impl Fn(&mut LoanChunk<A>, &mut Layout<A>, (usize, usize)) -> A + Sync,
) -> Result<(IssueLog, Vec<A>), Error> {
    let mut amounts = filled(loans.len, A::zero())?;
    let size = settings.chunk_size(loans.len);
    let tasks = stretches(loans.len, size).into_iter().zip(amounts.chunks_mut(size)).collect();
    let init = || (LoanChunk::<A>::default(), Layout::default());
    let work = |(chunk, layout): &mut (LoanChunk<A>, Layout<A>), (range, slots): (Range<usize>, &mut [A])| {
        chunk.read(loans, settings, &range);
        for (index, slot) in slots.iter_mut().enumerate() {
            *slot = find(chunk, layout, (index, range.start.saturating_add(index)));
        }
        Ok(())
    };
    let states = for_each(tasks, settings.threads, poll, &init, &work)?;
    let mut log = IssueLog::default();
    states.into_iter().for_each(|(chunk, _)| log.merge(chunk.reader.log));
    Ok((log, amounts))
}

/// What was paid in full repayment.
struct Payoff<A>(A);

impl<A: LoanAmount> Sink<A> for Payoff<A> {
    fn entry(&mut self, entry: &Entry<A>) {
        self.0 = self.0.plus(entry.payoff).unwrap_or(self.0);
    }
}

/// The payoff of each loan that is repaid in full: principal, interest, premium and fees; 0 for others.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`].
pub fn loan_payoffs<A: LoanAmount>(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    poll: Poll<'_>,
) -> Result<(IssueLog, Vec<A>), Error> {
    each_loan(loans, settings, poll, |chunk, layout, (index, _)| {
        let mut payoff = Payoff(A::zero());
        chunk.run(loans, settings, index, layout, &mut payoff);
        payoff.0
    })
}

/// Whether each payment stays within what it may take.
struct Covered<'a> {
    services: &'a [i64],
    fits: bool,
}

impl Sink<i64> for Covered<'_> {
    fn entry(&mut self, entry: &Entry<i64>) {
        if entry.scheduled {
            let service = entry.number.checked_sub(1).and_then(|at| self.services.get(at)).copied().unwrap_or(0);
            self.fits &= entry.interest.saturating_add(entry.principal) <= service;
        }
    }
}

/// Whether a principal is repaid by what the payments may take: the interest of each, and the last clears the balance.
fn is_repaid(loan: &ResolvedLoan<'_, i64>, principal: i64, services: &[i64]) -> bool {
    let mut covered = Covered { services, fits: true };
    let tried = ResolvedLoan { principal, ..*loan };
    amortize(&tried, &mut (), &mut covered).is_ok() && covered.fits
}

/// The largest principal of each sculpted loan, at most `most`, that its payments repay in full.
///
/// A larger principal leaves a larger balance after each payment, since the balance grows by its rounded interest and
/// falls by the same payment; so whatever repays one repays each smaller one, and bisection finds the largest.
///
/// # Errors
/// [`Error::Interrupted`], [`Error::OutOfMemory`].
pub fn debt_capacities(
    loans: &Loans<'_>,
    settings: &LoanSettings,
    most: &dyn Load<i64>,
    poll: Poll<'_>,
) -> Result<(IssueLog, Vec<i64>), Error> {
    each_loan(loans, settings, poll, |chunk, layout, (index, row)| {
        let mut bound = [0_i64];
        most.load(row, &mut bound);
        let [bound] = bound;
        let found = chunk.with(loans, settings, index, layout, |loan| {
            let Profile::Sculpted(services) = loan.profile else { return 0 };
            if is_repaid(loan, bound, services) {
                return bound;
            }
            // 0 is repaid by nothing; the bound is not.
            let (mut repaid, mut too_much) = (0, bound);
            while too_much.saturating_sub(repaid) > 1 {
                let middle = repaid.midpoint(too_much);
                if is_repaid(loan, middle, services) {
                    repaid = middle;
                } else {
                    too_much = middle;
                }
            }
            repaid
        });
        found.unwrap_or(0)
    })
}
