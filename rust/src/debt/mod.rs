//! Loans: how interest accrues, what a payment is, and what is left after it.
//!
//! [`ledger`] is the one engine: the state of a contract and what can happen to it, in whole minor units or unrounded
//! float64 ([`amount`]). Interest is exact until it is settled ([`accrual`]); the level payment is exact ([`annuity`]).
#![forbid(unsafe_code)]

mod accrual;
mod amount;
pub mod annuity;
mod ledger;

pub use accrual::{Accrual, Rate};
pub use amount::{Amount, ExactInterest};
pub use ledger::Ledger;

/// Why a loan cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An amount beyond 64-bit minor units.
    Overflow,
}
