//! The effective interest method: one rate spreads discount, fees and costs over the life of a loan.
//!
//! A loan's face and its amortised cost part where less is received than is owed: original issue discount, fees paid
//! to the lender, issue costs; where more is received, a premium. What parts them, the unamortised balance U, is
//! written off so that face less U earns a constant rate (ASC 835-30-35-2; IFRS 9 Appendix A, effective interest
//! method):
//!
//! interest cost = (face - U) x (base + x) x fraction,  amortization = interest cost - contractual interest
//!
//! with the loan's own accrual periods and fractions of a year. The base is 0 where the contract is fixed, so that x
//! is the effective rate, nominal and compounding when interest is settled; where it floats, the base is what the
//! contract charges, so that x is the spread that the discount adds to it (IFRS 9 B5.4.5, ASC 310-20-35-18(c)). The
//! rate x is the float root of U = 0 at the end. Each settlement is rounded half-even; the last writes off the rest.
#![forbid(unsafe_code)]

use crate::money::nearest_integer;

/// What happens on a row of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Interest is settled: paid, or capitalised.
    Settlement,
    /// Interest goes on accruing: a draw, a prepayment, or the books are looked at.
    Between,
}

/// A row of a schedule: the time since the row before, then what moves at its end.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What happens.
    pub kind: Kind,
    /// The part of a year since the row before.
    pub fraction: f64,
    /// What the contract charges on a face of one over that time, where it floats; else 0.
    pub base: f64,
    /// Contractual interest since the last settlement: paid, capitalised, or accrued so far.
    pub interest: i64,
    /// Face that is added: drawn or capitalised.
    pub advance: i64,
    /// What is not received of it.
    pub discount: i64,
    /// Face that is repaid.
    pub repaid: i64,
}

/// Why there is no effective rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRate {
    /// The schedule does not repay what was drawn.
    Open,
    /// No rate between the bounds earns the discount.
    OutOfBounds,
}

/// Rates looked for, of a year.
const LOWEST: f64 = -0.999_999;
const HIGHEST: f64 = 1e6;

/// The effective rate (or spread) of a schedule; 0 where all is repaid before any time passes, since whatever the rate,
/// what is not received is then written off on that day.
///
/// # Errors
/// [`NoRate`].
pub fn solve(rows: &[Row]) -> Result<f64, NoRate> {
    let (advances, repayments) = rows.iter().fold((0_i64, 0_i64), |(advances, repayments), row| {
        (advances.saturating_add(row.advance), repayments.saturating_add(row.repaid))
    });
    if advances != repayments {
        return Err(NoRate::Open);
    }
    let mut face = 0_i64;
    let lasts = rows.iter().any(|row| {
        let earns = face != 0 && row.fraction > 0.0;
        face = face.saturating_add(row.advance).saturating_sub(row.repaid);
        earns
    });
    if !lasts {
        return Ok(0.0);
    }
    let scale = to_f64(advances).abs().max(1.0);
    // Relative to what was drawn, so that the tolerance scales with the flows.
    let left = |rate: f64| left_at_end(rows, rate) / scale;
    bracketed_root(left, LOWEST, HIGHEST).ok_or(NoRate::OutOfBounds)
}

/// Amortised cost at the end less the face, unrounded: above 0 where the rate is too high.
fn left_at_end(rows: &[Row], rate: f64) -> f64 {
    let (mut face, mut cost, mut accrued) = (0.0, 0.0, 0.0);
    for row in rows {
        accrued += cost * (row.base + rate * row.fraction);
        if row.kind == Kind::Settlement {
            cost += accrued - to_f64(row.interest);
            accrued = 0.0;
        }
        let moved = to_f64(row.advance) - to_f64(row.repaid);
        face += moved;
        cost += moved - to_f64(row.discount);
    }
    cost - face
}

/// Writes the unamortised balance after each row.
///
/// `par` says that the contract earns its own rate throughout (its rate is level, or its base carries it), so that
/// without discount nothing is ever unamortised, to the last cent.
pub fn unamortized_into(rows: &[Row], rate: f64, par: bool, out: &mut [i64]) {
    if par && rows.iter().all(|row| row.discount == 0) {
        out.fill(0);
        return;
    }
    // Where rows go on after all is repaid, as a commitment's may, the rest is gone by then.
    let settles = |row: &Row| row.kind == Kind::Settlement;
    let last = rows.iter().rposition(|row| settles(row) && row.repaid != 0).or(rows.iter().rposition(settles));
    let (mut face, mut left, mut accrued) = (0_i64, 0_i64, 0.0);
    for (number, (row, slot)) in rows.iter().zip(out).enumerate() {
        accrued += to_f64(face.saturating_sub(left)) * (row.base + rate * row.fraction);
        let amortized = nearest_integer(accrued).1.saturating_sub(row.interest);
        left = left.saturating_add(row.discount);
        *slot = left.saturating_sub(amortized);
        if row.kind == Kind::Settlement {
            accrued = 0.0;
            if last.is_some_and(|last| number >= last) {
                *slot = 0;
            }
            left = *slot;
        }
        face = face.saturating_add(row.advance).saturating_sub(row.repaid);
    }
}

/// Amounts are below 2^53 minor units, as the door has checked.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn to_f64(amount: i64) -> f64 {
    amount as f64
}

/// A root of a function that ascends through it, between `low` and `high`: false position with the far end's weight
/// halved (Illinois), and bisection where that is slow. `None` where the signs at the ends do not differ.
fn bracketed_root(function: impl Fn(f64) -> f64, low: f64, high: f64) -> Option<f64> {
    // Widen from the usual to the bounds, so that huge powers are met only when they must be.
    let (mut a, mut b) = (-0.5_f64, 0.5_f64);
    let (mut at_a, mut at_b) = (function(a), function(b));
    while at_a > 0.0 || at_a.is_nan() {
        if a <= low {
            return None;
        }
        a = ((a - 1.0) / 2.0).max(low);
        at_a = function(a);
    }
    while at_b < 0.0 || at_b.is_nan() {
        if b >= high {
            return None;
        }
        (a, at_a) = (b, at_b);
        b = (b * 4.0).min(high);
        at_b = function(b);
    }
    for round in 0..200 {
        if at_a == 0.0 {
            return Some(a);
        }
        if at_b == 0.0 || (b - a).abs() <= f64::EPSILON * b.abs().max(1e-3) {
            return Some(b);
        }
        let guess = b - at_b * (b - a) / (at_b - at_a);
        let middle = a + (b - a) / 2.0;
        let at = if round % 3 == 2 || !(guess > a && guess < b) { middle } else { guess };
        let value = function(at);
        if value < 0.0 {
            (a, at_a, at_b) = (at, value, at_b / 2.0);
        } else {
            (b, at_b, at_a) = (at, value, at_a / 2.0);
        }
    }
    Some(b)
}

#[cfg(test)]
#[path = "effective_interest_tests.rs"]
mod tests;
