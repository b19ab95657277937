//! What is measured: sums and differences of windowed measures, one over the other.
#![forbid(unsafe_code)]

use std::ops::Range;

use crate::calendar::Date;

/// Which periods of a measure count, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The value at the period's end.
    Last,
    /// The sum of the last so many periods.
    Sum(usize),
    /// Their mean.
    Average(usize),
    /// Their sum, scaled to a year. At the start of the record, and after a stub date, the periods there are.
    Annualized(usize),
}

/// A measure with its sign and window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Which column.
    pub measure: usize,
    /// Whether it is taken off.
    pub minus: bool,
    /// Which periods.
    pub window: Window,
}

/// What an equity cure is deemed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CureTarget {
    /// The measure it changes in its period.
    pub measure: usize,
    /// Whether it lowers it (a prepayment of debt) or raises it (deemed EBITDA).
    pub lowers: bool,
}

/// A numerator over a denominator; without a denominator an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Terms above the line.
    pub numerator: Vec<Term>,
    /// Terms below it.
    pub denominator: Vec<Term>,
    /// How it can be cured, if at all.
    pub cure: Option<CureTarget>,
}

/// One measure over the periods of all entities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Minor units.
    pub values: Vec<i64>,
    /// Whether the period has a value.
    pub known: Vec<bool>,
}

/// The consecutive periods of one entity within the measures.
#[derive(Clone, Copy, Debug)]
pub struct Periods<'a> {
    /// All measures.
    pub measures: &'a [Measure],
    /// Where the entity's first period stands.
    pub first: usize,
    /// Periods in a year.
    pub per_year: usize,
}

/// An amount that was added to a measure of one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its period, from the entity's first.
    pub period: usize,
    /// Minor units.
    pub amount: i64,
}

/// An exact quotient; the lower part is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// Above the line.
    pub top: i128,
    /// Below it.
    pub bottom: i128,
}

impl Fraction {
    /// The whole number.
    #[must_use]
    pub fn whole(value: i128) -> Self {
        Self { top: value, bottom: 1 }
    }

    /// `whole + parts / 10^12` major units of `scale` minor units each, in lowest terms.
    #[must_use]
    pub fn decimal(whole: i64, parts: i64, scale: i64) -> Self {
        const UNIT: i128 = 1_000_000_000_000;
        let top = i128::from(whole).saturating_mul(UNIT).saturating_add(parts.into()).saturating_mul(scale.into());
        let common = greatest_common_divisor(top.saturating_abs(), UNIT);
        Self { top: top.checked_div(common).unwrap_or(top), bottom: UNIT.checked_div(common).unwrap_or(UNIT) }
    }
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    match a.checked_rem(b) {
        None => a.max(1),
        Some(rest) => greatest_common_divisor(b, rest),
    }
}

/// One side of a metric in one period, over a denominator common to its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The amount in minor units.
    pub amount: Fraction,
    /// By how much (over the same denominator) a unit of cure in this period changes it.
    pub per_cure: i128,
}

/// Something that went into a side, as [`inputs`] lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// Which measure.
    pub measure: usize,
    /// Whether it is taken off.
    pub minus: bool,
    /// Its period, from the entity's first.
    pub period: usize,
    /// Its amount, if there is one.
    pub amount: Option<i64>,
    /// The window's factor, as a quotient.
    pub factor: (usize, usize),
    /// Whether it is a cure and not the measure itself.
    pub is_cure: bool,
}

impl Window {
    /// The periods it covers at `at`, none of them before `stub` where it is annualised; `None` where the record is
    /// too short.
    #[must_use]
    pub fn span(self, at: usize, stub: usize) -> Option<Range<usize>> {
        let end = at.saturating_add(1);
        match self {
            Self::Last => Some(at..end),
            Self::Sum(periods) | Self::Average(periods) => end.checked_sub(periods).map(|start| start..end),
            Self::Annualized(periods) => {
                Some(end.saturating_sub(periods).max(stub)..end).filter(|span| !span.is_empty())
            }
        }
    }

