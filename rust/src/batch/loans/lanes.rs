//! Loans that nothing but a rate, equal periods and payments makes: told apart at the door, computed side by side.
//!
//! [`crate::debt::lanes`] proves that their cents are those of the ledger; whatever it does not cover goes there.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::{LoanChunk, Words};
use super::columns::Loans;
use super::settings::LoanSettings;
use super::simple_float::Fixings;
use crate::batch::cells::Amounts;
use crate::calendar::{
    BusinessDayConvention, Date, DayCount, LAST_MONTH, Month, YearFraction, day_of_month, month_of, month_start,
    month_starts,
};
use crate::debt::ProfileKind;
use crate::debt::dues::Monthly;
use crate::debt::lanes::{EqualLoan, WIDTH};
use crate::money::{MinorUnits, nearest_integer, small_f64};

/// An amount whose loans can be computed in lanes: whole minor units as float64, or float64 as it is.
pub trait Laned: Sized {
    /// Whether each payment is rounded.
    const ROUNDED: bool;
    /// The float64; infinite where it is no whole number below 2^51.
    fn to_lane(self) -> f64;
    /// The amount of a float64 that is whole where amounts are, and below 2^51.
    fn of_lane(float: f64) -> Self;
    /// Writes amounts as cells.
    fn write_lane(values: &[f64], units: MinorUnits, out: Amounts<'_>);
    /// The cells themselves, where amounts are written as they are.
    ///
    /// # Errors
    /// The cells as they came.
    fn floats_out(out: Amounts<'_>) -> Result<&mut [f64], Amounts<'_>>;
    /// Two rows of sums as float64, where they are that.
    fn floats<'a>(rows: (&'a mut [Self], &'a mut [Self])) -> Option<(&'a mut [f64], &'a mut [f64])>;
    /// Amounts as float64, where they are that.
    fn as_floats(amounts: &[Self]) -> Option<&[f64]>;
}

impl Laned for i64 {
    const ROUNDED: bool = true;

    #[inline]
    fn to_lane(self) -> f64 {
        const LIMIT: i64 = 1 << 51;
        if (-LIMIT..LIMIT).contains(&self) { small_f64(self) } else { f64::INFINITY }
    }

    #[inline]
    fn of_lane(float: f64) -> Self {
        nearest_integer(float).1
    }

    fn write_lane(values: &[f64], units: MinorUnits, out: Amounts<'_>) {
        match out {
            Amounts::Major(out) => {
                let scale = units.scale();
                out.iter_mut().zip(values).for_each(|(slot, value)| *slot = value / scale);
            }
            Amounts::Minor(out) => {
                out.iter_mut().zip(values).for_each(|(slot, value)| *slot = Self::of_lane(*value));
            }
        }
    }

    fn floats_out(out: Amounts<'_>) -> Result<&mut [f64], Amounts<'_>> {
        Err(out)
    }

    #[inline]
    fn floats<'a>(_: (&'a mut [Self], &'a mut [Self])) -> Option<(&'a mut [f64], &'a mut [f64])> {
        None
    }

    fn as_floats(_: &[Self]) -> Option<&[f64]> {
        None
    }
}

impl Laned for f64 {
    const ROUNDED: bool = false;

    #[inline]
    fn to_lane(self) -> f64 {
        self
    }

    #[inline]
    fn of_lane(float: f64) -> Self {
        float
    }

    fn write_lane(values: &[f64], _: MinorUnits, out: Amounts<'_>) {
        if let Amounts::Major(out) = out {
            out.iter_mut().zip(values).for_each(|(slot, value)| *slot = *value);
        }
    }

    fn floats_out(out: Amounts<'_>) -> Result<&mut [f64], Amounts<'_>> {
        match out {
            Amounts::Major(out) => Ok(out),
            Amounts::Minor(_) => Err(out),
        }
    }

    #[inline]
    fn floats<'a>(rows: (&'a mut [Self], &'a mut [Self])) -> Option<(&'a mut [f64], &'a mut [f64])> {
        Some(rows)
    }

    fn as_floats(amounts: &[Self]) -> Option<&[f64]> {
        Some(amounts)
    }
}

/// A loan of equal periods and its days.
#[derive(Clone, Copy, Debug)]
pub(super) struct Equal {
    pub loan: EqualLoan,
    pub start: Month,
    /// The day of the month of every payment.
    pub day: i32,
    /// Months from payment to payment.
    pub step: i32,
    /// Whether its rate is another in each period; that of the loan is then the highest it may be.
    pub floats: bool,
}

impl Equal {
    /// What loans that are computed side by side have in common.
    pub fn kind(&self) -> (ProfileKind, bool) {
        (self.loan.profile(), self.floats)
    }

    /// The month of a payment; of the first advance for 0.
    pub fn month(&self, number: u32) -> Month {
        self.start.saturating_add(i32::try_from(number).unwrap_or(i32::MAX).saturating_mul(self.step))
    }

    pub fn date(&self, number: u32) -> Date {
        month_start(self.month(number)).saturating_add(self.day).saturating_sub(1)
    }

    /// The days of a payment and of those after it, where payments are a month apart.
    pub fn monthly_dates(&self, from: u32) -> impl Iterator<Item = Date> {
        let off = self.day.saturating_sub(1);
        // Days of a few centuries: nothing wraps.
        month_starts(self.month(from)).iter().map(move |first| first.wrapping_add(off))
    }

    /// The days of a payment and of those after it.
    pub fn dates(&self, from: u32) -> impl Iterator<Item = Date> {
        let off = self.day.saturating_sub(1);
        let step = usize::try_from(self.step).unwrap_or(1).max(1);
        month_starts(self.month(from)).iter().step_by(step).map(move |first| first.saturating_add(off))
    }

    /// How many payments' rows there are with that of the first advance before a horizon ends, and how many of them
    /// are before it begins.
    pub fn rows(&self, settings: &LoanSettings) -> (usize, usize) {
        let all = self.loan.payments().saturating_add(1);
        let within = |until: Option<Month>| {
            let count = match until {
                None => all,
                Some(month) => {
                    let months = month.saturating_sub(self.start).max(0);
                    let count = months.saturating_add(self.step).saturating_sub(1).checked_div(self.step);
                    u32::try_from(count.unwrap_or(0)).unwrap_or(0).min(all)
                }
            };
            usize::try_from(count).unwrap_or(0)
        };
        let early = settings.start.map_or(0, |start| within(Some(settings.grid.period_start(start))));
        let after = settings.end.map(|end| settings.grid.period_end(end).saturating_add(1));
        (early, within(after).max(early))
    }
}

/// Whether loans may have equal periods at all, as far as the call and the columns tell.
pub(super) fn may_be_equal(loans: &Loans<'_>, settings: &LoanSettings) -> bool {
    let facility = loans.facility.as_ref().is_some_and(|facility| !facility.is_empty());
    let beside = loans.hedges.is_some() || loans.construction.is_some();
    let tables = loans.rate_steps.is_some() || loans.principal_schedule.is_some() || loans.skipped.is_some();
    !(facility || beside || tables || settings.observe)
}

impl<A: LoanAmount> LoanChunk<A> {
    /// The loan at `index` likewise, if something is owed until its last payment: the number of its rows is known.
    pub(super) fn lasting(&self, loans: &Loans<'_>, index: usize) -> Option<Equal> {
        self.equal(loans, index).filter(|equal| equal.loan.lasts(A::ROUNDED))
    }

    /// The loan at `index`, if [`may_be_equal`] and it is one of equal periods.
    pub(super) fn equal(&self, loans: &Loans<'_>, index: usize) -> Option<Equal> {
        if self.is_plain {
            return self.plain(loans, index);
        }
        let words = self.words.get(index)?;
        let given = self.payment.get(index).is_some()
            || self.commitment.get(index).is_some()
            || self.first_payment.get(index).is_some()
            || self.interest_only_months.get(index).is_some_and(|months| months != 0)
            || self.balance_cap.get(index).is_some()
            || self.balance_cap_rate.get(index).is_some()
            || self.issue_price.get(index).is_some()
            || self.upfront_fee.get(index).is_some()
            || self.draw_end.get(index).is_some();
        if given { None } else { self.equal_by(loans, index, words, true) }
    }

    /// The loans of a plain chunk as columns, where no amount is rounded and terms are in months; nulls are not seen.
    pub(super) fn monthly(&self) -> Option<Monthly<'_>> {
        let of_months = self.is_plain && self.maturity.is_empty();
        Some(Monthly {
            starts: &self.start,
            months: self.term_months.values().filter(|_| of_months)?,
            principals: A::as_floats(self.principal.values()?)?,
            rates: self.rate.values()?,
        })
    }

    /// [`LoanChunk::equal`] where the chunk is plain, compiled with what its words mean, into the loop of the caller.
    #[inline(always)]
    pub(super) fn plain(&self, loans: &Loans<'_>, index: usize) -> Option<Equal> {
        self.equal_by(loans, index, &Words::DEFAULT, false)
    }

    #[inline(always)]
    fn equal_by(&self, loans: &Loans<'_>, index: usize, words: &Words, has_more: bool) -> Option<Equal> {
        if *self.reader.bad.get(index)? || words.convention != BusinessDayConvention::None {
            return None;
        }
        // No month is shorter than 28 days, and to the 28th no rule of a month's end applies but where February's
        // last day is one.
        let latest = match words.day_count {
            DayCount::Thirty360 | DayCount::ThirtyE360 if !words.end_of_month => 28,
            DayCount::Thirty360 | DayCount::ThirtyE360 | DayCount::Thirty360Us | DayCount::ThirtyE360Isda => 27,
            _ => return None,
        };
        let start = *self.start.get(index)?;
        let (month, day) = (month_of(start), day_of_month(start));
        let step = words.frequency.cycle()?.in_months()?;
        let months = match (self.maturity.get(index), self.term_months.get(index)) {
            (None, Some(months)) => months,
            (Some(maturity), None) if day_of_month(maturity) == day => month_of(maturity).saturating_sub(month),
            _ => return None,
        };
        let payments = if step == 1 { months } else { months.checked_div(step)? };
        if day > latest || payments < 1 || payments.saturating_mul(step) != months {
            return None;
        }
        let spread = match self.amortization_months.get(index).filter(|_| has_more) {
            None => payments,
            Some(_) if words.profile == ProfileKind::Bullet => return None,
            Some(months) => months.saturating_add(step).saturating_sub(1).checked_div(step)?.max(1),
        };
        if month.saturating_add(payments.max(spread).saturating_mul(step)) > LAST_MONTH {
            return None;
        }
        let counts = (u32::try_from(payments.min(spread)).ok()?, u32::try_from(spread).ok()?);
        let period = YearFraction { top: i64::from(step).saturating_mul(30), bottom: 360 };
        let principal = self.principal.get(index)?.to_lane();
        let fixed = self.rate.get(index);
        let floats = has_more && loans.rates.is_some() && self.rates.matters(index);
        let rate = if floats {
            let columns = loans.rates.as_ref().filter(|_| fixed.is_none())?;
            let last = month.saturating_add(months).saturating_sub(step);
            let last = month_start(last).saturating_add(day).saturating_sub(1);
            self.rates.simple(columns, index)?.highest(start, last)?
        } else {
            fixed?
        };
        let loan = EqualLoan::new(principal, rate, period, counts, words.profile)?;
        Some(Equal { loan, start: month, day, step, floats })
    }

    /// Writes a floating loan's rates into one lane, period by period.
    pub(super) fn rates_into(
        &self,
        loans: &Loans<'_>,
        (index, equal): (usize, &Equal),
        fixings: &mut Fixings,
        lane: usize,
        rates: &mut [[i64; WIDTH]],
    ) {
        let simple = loans.rates.as_ref().and_then(|columns| self.rates.simple(columns, index));
        let Some(simple) = simple else { return };
        let periods = usize::try_from(equal.loan.payments()).unwrap_or(0);
        let step = usize::try_from(equal.step).unwrap_or(1).max(1);
        let months = periods.saturating_sub(1).saturating_mul(step).saturating_add(1);
        let fixings = fixings.on(&simple, equal.day, equal.start, months).iter();
        let mut rows = rates.iter_mut();
        let emit = |rate| {
            if let Some(slot) = rows.next().and_then(|row| row.get_mut(lane)) {
                *slot = rate;
            }
        };
        if step == 1 {
            simple.rates(fixings, emit);
        } else {
            simple.rates(fixings.step_by(step), emit);
        }
    }
}
