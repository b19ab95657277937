//! Floating rates: what an index fixed, what a loan makes of it, and which rate is in force when.
//!
//! Rates are `i64` counts of 10^-12, of either sign: a negative index obeys the same formulas.
#![forbid(unsafe_code)]

use std::ops::Range;

pub use super::curve::{Beyond, Curve, CurveFault, CurveGap, range_of};
use super::sofr::{Daily, rate_over};
use super::steps::{Movement, Period, Span, Step};
use super::{Amount, Entry, Fault, Ledger, Rider, Running};
use crate::calendar::{BusinessDayConvention, Date, Holidays, add_months, month_of};
use crate::money::round_half_even;
use crate::rate::AnnualRate;

/// A floor and a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collar {
    floor: i64,
    cap: i64,
}

impl Collar {
    /// Neither.
    pub const OPEN: Self = Self { floor: i64::MIN, cap: i64::MAX };

    /// `None` where the floor lies above the cap.
    #[must_use]
    pub fn new(floor: Option<i64>, cap: Option<i64>) -> Option<Self> {
        let collar = Self { floor: floor.unwrap_or(i64::MIN), cap: cap.unwrap_or(i64::MAX) };
        (collar.floor <= collar.cap).then_some(collar)
    }

    /// The rate between the two that is nearest.
    #[must_use]
    pub fn apply(self, rate: i64) -> i64 {
        rate.max(self.floor).min(self.cap)
    }
}

/// Where the base of a loan's rate comes from.
#[derive(Clone, Copy, Debug)]
pub enum Base<'a> {
    /// The rate itself; margin and collars have no part in it.
    Fixed(i64),
    /// An index that is fixed ahead of the time it counts for.
    Index {
        /// Its fixings.
        curve: Curve<'a>,
        /// When it is looked at.
        reset: Reset,
        /// How many business days before the reset date.
        lag: u16,
    },
    /// An overnight index, gathered over the accrual period and known at its end.
    Daily(Daily<'a>),
}

/// When a floating rate is fixed anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// At the start of each accrual period.
    EachPeriod,
    /// Every so many months from an anchor.
    Months {
        /// The date from which they count.
        anchor: Date,
        /// At least 1.
        months: i32,
    },
    /// Whenever the index is.
    EachFixing,
}

/// A term of a loan that changes on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// The fixed rate: a step-up.
    AnnualRate,
    /// The margin over the index.
    Margin,
    /// What a default adds, above every cap; 0 ends it.
    DefaultMargin,
    /// What is capitalised on top of the cash rate.
    Pik,
    /// The share of the cash rate that is capitalised instead of paid, in parts of one.
    PikShare,
}

/// From this date on, the term has this value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first day.
    pub date: Date,
    /// What changes.
    pub term: Term,
    /// What it changes to.
    pub value: i64,
}

/// The terms that may change, as they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    annual_rate: Option<i64>,
    /// Over the index.
    pub margin: i64,
    /// While in default.
    pub default_margin: i64,
    /// Capitalised, on top.
    pub pik: i64,
    /// Capitalised, out of the cash rate.
    pub pik_share: i64,
}

impl Standing {
    /// At the start: margin, default margin, interest in kind on top, and the share of the rate that is in kind.
    #[must_use]
    pub fn new(margin: i64, default_margin: i64, pik: i64, pik_share: i64) -> Self {
        Self { annual_rate: None, margin, default_margin, pik, pik_share }
    }

    fn change(&mut self, change: &Change) {
        match change.term {
            Term::AnnualRate => self.annual_rate = Some(change.value),
            Term::Margin => self.margin = change.value,
            Term::DefaultMargin => self.default_margin = change.value,
            Term::Pik => self.pik = change.value,
            Term::PikShare => self.pik_share = change.value,
        }
    }
}

/// All that decides a loan's rate.
#[derive(Clone, Copy, Debug)]
pub struct RateTerms<'a> {
    /// Fixed or floating.
    pub base: Base<'a>,
    /// Between which the index counts.
    pub index_collar: Collar,
    /// Between which index and margin together stay.
    pub rate_collar: Collar,
    /// Terms at the start.
    pub at_start: Standing,
    /// Changes of them, by date.
    pub changes: &'a [Change],
    /// Business days.
    pub holidays: &'a Holidays,
}

/// A part of an accrual period with one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From this day.
    pub from: Date,
    /// To the day before this.
    pub to: Date,
    /// The index as it was fixed, before floors and caps; the whole rate of a fixed loan.
    pub index: i64,
    /// Paid in cash.
    pub cash_rate: i64,
    /// Capitalised.
    pub pik_rate: i64,
}