    /// How many periods it covers at most.
    #[must_use]
    pub fn reach(self) -> usize {
        match self {
            Self::Last => 1,
            Self::Sum(periods) | Self::Average(periods) | Self::Annualized(periods) => periods,
        }
    }

    /// What its sum is multiplied with, and divided by.
    pub(super) fn factor(self, span: &Range<usize>, per_year: usize) -> (usize, usize) {
        match self {
            Self::Last | Self::Sum(_) => (1, 1),
            Self::Average(periods) => (1, periods),
            Self::Annualized(_) => (per_year, span.len()),
        }
    }

    /// The same for a cure: it counts once, whatever a stub is scaled by.
    fn cure_factor(self) -> (usize, usize) {
        match self {
            Self::Average(periods) => (1, periods),
            Self::Last | Self::Sum(_) | Self::Annualized(_) => (1, 1),
        }
    }
}

impl Periods<'_> {
    /// The amount of a measure in a period, if there is one.
    #[must_use]
    pub fn value(&self, measure: usize, period: usize) -> Option<i64> {
        let column = self.measures.get(measure)?;
        let cell = self.first.checked_add(period)?;
        column.known.get(cell).copied()?.then(|| column.values.get(cell).copied()).flatten()
    }
}

/// The denominator that the windows of some terms have in common.
#[must_use]
pub fn common_bottom(terms: &[Term], at: usize, stub: usize, per_year: usize) -> Option<i128> {
    let mut bottom: i128 = 1;
    for term in terms {
        let span = term.window.span(at, stub)?;
        for (_, over) in [term.window.factor(&span, per_year), term.window.cure_factor()] {
            bottom = least_common_multiple(bottom, i128::try_from(over).ok()?)?;
        }
    }
    Some(bottom)
}

/// Where the amounts of a side come from: measure and period.
pub type Amounts<'a> = &'a dyn Fn(usize, usize) -> Option<i64>;

