//! The tests of one covenant, date after date: exact comparison, cures, waivers.
//!
//! A test compares the quotient of two sides with a threshold by multiplying out: `N1/D1 >= t (N2/D2)`, never by a
//! division. The margin, the left less the right over the common denominator, says all: its sign is the status, over
//! the denominator it is the headroom, alone it is the headroom in money of the numerator. Over a denominator of zero or
//! less there is no headroom; a maximum failed by rule says in money what it lacks.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

use super::clause::{Clause, Cure, Level, Limit, Outcome, Span, Status};
use super::metric::{Amounts, Counted, Fraction, Input, Metric, Periods, Side, inputs, side, stub_start};
use super::wide::Wide;
use crate::calendar::{Date, Month};
use crate::error::Error;

/// One covenant of one entity, with all that bears on it.
#[derive(Clone, Copy, Debug)]
pub struct Covenant<'a> {
    /// Its terms by date.
    pub clauses: &'a [Clause],
    /// All metrics.
    pub metrics: &'a [Metric],
    /// The entity's measures.
    pub periods: Periods<'a>,
    /// The ends of the entity's periods.
    pub dates: &'a [Date],
    /// The months they stand for.
    pub months: &'a [Month],
    /// What was paid in for it, by period.
    pub cures: &'a [Cure],
    /// When it is waived.
    pub waivers: &'a [Span],
    /// Minor units in the unit of values that are amounts.
    pub scale: i64,
}

/// Both sides of a metric at one date.
#[derive(Clone, Copy)]
struct Reading {
    numerator: Side,
    /// A plain amount stands over 1.
    denominator: Side,
    is_amount: bool,
}

/// What multiplying out says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// On the right side.
    Met,
    /// On the wrong one.
    Failed,
    /// No sense over this denominator.
    None,
}

/// Decides one test of a metric, and says its headroom where there is a quotient.
#[must_use]
pub fn decide(
    metric: &Metric,
    (limit, strict, threshold): (Limit, bool, Fraction),
    amounts: Amounts<'_>,
    per_year: usize,
    at: usize,
    scale: i64,
) -> Option<(Verdict, Option<f64>)> {
    let reading = Reading::take(metric, (amounts, per_year), at, 0, &[])?;
    let unit = if reading.is_amount { i128::from(scale) } else { 1 };
    let bottom = reading.bottom().times(threshold.bottom).times(unit);
    let has_quotient = reading.denominator.amount.top > 0;
    let headroom = if has_quotient { reading.margin(limit, threshold).over(bottom) } else { None };
    Some((reading.verdict(limit, strict, threshold), headroom))
}