/// What a fixing comes to, between the collars of the index and of the whole rate.
#[must_use]
#[inline]
pub fn floating_rate((index, whole): (Collar, Collar), fixing: i64, margin: i64) -> i64 {
    whole.apply(index.apply(fixing).saturating_add(margin))
}

impl RateTerms<'_> {
    /// Hands out the stretches of the accrual period `[from, to)` in order, each as long as its rate stands.
    ///
    /// An overnight index gathered in arrears has one rate for the whole period, so that it must be asked for whole
    /// periods; a draw inside one then accrues at the period's rate.
    ///
    /// # Errors
    /// [`CurveGap`] where the index is not known.
    pub fn stretches(&self, period: Range<Date>, mut emit: impl FnMut(Stretch)) -> Result<(), CurveGap> {
        let Range { start: from, end: to } = period;
        let gathered = self.gathered(from, to)?;
        let past = self.changes.partition_point(|change| change.date <= from);
        let (done, mut coming) = self.changes.split_at_checked(past).unwrap_or_default();
        let mut standing = self.at_start;
        done.iter().for_each(|change| standing.change(change));
        let mut at = from;
        while at < to {
            let (index, mut until) = match gathered {
                Some(index) => (index, to),
                None => self.index_at(at, from, to)?,
            };
            while let Some((change, rest)) = coming.split_first() {
                if change.date > at {
                    until = until.min(change.date);
                    break;
                }
                standing.change(change);
                coming = rest;
            }
            let until = until.min(to).max(at.saturating_add(1));
            emit(self.stretch(at, until, index, &standing));
            at = until;
        }
        Ok(())
    }

    /// The index of a whole period, where it is compounded.
    fn gathered(&self, from: Date, to: Date) -> Result<Option<Fixing>, CurveGap> {
        let Base::Daily(daily) = &self.base else { return Ok(None) };
        if !daily.compounded || from >= to {
            return Ok(None);
        }
        let counts = rate_over(daily, from, to, self.holidays)?;
        if daily.collar == Collar::OPEN {
            return Ok(Some(Fixing { fixed: counts, counts }));
        }
        let fixed = rate_over(&Daily { collar: Collar::OPEN, ..*daily }, from, to, self.holidays)?;
        Ok(Some(Fixing { fixed, counts }))
    }

    /// The index in force on a day, and until when it certainly is.
    fn index_at(&self, at: Date, from: Date, to: Date) -> Result<(Fixing, Date), CurveGap> {
        match &self.base {
            Base::Fixed(rate) => Ok((Fixing { fixed: *rate, counts: *rate }, to)),
            Base::Daily(daily) => {
                let (fixed, until) = daily.fixing_on(at, from, to, self.holidays)?;
                Ok((Fixing { fixed, counts: daily.collar.apply(fixed) }, until))
            }
            Base::Index { curve, reset, lag } => {
                let (on, next) = match *reset {
                    Reset::EachPeriod => (from, to),
                    Reset::Months { anchor, months } => reset_around(at, anchor, months),
                    Reset::EachFixing => (at, self.next_fixing(curve, at, *lag, to)),
                };
                let fixed = curve.in_force(back(on, *lag, self.holidays)?)?;
                Ok((Fixing { fixed, counts: fixed }, next))
            }
        }
    }

    fn next_fixing(&self, curve: &Curve<'_>, at: Date, lag: u16, to: Date) -> Date {
        if lag == 0 { curve.next_date(at).unwrap_or(to) } else { at.saturating_add(1) }
    }

    fn stretch(&self, from: Date, to: Date, index: Fixing, standing: &Standing) -> Stretch {
        let applied = match (&self.base, standing.annual_rate) {
            (Base::Fixed(rate), stepped) => stepped.unwrap_or(*rate),
            _ => floating_rate((self.index_collar, self.rate_collar), index.counts, standing.margin),
        };
        let rate = applied.saturating_add(standing.default_margin);
        let shared = if standing.pik_share == 0 {
            0
        } else {
            let product = i128::from(rate).saturating_mul(i128::from(standing.pik_share));
            i64::try_from(round_half_even(product, i128::from(AnnualRate::UNIT))).unwrap_or(rate)
        };
        Stretch {
            from,
            to,
            index: index.fixed,
            cash_rate: rate.saturating_sub(shared),
            pik_rate: standing.pik.saturating_add(shared),
        }
    }

    /// The stretches of all periods, cut also at `cuts` (ascending), where something else changes.
    ///
    /// # Errors
    /// [`CurveGap`].
    pub fn path_into(&self, periods: &[Period], cuts: &[Date], path: &mut Vec<Stretch>) -> Result<(), CurveGap> {
        path.clear();
        for period in periods {
            self.stretches(period.start..period.end, |mut part| {
                let first = cuts.partition_point(|cut| *cut <= part.from);
                for cut in cuts.iter().skip(first).take_while(|cut| **cut < part.to) {
                    path.push(Stretch { to: *cut, ..part });
                    part.from = *cut;
                }
                path.push(part);
            })?;
        }
        Ok(())
    }
}

