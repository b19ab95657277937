//! Custom: the principal of each payment as agreed; what the amounts leave is due at the end.
#![forbid(unsafe_code)]

use super::{Amount, Due, Fault};

/// The payment's amount, or after prepayments what is left of the balance: they fall on the last payments.
///
/// # Errors
/// [`Fault::BeyondBalance`] where it is more than what is owed.
pub fn principal<A: Amount>(due: &Due<A>, amounts: &[A]) -> Result<A, Fault> {
    let amount = due.number.checked_sub(1).and_then(|at| amounts.get(at)).copied().unwrap_or_default();
    if due.ahead {
        return Ok(amount.lesser(due.balance));
    }
    if amount.exceeds(due.balance) { Err(Fault::BeyondBalance { number: due.number }) } else { Ok(amount) }
}
