//! A company's cash, month by month: who is paid first, what the revolver and the reserves give, and its income tax.
//!
//! Everything is in whole minor units. Loans come as amounts that are due ([`Owed::Given`]): their schedules are those
//! of [`crate::debt`], and nothing is amortised here. What depends on cash itself is worked out here: the revolver and
//! its interest, reserves, interest on what is past due, tax after such interest, cash swept and distributed.
#![forbid(unsafe_code)]

mod plan;
pub mod tax;
mod waterfall;
#[cfg(test)]
mod waterfall_tests;

pub use plan::{Claim, Interest, Owed, Plan, Reserve, Revolver, Step, Sweep};
pub use waterfall::{ClaimFlow, Flows, MonthFlow, ReserveFlow, RevolverFlow, run};

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An amount beyond 64-bit minor units.
    Overflow,
    /// Columns that differ in length, amounts below zero, or a step that names nothing.
    Plan,
}

/// The sum, if it fits.
fn plus(one: i64, other: i64) -> Result<i64, Fault> {
    one.checked_add(other).ok_or(Fault::Overflow)
}

/// The difference, if it fits.
fn minus(one: i64, other: i64) -> Result<i64, Fault> {
    one.checked_sub(other).ok_or(Fault::Overflow)
}
