//! Depreciation: when a method charges ([`Timing`]) and how much ([`straight_line`]); tax returns ([`macrs`]).
#![forbid(unsafe_code)]

mod convention;
pub mod macrs;
mod macrs_tables;
pub mod straight_line;

pub use convention::{Convention, Service, Timing};

/// How charges become minor units (DESIGN section 3 calls this the exactness contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Round the accumulated balance of each month half-to-even, difference the months.
    Balance,
    /// Round the monthly charge, let the last month take the remainder.
    Level,
}

/// An asset ready to be charged: dates resolved, amounts as numbers of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Asset<T> {
    /// What was paid.
    pub cost: T,
    /// Depreciable amount: cost less residual value.
    pub base: T,
    /// Depreciation charged before the asset was brought in; zero for one that is followed from its first day.
    pub opening: T,
    /// When it is charged.
    pub timing: Timing,
}
