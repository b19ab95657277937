//! Sculpted: payments follow a cash flow, so that it covers each of them by the same ratio (debt service coverage).
#![forbid(unsafe_code)]

use super::{Amount, Due, Fault};
use crate::rate::AnnualRate;

/// What a payment may take of a cash flow at a target ratio: rounded down, so that cash flow / payment >= ratio holds
/// exactly.
///
/// # Errors
/// [`Fault::Overflow`].
pub fn service<A: Amount>(cash_flow: A, ratio: AnnualRate) -> Result<A, Fault> {
    cash_flow.at_most(AnnualRate::UNIT, ratio.parts()).ok_or(Fault::Overflow)
}

/// What the payment leaves after interest; negative where it does not cover that.
///
/// # Errors
/// [`Fault::Overflow`].
pub fn principal<A: Amount>(due: &Due<A>, services: &[A]) -> Result<A, Fault> {
    let service = due.number.checked_sub(1).and_then(|at| services.get(at)).copied().unwrap_or_default();
    Ok(service.minus(due.interest).ok_or(Fault::Overflow)?.lesser(due.balance))
}