impl Reading {
    fn take(
        metric: &Metric,
        amounts: (Amounts<'_>, usize),
        at: usize,
        stub: usize,
        counted: &[Counted],
    ) -> Option<Self> {
        let numerator = side(&metric.numerator, metric.cure, amounts, at, stub, counted)?;
        let is_amount = metric.denominator.is_empty();
        let denominator = if is_amount {
            Side { amount: Fraction::whole(1), per_cure: 0 }
        } else {
            side(&metric.denominator, metric.cure, amounts, at, stub, counted)?
        };
        Some(Self { numerator, denominator, is_amount })
    }

    /// With a cure of this period.
    fn cured(mut self, amount: i128) -> Self {
        for side in [&mut self.numerator, &mut self.denominator] {
            side.amount.top = side.amount.top.saturating_add(side.per_cure.saturating_mul(amount));
        }
        self
    }

    fn top(&self) -> Wide {
        Wide::from(self.numerator.amount.top).times(self.denominator.amount.bottom)
    }

    fn bottom(&self) -> Wide {
        Wide::from(self.denominator.amount.top).times(self.numerator.amount.bottom)
    }

    fn value(&self, scale: i64) -> Option<f64> {
        let scale = if self.is_amount { i128::from(scale) } else { 1 };
        if self.denominator.amount.top <= 0 { None } else { self.top().over(self.bottom().times(scale)) }
    }

    /// How far the numerator is on the right side, times `D1 D2 t.bottom`.
    fn margin(&self, limit: Limit, threshold: Fraction) -> Wide {
        let margin = self.top().times(threshold.bottom).minus(self.bottom().times(threshold.top));
        if limit == Limit::Min { margin } else { margin.negated() }
    }

    /// What a unit of cure adds to the margin.
    fn slope(&self, limit: Limit, threshold: Fraction) -> Wide {
        let above = Wide::from(self.numerator.per_cure).times(self.denominator.amount.bottom).times(threshold.bottom);
        let below = Wide::from(self.denominator.per_cure).times(self.numerator.amount.bottom).times(threshold.top);
        if limit == Limit::Min { above.minus(below) } else { below.minus(above) }
    }

    fn verdict(&self, limit: Limit, strict: bool, threshold: Fraction) -> Verdict {
        if self.denominator.amount.top <= 0 {
            // Debt over no or negative EBITDA exceeds every maximum; nothing else over such a denominator has a sense.
            let exceeds = limit == Limit::Max && self.numerator.amount.top > 0;
            return if exceeds { Verdict::Failed } else { Verdict::None };
        }
        match self.margin(limit, threshold).sign() {
            Ordering::Greater => Verdict::Met,
            Ordering::Equal if !strict => Verdict::Met,
            Ordering::Equal | Ordering::Less => Verdict::Failed,
        }
    }

    /// The least cure with which the test is met; `None` where no amount does it.
    fn cure_needed(&self, clause: &Clause, threshold: Fraction) -> Option<i128> {
        let slope = self.slope(clause.limit, threshold);
        if slope.sign() != Ordering::Greater {
            return None;
        }
        // -floor(margin / slope) is the shortfall rounded up; a strict test needs one more where that is exact.
        let margin = self.margin(clause.limit, threshold);
        let short = margin.floor_over(slope)?.checked_neg()?;
        let mut needed = short.max(0);
        // Below the line a cure must also lift the denominator above zero.
        if self.denominator.per_cure > 0 && self.denominator.amount.top <= 0 {
            let to_zero = self.denominator.amount.top.checked_neg()?.checked_div_euclid(self.denominator.per_cure)?;
            needed = needed.max(to_zero.checked_add(1)?);
        }
        if self.cured(needed).verdict(clause.limit, clause.strict, threshold) == Verdict::Failed {
            needed = needed.checked_add(1)?;
        }
        (self.cured(needed).verdict(clause.limit, clause.strict, threshold) == Verdict::Met).then_some(needed)
    }

    fn is_at_risk(&self, clause: &Clause, threshold: Fraction) -> bool {
        let Some(rate) = clause.at_risk else { return false };
        let margin = self.margin(clause.limit, threshold).times(rate.bottom);
        let band = self.bottom().times(threshold.top.saturating_abs()).times(rate.top);
        !band.is_zero() && margin < band
    }

    fn describe(&self, clause: &Clause, threshold: Fraction, scale: i64, outcome: &mut Outcome) -> Result<(), Error> {
        let margin = self.margin(clause.limit, threshold);
        let whole =
            Wide::from(self.numerator.amount.bottom).times(self.denominator.amount.bottom).times(threshold.bottom);
        let has_quotient = self.denominator.amount.top > 0;
        let lacks =
            margin.sign() == Ordering::Less && self.verdict(clause.limit, clause.strict, threshold) == Verdict::Failed;
        if has_quotient || lacks {
            outcome.headroom_amount = Some(in_minor(margin.floor_over(whole))?);
        }
        if has_quotient {
            let unit = if self.is_amount { i128::from(scale) } else { 1 };
            outcome.headroom = margin.over(self.bottom().times(threshold.bottom).times(unit));
            outcome.headroom_rate = margin.over(self.bottom().times(threshold.top.saturating_abs()));
        }
        Ok(())
    }
}

fn in_minor(amount: Option<i128>) -> Result<i64, Error> {
    amount.and_then(|amount| i64::try_from(amount).ok()).ok_or(Error::TotalOverflow)
}

/// What is remembered from test to test.
#[derive(Default)]
struct History {
    counted: Vec<Counted>,
    months: Vec<Month>,
    in_a_row: u32,
}

impl Covenant<'_> {
    /// The periods at whose ends it is tested, or would be if it were in force.
    pub fn due(&self) -> impl Iterator<Item = usize> {
        let ends = self.dates.iter().zip(self.months).enumerate();
        ends.filter(|(_, (date, month))| Clause::is_due(self.clauses, **date, **month)).map(|(period, _)| period)
    }

