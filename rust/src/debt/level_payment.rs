//! Level payment: interest and principal make one amount, so principal grows as interest falls.
#![forbid(unsafe_code)]

use super::{Amount, Due, Fault};

/// What the payment leaves after interest.
///
/// A payment that was worked out pays all interest even where that takes more than itself, in a long month of a long
/// loan: only an agreed payment can leave interest unpaid.
///
/// # Errors
/// [`Fault::Overflow`].
pub fn principal<A: Amount>(due: &Due<A>) -> Result<A, Fault> {
    let left = due.payment.minus(due.interest).ok_or(Fault::Overflow)?;
    Ok(if due.agreed { left } else { left.at_least_zero() })
}
