//! Declining balance: each rate period charges its rate on the rounded balance it opens with.
//!
//! A rate period is a year or a month of the life, counted from service; one that a re-base breaks charges its
//! fraction. Inside a period, and after the switch to straight line, the accumulated balance is linear and rounded once.
//!
//! Time is `x = N x units`, so a life-month is `T` and boundaries are whole numbers. Headroom: the factor has
//! six decimals and is at most 100, so a rate times a stretch stays below `2^27 x 2^30`.
#![forbid(unsafe_code)]

use super::amount::Exact;
use super::{Asset, Timing};

const MILLION: i64 = 1_000_000;

/// A declining-balance method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecliningBalance {
    /// Multiple of the straight-line rate, in millionths.
    factor: i64,
    /// Whether it turns to straight line once that charges no less.
    pub switch: bool,
    /// Life-months of a rate period: 12 or 1.
    months: i64,
    /// Whether what never declines away stays on the books, as in spreadsheets; else the last period charges it.
    pub keeps_remainder: bool,
}

impl DecliningBalance {
    /// `None` unless the factor lies above 0 and at most 100.
    #[must_use]
    pub fn new(factor: f64, switch: bool, monthly: bool, keeps_remainder: bool) -> Option<Self> {
        if !(factor > 0.0 && factor <= 100.0) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 10^8")]
        let parts = (factor * 1e6).round() as i64;
        (parts > 0).then_some(Self { factor: parts, switch, months: if monthly { 1 } else { 12 }, keeps_remainder })
    }

    /// The stretches of linear balances, from the asset's re-base to the end of its life.
    pub fn stretches<T: Exact>(self, asset: &Asset<T>) -> Stretches<T> {
        let timing = &asset.timing;
        let span = timing.total();
        Stretches {
            method: self,
            cost: asset.cost,
            end: asset.base,
            accumulated: asset.opening,
            at: timing.elapsed().saturating_mul(timing.life_months()),
            until: span.saturating_mul(timing.life_months()),
            span,
            life_months: timing.life_months(),
            done: false,
        }
    }
}

/// A linear piece of the accumulated balance.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<T> {
    from: i64,
    to: i64,
    opening: T,
    amount: T,
}

impl<T: Exact> Stretch<T> {
    /// The accumulated balance at a time inside the stretch.
    #[must_use]
    pub fn at(&self, time: i64) -> T {
        let into = time.saturating_sub(self.from);
        self.opening.plus(self.amount.portion(into.into(), self.to.saturating_sub(self.from).max(1).into()))
    }

    /// When it ends.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.to
    }

    /// Whether a time lies after it.
    #[must_use]
    pub fn is_before(&self, time: i64) -> bool {
        time > self.to
    }
}

/// The time of declining balance: units passed x life-months.
#[must_use]
pub fn time(timing: &Timing, units: i64) -> i64 {
    units.saturating_mul(timing.life_months())
}

/// See [`DecliningBalance::stretches`].
pub struct Stretches<T> {
    method: DecliningBalance,
    cost: T,
    /// What is accumulated when nothing is left above the residual value.
    end: T,
    accumulated: T,
    at: i64,
    until: i64,
    span: i64,
    life_months: i64,
    done: bool,
}

impl<T: Exact> Iterator for Stretches<T> {
    type Item = Stretch<T>;

    fn next(&mut self) -> Option<Stretch<T>> {
        if self.done || self.at >= self.until {
            return None;
        }
        let DecliningBalance { factor, switch, months, keeps_remainder } = self.method;
        let period = months.saturating_mul(self.span);
        let periods = self.at.checked_div(period).unwrap_or(0).saturating_add(1);
        let boundary = periods.saturating_mul(period).min(self.until);
        let (book, room) = (self.cost.minus(self.accumulated), self.end.minus(self.accumulated));
        // The rate of a life-month, never more than the whole in one rate period.
        let (top, bottom) = (factor, MILLION.saturating_mul(self.life_months));
        let (top, bottom) = if top.saturating_mul(months) >= bottom { (1, months) } else { (top, bottom) };
        let left = i128::from(self.until.saturating_sub(self.at));
        let level = i128::from(self.span).saturating_mul(bottom.into());
        let straight = switch && magnitude(room).reaches(level, magnitude(book), left.saturating_mul(top.into()));
        let (to, amount) = if straight {
            (self.until, room)
        } else {
            let stretch = i128::from(boundary.saturating_sub(self.at)).saturating_mul(top.into());
            let declining = book.portion(stretch, i128::from(bottom).saturating_mul(self.span.into()));
            let last = boundary >= self.until && !switch && !keeps_remainder;
            let within = magnitude(declining) < magnitude(room);
            (boundary, if within && !last { declining } else { room })
        };
        let stretch = Stretch { from: self.at, to, opening: self.accumulated, amount };
        self.accumulated = self.accumulated.plus(amount);
        self.at = to;
        self.done = straight;
        Some(stretch)
    }
}

fn magnitude<T: Exact>(amount: T) -> T {
    if amount < T::default() { amount.negated() } else { amount }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;

    fn yearly(cost: i64, residual: i64, life: i32, method: DecliningBalance) -> Vec<i64> {
        let asset =
            Asset { cost, base: cost.saturating_sub(residual), opening: 0, timing: Timing::fresh(0, life, false) };
        let mut charges = Vec::new();
        for stretch in method.stretches(&asset) {
            let year = 12 * i64::from(life);
            let years = (stretch.to.saturating_sub(stretch.from)).saturating_div(year).max(1);
            charges.extend((0..years).map(|n| {
                let at = |n: i64| stretch.at((stretch.from.saturating_add(n.saturating_mul(year))).min(stretch.to));
                at(n.saturating_add(1)).saturating_sub(at(n))
            }));
        }
        charges
    }

    #[test]
    fn the_textbook_case() {
        // 10,000.00 over 5 years at 40 %: 4,000, 2,400, 1,440, then straight line 1,080 and 1,080.
        let double = DecliningBalance::new(2.0, true, false, false).unwrap();
        assert_eq!(yearly(1_000_000, 0, 60, double), [400_000, 240_000, 144_000, 108_000, 108_000]);
        let without = DecliningBalance { switch: false, ..double };
        assert_eq!(yearly(1_000_000, 0, 60, without), [400_000, 240_000, 144_000, 86_400, 129_600]);
        let kept = DecliningBalance { keeps_remainder: true, ..without };
        assert_eq!(yearly(1_000_000, 0, 60, kept), [400_000, 240_000, 144_000, 86_400, 51_840]);
        // Never below the residual value.
        assert_eq!(yearly(1_000_000, 200_000, 60, double), [400_000, 240_000, 144_000, 16_000, 0]);
        assert_eq!(yearly(-1_000_000, 0, 60, double), [-400_000, -240_000, -144_000, -108_000, -108_000]);
        // A factor beyond the life takes all in the first year.
        assert_eq!(yearly(1_000, 100, 24, DecliningBalance::new(3.0, true, false, false).unwrap()), [900, 0]);
    }
}