    /// Tests every date that is due, in order.
    ///
    /// # Errors
    /// [`Error::TotalOverflow`] for an amount beyond 64 bits.
    pub fn test_into(&self, out: &mut [Outcome]) -> Result<(), Error> {
        let mut history = History::default();
        for (period, slot) in self.due().zip(out) {
            *slot = self.test(period, &mut history)?;
        }
        Ok(())
    }

    /// The first period whose test has an amount beyond 64 bits.
    #[must_use]
    pub fn overflow(&self) -> Option<usize> {
        let mut history = History::default();
        self.due().find(|period| self.test(*period, &mut history).is_err())
    }

    /// What went into the test at a period, above and below the line, cures that counted by then included.
    ///
    /// # Errors
    /// As [`Covenant::test_into`].
    pub fn explain(&self, period: usize) -> Result<[Vec<Input>; 2], Error> {
        let mut history = History::default();
        for earlier in self.due().take_while(|earlier| *earlier <= period) {
            self.test(earlier, &mut history)?;
        }
        let date = self.dates.get(period).copied().unwrap_or(Date::MAX);
        let Some((_, clause)) = Clause::on(self.clauses, date) else { return Ok([Vec::new(), Vec::new()]) };
        let Some(metric) = self.metrics.get(clause.metric) else { return Ok([Vec::new(), Vec::new()]) };
        let stub = stub_start(self.dates, clause.stub_from);
        let list = |terms| inputs(terms, metric.cure, &self.periods, period, stub, &history.counted);
        Ok([list(&metric.numerator), list(&metric.denominator)])
    }

    fn read(&self, metric: usize, clause: &Clause, period: usize, counted: &[Counted]) -> Option<Reading> {
        let metric = self.metrics.get(metric)?;
        let amounts = |measure, period| self.periods.value(measure, period);
        let stub = stub_start(self.dates, clause.stub_from);
        Reading::take(metric, (&amounts, self.periods.per_year), period, stub, counted)
    }

    fn test(&self, period: usize, history: &mut History) -> Result<Outcome, Error> {
        let date = self.dates.get(period).copied().unwrap_or(Date::MAX);
        let mut outcome = Outcome::blank(period, Status::NotTested);
        let in_a_row = std::mem::take(&mut history.in_a_row);
        let Some((place, clause)) = Clause::on(self.clauses, date) else { return Ok(outcome) };
        outcome.clause = Some(place);
        let reading = self.read(clause.metric, clause, period, &history.counted);
        if let Some(reading) = &reading {
            outcome.value = reading.value(self.scale);
            if let Some(threshold) = clause.threshold {
                reading.describe(clause, threshold, self.scale, &mut outcome)?;
            }
        }
        if let Some(status) = self.unsprung(clause, period, date) {
            outcome.status = status;
            if status == Status::Undefined {
                (outcome.headroom, outcome.headroom_amount, outcome.headroom_rate) = (None, None, None);
            }
            return Ok(outcome);
        }
        let Some(reading) = reading else {
            outcome.status = Status::InsufficientData;
            return Ok(outcome);
        };
        let Some(threshold) = clause.threshold else {
            outcome.status = Status::Unknown;
            return Ok(outcome);
        };
        match reading.verdict(clause.limit, clause.strict, threshold) {
            Verdict::None => outcome.status = Status::Undefined,
            Verdict::Met => {
                outcome.status = if reading.is_at_risk(clause, threshold) { Status::AtRisk } else { Status::Pass };
                outcome.cure_needed = Some(0);
            }
            Verdict::Failed => {
                outcome.cure_needed =
                    reading.cure_needed(clause, threshold).map(|needed| in_minor(Some(needed))).transpose()?;
                self.fail(clause, threshold, &reading, date, in_a_row, history, &mut outcome)?;
            }
        }
        Ok(outcome)
    }

