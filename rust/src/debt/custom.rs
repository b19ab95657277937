//! Custom: the principal of each payment as agreed; what the amounts leave is due at the end.
#![forbid(unsafe_code)]

use super::{Amount, Due, Fault};

/// The payment's amount.
///
/// # Errors
/// [`Fault::BeyondBalance`] where it is more than what is owed.
pub fn principal<A: Amount>(due: &Due<A>, amounts: &[A]) -> Result<A, Fault> {
    let amount = due.number.checked_sub(1).and_then(|at| amounts.get(at)).copied().unwrap_or_default();
    if amount.exceeds(due.balance) { Err(Fault::BeyondBalance { number: due.number }) } else { Ok(amount) }
}