/// Sums the terms of a side; `None` where a period or an amount is missing.
#[must_use]
pub fn side(
    terms: &[Term],
    cure: Option<CureTarget>,
    (amounts, per_year): (Amounts<'_>, usize),
    at: usize,
    stub: usize,
    counted: &[Counted],
) -> Option<Side> {
    let bottom = common_bottom(terms, at, stub, per_year)?;
    let (mut top, mut per_cure) = (0_i128, 0_i128);
    for term in terms {
        let span = term.window.span(at, stub)?;
        let mut sum = 0_i128;
        for period in span.clone() {
            sum = sum.checked_add(amounts(term.measure, period)?.into())?;
        }
        let signed = |value: i128, (times, over): (usize, usize), minus: bool| {
            let weight = bottom.checked_div(over.try_into().ok()?)?.checked_mul(times.try_into().ok()?)?;
            value.checked_mul(if minus { weight.checked_neg()? } else { weight })
        };
        top = top.checked_add(signed(sum, term.window.factor(&span, per_year), term.minus)?)?;
        if let Some(cure) = cure.filter(|cure| cure.measure == term.measure) {
            let minus = term.minus != cure.lowers;
            let within = counted.iter().filter(|counted| span.contains(&counted.period));
            let sum = within.fold(0_i128, |sum, counted| sum.saturating_add(counted.amount.into()));
            top = top.checked_add(signed(sum, term.window.cure_factor(), minus)?)?;
            per_cure = per_cure.checked_add(signed(1, term.window.cure_factor(), minus)?)?;
        }
    }
    Some(Side { amount: Fraction { top, bottom }, per_cure })
}

/// Lists what went into a side, measure by measure; amounts that are missing too.
#[must_use]
pub fn inputs(
    terms: &[Term],
    cure: Option<CureTarget>,
    periods: &Periods<'_>,
    at: usize,
    stub: usize,
    counted: &[Counted],
) -> Vec<Input> {
    let mut found = Vec::new();
    for term in terms {
        // A record that is too short is shown as far as it goes.
        let span = term.window.span(at, stub).unwrap_or(0..at.saturating_add(1));
        let factor = term.window.factor(&span, periods.per_year);
        for period in span.clone() {
            let amount = periods.value(term.measure, period);
            found.push(Input { measure: term.measure, minus: term.minus, period, amount, factor, is_cure: false });
        }
        if let Some(cure) = cure.filter(|cure| cure.measure == term.measure) {
            found.extend(counted.iter().filter(|counted| span.contains(&counted.period)).map(|counted| Input {
                measure: term.measure,
                minus: term.minus != cure.lowers,
                period: counted.period,
                amount: Some(counted.amount),
                factor: term.window.cure_factor(),
                is_cure: true,
            }));
        }
    }
    found
}

fn least_common_multiple(a: i128, b: i128) -> Option<i128> {
    a.checked_div(greatest_common_divisor(a, b))?.checked_mul(b)
}

/// The first of an entity's periods that an annualised window may reach back to.
#[must_use]
pub fn stub_start(dates: &[Date], from: Date) -> usize {
    dates.partition_point(|date| *date < from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn measures(values: &[i64]) -> Vec<Measure> {
        vec![Measure { values: values.to_vec(), known: vec![true; values.len()] }]
    }

    fn amount(window: Window, at: usize, stub: usize) -> Option<Fraction> {
        let measures = measures(&[3, 5, 7, 11, 13]);
        let periods = Periods { measures: &measures, first: 0, per_year: 4 };
        let term = Term { measure: 0, minus: false, window };
        side(&[term], None, (&|m, p| periods.value(m, p), 4), at, stub, &[]).map(|side| side.amount)
    }

    #[test]
    fn windows() {
        let quotient = |top, bottom| Some(Fraction { top, bottom });
        assert_eq!(amount(Window::Last, 4, 0), quotient(13, 1));
        assert_eq!(amount(Window::Sum(4), 4, 0), quotient(5 + 7 + 11 + 13, 1));
        assert_eq!(amount(Window::Sum(4), 2, 0), None);
        assert_eq!(amount(Window::Average(2), 4, 0), quotient(24, 2));
        // A stub of one, two, three quarters is scaled by 4, 2, 4/3; four are a year.
        assert_eq!(amount(Window::Annualized(4), 0, 0), quotient(3 * 4, 1));
        assert_eq!(amount(Window::Annualized(4), 2, 0), quotient(15 * 4, 3));
        assert_eq!(amount(Window::Annualized(4), 4, 0), quotient(36 * 4, 4));
        assert_eq!(amount(Window::Annualized(4), 4, 3), quotient(24 * 4, 2));
        assert_eq!(amount(Window::Annualized(4), 2, 3), None);
        assert_eq!(amount(Window::Annualized(1), 4, 0), quotient(13 * 4, 1));
    }

    #[test]
    fn a_cure_counts_once_in_every_window_that_holds_it() {
        let measures = measures(&[3, 5, 7, 11, 13]);
        let periods = Periods { measures: &measures, first: 0, per_year: 4 };
        let cure = Some(CureTarget { measure: 0, lowers: false });
        let counted = [Counted { period: 1, amount: 100 }];
        let top = |window, at| {
            let term = Term { measure: 0, minus: false, window };
            side(&[term], cure, (&|m, p| periods.value(m, p), 4), at, 0, &counted).unwrap().amount.top
        };
        assert_eq!((top(Window::Sum(4), 3), top(Window::Sum(4), 4), top(Window::Sum(3), 4)), (126, 136, 31));
        assert_eq!((top(Window::Last, 1), top(Window::Last, 2)), (105, 7));
        assert_eq!(top(Window::Annualized(4), 1), 8 * 4 + 100 * 2); // over 2
    }

    #[test]
    fn thresholds_are_the_decimal_that_was_written() {
        assert_eq!(Fraction::decimal(1, 400_000_000_000, 1), Fraction { top: 7, bottom: 5 });
        assert_eq!(Fraction::decimal(100, 0, 100), Fraction { top: 10_000, bottom: 1 });
        assert_eq!(Fraction::decimal(-1, -500_000_000_000, 1), Fraction { top: -3, bottom: 2 });
        assert_eq!(Fraction::decimal(0, 0, 100), Fraction { top: 0, bottom: 1 });
    }
}