    /// Why a clause in force is not tested, or cannot be; `None` where it is.
    fn unsprung(&self, clause: &Clause, period: usize, date: Date) -> Option<Status> {
        if date < clause.first_test {
            return Some(Status::NotTested);
        }
        let springing = clause.springing?;
        let Some(reading) = self.read(springing.metric, clause, period, &[]) else {
            return Some(Status::InsufficientData);
        };
        let Some(above) = springing.above else { return Some(Status::Unknown) };
        if reading.denominator.amount.top <= 0 {
            return Some(Status::Undefined);
        }
        let margin = reading.margin(Limit::Min, above);
        (margin.sign() != Ordering::Greater).then_some(Status::NotTested)
    }

    #[allow(clippy::too_many_arguments, reason = "one failed test with all that bears on it")]
    fn fail(
        &self,
        clause: &Clause,
        threshold: Fraction,
        reading: &Reading,
        date: Date,
        in_a_row: u32,
        history: &mut History,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        outcome.status = match clause.level {
            Level::Default => Status::Breach,
            Level::LockUp => Status::LockUp,
            Level::Sizing => Status::DrawStop,
        };
        // A test that was waived needs no cure, and uses none up.
        if self.waivers.iter().any(|(from, to)| (*from..=*to).contains(&date)) {
            outcome.status = Status::Waived;
            return Ok(());
        }
        if clause.level != Level::Default {
            return Ok(());
        }
        outcome.default_date = Some(clause.ripens(date));
        let month = self.months.get(outcome.period).copied().unwrap_or(Month::MAX);
        let within_year = history.months.iter().filter(|earlier| **earlier > month.saturating_sub(12)).count();
        let rights = clause.cures;
        let spent = [(history.months.len(), rights.allowed), (within_year, rights.per_year)]
            .into_iter()
            .any(|(used, allowed)| u32::try_from(used).unwrap_or(u32::MAX) >= allowed);
        if spent || in_a_row >= rights.in_a_row {
            return Ok(());
        }
        let amount = self.offered(clause, outcome.period, date).min(rights.amount_cap);
        // What does not cure is no cure: it counts nowhere and uses up nothing.
        let cured = reading.cured(amount.into());
        if amount > 0 && cured.verdict(clause.limit, clause.strict, threshold) == Verdict::Met {
            history.counted.push(Counted { period: outcome.period, amount });
            history.months.push(month);
            history.in_a_row = in_a_row.saturating_add(1);
            outcome.status = Status::Cured;
            outcome.cure_applied = Some(amount);
            outcome.default_date = None;
            outcome.value = cured.value(self.scale);
            cured.describe(clause, threshold, self.scale, outcome)?;
        }
        Ok(())
    }

