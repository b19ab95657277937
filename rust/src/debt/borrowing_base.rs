//! Borrowing base: what is owed stays at or under a share of what the collateral is worth.
#![forbid(unsafe_code)]

use super::{Amount, Fault, ResolvedLoan};
use crate::calendar::Date;

/// What must be repaid to come down to the limit.
///
/// # Errors
/// [`Fault::Overflow`].
pub fn excess<A: Amount>(balance: A, limit: A) -> Result<A, Fault> {
    Ok(balance.minus(limit).ok_or(Fault::Overflow)?.at_least_zero())
}

impl<A: Amount> ResolvedLoan<'_, A> {
    /// What may be owed on a day, where anything limits it.
    #[must_use]
    pub fn limit_on(&self, date: Date) -> Option<A> {
        let after = self.limits.partition_point(|(from, _)| *from <= date);
        after.checked_sub(1).and_then(|at| self.limits.get(at)).map(|(_, limit)| *limit)
    }
}
