//! Percent schedule: with each payment a share of what was drawn; what the shares leave is the balloon.
#![forbid(unsafe_code)]

use super::{Amount, Due, Fault};
use crate::rate::AnnualRate;

/// The balance is rounded, not the payment: paid through payment k is half-even(drawn x cumulative share), so that
/// roundings do not add up. A payment that was missed stays missed: its share is part of the balloon.
///
/// After a prepayment that makes later payments smaller, shares are of what was then owed, each over what the shares
/// before had left.
///
/// # Errors
/// [`Fault::Overflow`].
pub fn principal<A: Amount>(due: &Due<A>, shares: &[i64]) -> Result<A, Fault> {
    let share = |number: usize| {
        let share = number.checked_sub(1).and_then(|at| shares.get(at).or(shares.last()));
        share.copied().unwrap_or(0)
    };
    let before = share(due.since);
    let whole = AnnualRate::UNIT.saturating_sub(before).max(1);
    let through = |number: usize| due.basis.portion(share(number).saturating_sub(before), whole);
    let paid = through(due.number.saturating_sub(1));
    through(due.number).minus(paid).ok_or(Fault::Overflow)
}