    /// What was paid in for a period, in time.
    fn offered(&self, clause: &Clause, period: usize, date: Date) -> i64 {
        let in_time = |cure: &&Cure| {
            cure.period == period
                && match (cure.paid, clause.grace_days) {
                    (Some(paid), Some(_)) => paid <= clause.ripens(date),
                    _ => true,
                }
        };
        self.cures.iter().filter(in_time).fold(0, |sum: i64, cure| sum.saturating_add(cure.amount))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use crate::calendar::{Frequency, PeriodGrid, month_end};
    use crate::covenant::{CureRights, CureTarget, Measure, Term, Window};
    use proptest::prelude::*;

    const FREE: CureRights =
        CureRights { allowed: u32::MAX, in_a_row: u32::MAX, per_year: u32::MAX, amount_cap: i64::MAX };

    /// Cash over a year of quarters against what is due, at least `threshold`.
    fn tested(
        cash: &[i64],
        due: i64,
        threshold: Fraction,
        strict: bool,
        rights: CureRights,
        cures: &[Cure],
    ) -> Vec<Outcome> {
        let term = |measure| Term { measure, minus: false, window: Window::Sum(4) };
        let cure = Some(CureTarget { measure: 0, lowers: false });
        let metrics = [Metric { numerator: vec![term(0)], denominator: vec![term(1)], cure }];
        let known = vec![true; cash.len()];
        let measures =
            [Measure { values: cash.to_vec(), known: known.clone() }, Measure { values: vec![due; cash.len()], known }];
        let months: Vec<Month> = (0..i32::try_from(cash.len()).unwrap()).map(|at| 2 + 3 * at).collect();
        let dates: Vec<Date> = months.iter().map(|month| month_end(*month)).collect();
        let clause = Clause {
            in_force: (Date::MIN, Date::MAX),
            first_test: Date::MIN,
            grid: PeriodGrid::new(Frequency::Quarter, 12).unwrap(),
            metric: 0,
            stub_from: Date::MIN,
            limit: Limit::Min,
            strict,
            threshold: Some(threshold),
            level: Level::Default,
            at_risk: None,
            springing: None,
            cures: rights,
            grace_days: None,
        };
        let covenant = Covenant {
            clauses: &[clause],
            metrics: &metrics,
            periods: Periods { measures: &measures, first: 0, per_year: 4 },
            dates: &dates,
            months: &months,
            cures,
            waivers: &[],
            scale: 100,
        };
        let mut out = vec![Outcome::blank(0, Status::NotTested); covenant.due().count()];
        covenant.test_into(&mut out).unwrap();
        out
    }

    #[test]
    fn a_cure_stays_in_the_windows_that_hold_its_quarter() {
        use Status::{Breach, Cured, InsufficientData, Pass};
        let cash = [100, 100, 100, 60, 100, 100, 100, 60];
        let cures = [Cure { period: 3, amount: 40, paid: None }];
        let threshold = Fraction { top: 1, bottom: 1 };
        let statuses = |rights| -> Vec<Status> {
            tested(&cash, 100, threshold, false, rights, &cures).iter().map(|outcome| outcome.status).collect()
        };
        let missing = [InsufficientData; 3];
        assert_eq!(statuses(FREE), [&missing[..], &[Cured, Pass, Pass, Pass, Breach]].concat());
        let none = CureRights { allowed: 0, ..FREE };
        assert_eq!(statuses(none), [&missing[..], &[Breach; 5]].concat());
        let capped = CureRights { amount_cap: 39, ..FREE };
        assert_eq!(statuses(capped)[3], Breach);
    }

    proptest! {
        #[test]
        fn the_cure_needed_is_the_least_that_cures(
            cash in prop::collection::vec(-1_000_000_i64..1_000_000, 4), due in 1_i64..500_000,
            top in 1_i64..3_000, strict: bool, huge: bool,
        ) {
            // Amounts near the end of 64 bits take the long way and say the same.
            let scale = if huge { 1_i64 << 40 } else { 1 };
            let cash: Vec<i64> = cash.iter().map(|amount| amount * scale).collect();
            let threshold = Fraction { top: top.into(), bottom: 1_000 };
            let with = |amount: i64| {
                let mut cash = cash.clone();
                cash[3] += amount;
                tested(&cash, due * scale, threshold, strict, FREE, &[])[3].clone()
            };
            let plain = with(0);
            let needed = plain.cure_needed.unwrap();
            prop_assert_eq!(plain.status == Status::Pass, needed == 0);
            prop_assert_eq!(plain.status == Status::Pass, plain.headroom > Some(0.0) || (plain.headroom == Some(0.0) && !strict));
            prop_assert_eq!(with(needed).status, Status::Pass);
            if needed > 0 {
                prop_assert_eq!(with(needed - 1).status, Status::Breach);
                let cured = tested(&cash, due * scale, threshold, strict, FREE, &[Cure { period: 3, amount: needed, paid: None }]);
                prop_assert_eq!((cured[3].status, cured[3].cure_applied), (Status::Cured, Some(needed)));
            }
        }
    }
}
