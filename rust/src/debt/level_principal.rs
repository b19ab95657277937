//! Level principal: the same principal with each payment, half-even of what is lent over the number of payments.
//!
//! The last payment clears. Lenders compute it so (LAM of ACTUS; apache/fineract), rather than by rounding balances.
#![forbid(unsafe_code)]

use super::{Amount, Due};

/// The instalment in force.
pub fn principal<A: Amount>(due: &Due<A>) -> A {
    due.payment
}
