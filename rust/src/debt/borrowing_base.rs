//! Borrowing base: what is owed stays at or under a share of what the collateral is worth.
#![forbid(unsafe_code)]

use super::{Amount, Fault};

/// What must be repaid to come down to the limit.
///
/// # Errors
/// [`Fault::Overflow`].
pub fn excess<A: Amount>(balance: A, limit: A) -> Result<A, Fault> {
    Ok(balance.minus(limit).ok_or(Fault::Overflow)?.at_least_zero())
}