/// A fixing, and what of it counts where each day's has a floor.
#[derive(Clone, Copy, Debug)]
struct Fixing {
    fixed: i64,
    counts: i64,
}

/// Adds the path's changes of rate, and its cuts, to the steps of a loan that starts with the path's first rate.
///
/// Where nothing else changes a rate that stays the same is no step; with `all` it is, since a rider must be asked
/// there.
pub fn resets_into<A: Amount>(path: &[Stretch], all: bool, steps: &mut Vec<Step<A>>) {
    let mut before: Option<&Stretch> = None;
    for part in path {
        let same = before.is_some_and(|before| before.cash_rate == part.cash_rate && !all);
        if before.is_some() && !same {
            let movement = Movement::Reset(AnnualRate::from_parts(part.cash_rate));
            steps.push(Step { date: part.from, movement });
        }
        before = Some(part);
    }
}

/// Interest in kind: accrues beside the cash interest and is capitalised when that is paid.
#[derive(Clone, Copy, Debug)]
pub struct InKind<'a, A: Amount> {
    path: &'a [Stretch],
    accrued: Running<A>,
}

impl<'a, A: Amount> InKind<'a, A> {
    /// Along a path.
    #[must_use]
    pub fn new(path: &'a [Stretch]) -> Self {
        Self { path, accrued: Running::default() }
    }

    /// The rate on a day, once time has passed up to it.
    #[must_use]
    pub fn rate_on(&self, day: Date) -> AnnualRate {
        let part = stretch_on(&mut { self.path }, day);
        part.map_or(AnnualRate::ZERO, |part| AnnualRate::from_parts(part.pik_rate))
    }

    /// The first day of the calculation period that goes on.
    #[must_use]
    pub fn from(&self) -> Date {
        self.accrued.from()
    }

    /// What would be capitalised now.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn due(&self) -> Result<A, Fault> {
        self.accrued.due()
    }
}

/// The stretch that holds a day, and the path from there.
pub(super) fn stretch_on<'a>(path: &mut &'a [Stretch], day: Date) -> Option<&'a Stretch> {
    while let Some((first, rest)) = path.split_first() {
        if day < first.to {
            return Some(first);
        }
        *path = rest;
    }
    None
}

impl<A: Amount> Rider<A> for InKind<'_, A> {
    fn pass(&mut self, ledger: &Ledger<A>, _: A, span: &Span<'_>) -> Result<(), Fault> {
        match stretch_on(&mut self.path, span.from) {
            Some(part) => self.accrued.pass(ledger.base(), AnnualRate::from_parts(part.pik_rate), span),
            None => Ok(()),
        }
    }

    fn pay(&mut self, ledger: &mut Ledger<A>, _: &mut A, entry: &mut Entry<A>) -> Result<(), Fault> {
        let due = self.accrued.settle()?;
        entry.pik = entry.pik.plus(due).ok_or(Fault::Overflow)?;
        ledger.capitalise(due)
    }
}

/// The last reset date on or before a day, and the next after it. Before the anchor, the anchor counts.
fn reset_around(at: Date, anchor: Date, months: i32) -> (Date, Date) {
    let months = months.max(1);
    let mut number = month_of(at).saturating_sub(month_of(anchor)).checked_div(months).unwrap_or(0).max(0);
    if add_months(anchor, number.saturating_mul(months)) > at {
        number = number.saturating_sub(1).max(0);
    }
    let date = |number: i32| add_months(anchor, number.saturating_mul(months));
    (date(number), date(number.saturating_add(1)))
}

/// The business day so many business days before a day; with none, the day itself.
///
/// # Errors
/// [`CurveGap::Closed`] where the calendar has no business day within a year.
pub fn back(day: Date, business_days: u16, holidays: &Holidays) -> Result<Date, CurveGap> {
    (0..business_days).try_fold(day, |at, _| business_day_on(at.saturating_sub(1), holidays))
}

/// The day itself, or the business day before it.
pub(super) fn business_day_on(day: Date, holidays: &Holidays) -> Result<Date, CurveGap> {
    holidays.adjust(day, BusinessDayConvention::Preceding).map_err(|_| CurveGap::Closed(day))
}

/// The business day after it.
pub(super) fn next_business_day(day: Date, holidays: &Holidays) -> Result<Date, CurveGap> {
    holidays.adjust(day.saturating_add(1), BusinessDayConvention::Following).map_err(|_| CurveGap::Closed(day))
}

#[cfg(test)]
#[path = "floating_tests.rs"]
mod tests;
