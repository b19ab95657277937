//! A method with what it works on: one question, how much has been charged by the end of a month.
#![forbid(unsafe_code)]

use super::amount::Exact;
use super::declining_balance::{self, DecliningBalance};
use super::macrs::Recovery;
use super::sum_of_years_digits;
use super::table::Table;
use super::units_of_production::Usage;
use super::{Asset, Rounding};
use crate::calendar::Month;

/// How an asset is written off.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Method {
    /// Evenly over the life.
    #[default]
    StraightLine,
    /// A rate on the balance.
    DecliningBalance(DecliningBalance),
    /// By the years then left.
    SumOfYearsDigits,
    /// By a stated share for each period.
    Table(Table),
    /// By use, up to a capacity in millionths of a unit.
    UnitsOfProduction(i64),
    /// By the shares of a tax return, in minor units; see [`super::keep_tax`].
    Macrs(Recovery),
}

impl Method {
    /// Whether its charges are those of straight line, which has kernels of its own.
    #[must_use]
    #[inline]
    pub fn is_straight_line(&self) -> bool {
        matches!(self, Self::StraightLine)
    }

    /// Whether a life says when it ends: a table has its own, and use ends when it ends.
    #[must_use]
    pub fn has_life(&self) -> bool {
        !matches!(self, Self::Table(_) | Self::UnitsOfProduction(_) | Self::Macrs(_))
    }
}

/// An asset under a method, from its last re-base on.
#[derive(Clone, Copy, Debug)]
pub struct Schedule<'a, T> {
    /// How it is written off.
    pub method: &'a Method,
    /// What is written off, and when.
    pub asset: &'a Asset<T>,
    /// What it produced.
    pub usage: Usage<'a>,
}

impl<T: Exact> Schedule<'_, T> {
    /// The accumulated depreciation at the end of `month`.
    #[must_use]
    pub fn accumulated_at(&self, rounding: Rounding, month: Month) -> T {
        let Asset { base, opening, timing, .. } = self.asset;
        if self.is_plain() {
            return T::accumulated_at(self.asset, rounding, month);
        }
        if let Method::DecliningBalance(method) = self.method {
            let now = declining_balance::time(timing, timing.passed(month));
            let mut last = *opening;
            for stretch in method.stretches(self.asset) {
                last = stretch.at(now.min(stretch.end()));
                if !stretch.is_before(now) {
                    break;
                }
            }
            return last;
        }
        let (total, reached) = (self.total(), self.reached(month));
        if reached >= total { *base } else { opening.plus(base.minus(*opening).portion(reached.into(), total.into())) }
    }

    /// Writes the charge of each month from `from` on and returns the accumulated depreciation before it.
    pub fn charges_into(&self, rounding: Rounding, from: Month, charges: &mut [T]) -> T {
        if self.is_plain() {
            return T::charges_into(self.asset, rounding, from, charges);
        }
        let before = self.accumulated_at(rounding, from.saturating_sub(1));
        let timing = &self.asset.timing;
        if let Method::DecliningBalance(method) = self.method {
            let mut stretches = method.stretches(self.asset);
            let mut current = stretches.next();
            let mut last = before;
            for (month, slot) in (from..).zip(charges) {
                let now = declining_balance::time(timing, timing.passed(month));
                while current.as_ref().is_some_and(|stretch| stretch.is_before(now)) {
                    let ended = current.map(|stretch| stretch.at(stretch.end()));
                    current = stretches.next();
                    if let (None, Some(ended)) = (&current, ended) {
                        *slot = ended.minus(last);
                        last = ended;
                    }
                }
                let after = current.as_ref().map_or(last, |stretch| stretch.at(now));
                *slot = after.minus(last);
                last = after;
            }
            return before;
        }
        let Asset { base, opening, .. } = self.asset;
        let (left, total) = (base.minus(*opening), self.total());
        left.charges_by(total, before.minus(*opening), (from..).map(|month| self.reached(month)), charges);
        before
    }

    /// Whether its pattern has nothing left to spread by.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        match self.method {
            Method::SumOfYearsDigits | Method::Table(_) | Method::UnitsOfProduction(_) => self.whole() <= 0,
            Method::StraightLine | Method::DecliningBalance(_) | Method::Macrs(_) => false,
        }
    }

    /// Whether straight line is all there is to it.
    #[must_use]
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.method.is_straight_line() || self.asset.timing.is_over()
    }

    /// Shares reached since the re-base, up to the total.
    fn reached(&self, month: Month) -> i64 {
        let timing = &self.asset.timing;
        let since = |share: &dyn Fn(i64) -> i64| share(timing.passed(month)).saturating_sub(share(timing.elapsed()));
        match self.method {
            Method::SumOfYearsDigits => since(&|units| sum_of_years_digits::cumulative(timing, units)),
            Method::Table(table) => since(&|units| table.cumulative(timing, units)),
            Method::UnitsOfProduction(capacity) => {
                let before = self.usage.by(timing.open_month.saturating_sub(1), *capacity);
                self.usage.by(month, *capacity).saturating_sub(before).max(0)
            }
            Method::StraightLine | Method::DecliningBalance(_) | Method::Macrs(_) => timing.charged_units(month),
        }
    }

    /// What [`Schedule::reached`] grows to; at least 1.
    fn total(&self) -> i64 {
        self.whole().max(1)
    }

    fn whole(&self) -> i64 {
        let timing = &self.asset.timing;
        match self.method {
            Method::SumOfYearsDigits => sum_of_years_digits::total(timing)
                .saturating_sub(sum_of_years_digits::cumulative(timing, timing.elapsed())),
            Method::Table(table) => table.total(timing).saturating_sub(table.cumulative(timing, timing.elapsed())),
            Method::UnitsOfProduction(capacity) => {
                capacity.saturating_sub(self.usage.by(timing.open_month.saturating_sub(1), *capacity))
            }
            Method::StraightLine | Method::DecliningBalance(_) | Method::Macrs(_) => timing.span(),
        }
    }
}
