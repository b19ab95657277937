//! Loans that nothing but a rate, equal periods and payments makes: told apart at the door, computed side by side.
//!
//! [`crate::debt::lanes`] proves that their cents are those of the ledger; whatever it does not cover goes there.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::chunk::LoanChunk;
use super::columns::Loans;
use super::settings::LoanSettings;
use crate::batch::cells::Amounts;
use crate::batch::flows::{Flows, Layout, Sum};
use crate::calendar::{
    BusinessDayConvention, Date, DayCount, LAST_MONTH, Month, YearFraction, day_of_month, month_of, month_start,
    month_starts,
};
use crate::debt::ProfileKind;
use crate::debt::lane_kernels::LaneKernels;
use crate::debt::lanes::{EqualLoan, LaneRow, WIDTH};
use crate::error::Error;
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
    /// Two rows of sums as float64, where they are that.
    fn floats<'a>(rows: (&'a mut [Self], &'a mut [Self])) -> Option<(&'a mut [f64], &'a mut [f64])>;
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

    #[inline]
    fn floats<'a>(_: (&'a mut [Self], &'a mut [Self])) -> Option<(&'a mut [f64], &'a mut [f64])> {
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

    #[inline]
    fn floats<'a>(rows: (&'a mut [Self], &'a mut [Self])) -> Option<(&'a mut [f64], &'a mut [f64])> {
        Some(rows)
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
        if *self.reader.bad.get(index)? || given || words.convention != BusinessDayConvention::None {
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
        let payments = months.checked_div(step)?;
        if day > latest || payments < 1 || payments.saturating_mul(step) != months {
            return None;
        }
        let spread = match self.amortization_months.get(index) {
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
        let floats = loans.rates.is_some() && self.rates.matters(index);
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
        index: usize,
        equal: &Equal,
        lane: usize,
        rates: &mut [[i64; WIDTH]],
    ) {
        let simple = loans.rates.as_ref().and_then(|columns| self.rates.simple(columns, index));
        let Some(simple) = simple else { return };
        let count = usize::try_from(equal.loan.payments()).unwrap_or(0);
        let mut rows = rates.iter_mut();
        simple.rates(equal.dates(0).take(count), |rate| {
            if let Some(slot) = rows.next().and_then(|row| row.get_mut(lane)) {
                *slot = rate;
            }
        });
    }
}

/// Loans of a chunk to be added up: those that start in one month and group one after the other, so that eight of them
/// share the months of their payments.
#[derive(Default)]
pub(super) struct Batch {
    /// What the sums of a loan depend on, and its place.
    keys: Vec<(u64, u32)>,
    equals: Vec<Equal>,
    side: Vec<EqualLoan>,
    rows: Vec<LaneRow>,
}

/// Where interest and principal are added up.
#[derive(Clone, Copy)]
pub(super) struct Where {
    pub interest: usize,
    pub principal: usize,
}

/// What a key holds of a loan, from the highest bits down: profile 2, group 30, months of a period 8, month of the start
/// 12, payments 12. Loans that agree in all but the last pay in the same months.
pub(super) const SHARED: u64 = !0xFFF;
const PROFILE: u32 = 62;
const GROUP: u32 = 32;
const STEP: u32 = 24;
const START: u32 = 12;
/// Months are counted from before 1900.
const MONTHS_FROM: i32 = 1_000;

pub(super) fn group_of(key: u64) -> usize {
    usize::try_from(key >> GROUP & 0x3FFF_FFFF).unwrap_or(0)
}

/// The month of the first payment, and the months to the next.
pub(super) fn months_of(key: u64) -> (Month, i32) {
    let part = |low: u32, mask: u64| i32::try_from(key >> low & mask).unwrap_or(0);
    let (step, start) = (part(STEP, 0xFF), part(START, 0xFFF));
    (start.saturating_sub(MONTHS_FROM).saturating_add(step), step)
}

/// The key of a loan; `None` where it has no room.
pub(super) fn key_of(equal: &Equal, group: usize) -> Option<u64> {
    let profile = match equal.loan.profile() {
        ProfileKind::LevelPayment => 0_u64,
        ProfileKind::LevelPrincipal => 1,
        _ => 2,
    };
    let part = |value: i32, bits: u32| u64::try_from(value).ok().filter(|value| value >> bits == 0);
    let (step, start) = (part(equal.step, 8)?, part(equal.start.saturating_add(MONTHS_FROM), 12)?);
    let payments = Some(u64::from(equal.loan.payments())).filter(|count| count >> 12 == 0)?;
    let group = u64::try_from(group).ok().filter(|group| group >> 30 == 0)?;
    Some(profile << PROFILE | group << GROUP | step << STEP | start << START | payments)
}

impl Batch {
    /// Puts a loan into the batch; `false` where its key has no room for it.
    pub fn push(&mut self, equal: &Equal, group: usize) -> bool {
        let Some(key) = key_of(equal, group) else { return false };
        let Ok(place) = u32::try_from(self.equals.len()) else { return false };
        self.keys.push((key, place));
        self.equals.push(*equal);
        true
    }

    /// Adds all loans to the sums of their groups and months, and forgets them.
    pub fn post<A: LoanAmount, L: Layout>(
        &mut self,
        flows: &mut Flows<A, L>,
        to: Where,
        kernels: &LaneKernels,
    ) -> Result<(), Error> {
        let Self { keys, equals, side, rows } = self;
        keys.sort_unstable();
        let mut posting = Posting { flows, to, kernels, rows, key: 0, filled: 0, most: 0.0 };
        for of_profile in keys.chunk_by(|one, next| one.0 >> PROFILE == next.0 >> PROFILE) {
            for eight in of_profile.chunks(WIDTH) {
                let of = |place: u32| usize::try_from(place).ok().and_then(|place| equals.get(place));
                side.clear();
                side.extend(eight.iter().filter_map(|(_, place)| of(*place)).map(|equal| equal.loan));
                let (Some((first, _)), Some((last, _))) = (eight.first(), eight.last()) else { continue };
                if first & SHARED == last & SHARED {
                    posting.add(first & SHARED, side)?;
                } else {
                    posting.flush()?;
                    posting.run(side, kernels.rows);
                    for (lane, (key, place)) in eight.iter().enumerate() {
                        if let Some(equal) = of(*place) {
                            posting.scatter(lane, group_of(*key), equal)?;
                        }
                    }
                    posting.rows.fill(LaneRow::default());
                }
            }
        }
        posting.flush()?;
        self.keys.clear();
        self.equals.clear();
        Ok(())
    }
}

/// Loans on their way into the sums. Those that share their months are added up lane by lane first.
struct Posting<'f, A: LoanAmount, L: Layout> {
    flows: &'f mut Flows<A, L>,
    to: Where,
    kernels: &'f LaneKernels,
    rows: &'f mut Vec<LaneRow>,
    /// What the loans in the rows share.
    key: u64,
    /// Rows that hold anything; interest and principal of the others are zeros.
    filled: usize,
    /// No lane holds more than this.
    most: f64,
}

impl<A: LoanAmount, L: Layout> Posting<'_, A, L> {
    /// Computes loans side by side.
    fn run(&mut self, side: &[EqualLoan], kernel: fn(&[EqualLoan], &mut [LaneRow])) {
        let longest = side.iter().map(|loan| usize::try_from(loan.payments()).unwrap_or(0)).max().unwrap_or(0);
        if self.rows.len() < longest {
            self.rows.resize(longest, LaneRow::default());
        }
        self.filled = self.filled.max(longest);
        kernel(side, self.rows.get_mut(..longest).unwrap_or_default());
    }

    fn add(&mut self, key: u64, side: &[EqualLoan]) -> Result<(), Error> {
        /// Sums of a lane up to here are exact.
        const EXACT: f64 = 2_251_799_813_685_248.0; // 2^51
        let most = side.iter().map(EqualLoan::most).fold(0.0, f64::max);
        if self.filled > 0 && (self.key != key || self.most + most >= EXACT) {
            self.flush()?;
        }
        self.key = key;
        self.most += most;
        self.run(side, self.kernels.sums);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.flows.reserve(whole_above(self.most * sure_f64(WIDTH)))?;
        let rows = self.rows.get_mut(..self.filled).unwrap_or_default();
        post_rows(self.flows, (self.to, group_of(self.key), months_of(self.key)), rows, sum);
        for row in rows {
            (row.interest, row.principal) = ([0.0; WIDTH], [0.0; WIDTH]);
        }
        (self.filled, self.most) = (0, 0.0);
        Ok(())
    }

    /// Adds one lane of the rows.
    fn scatter(&mut self, lane: usize, group: usize, equal: &Equal) -> Result<(), Error> {
        self.flows.reserve(whole_above(equal.loan.most()))?;
        let count = usize::try_from(equal.loan.payments()).unwrap_or(0);
        let rows = self.rows.get(..count).unwrap_or_default();
        let of = |lanes: &[f64; WIDTH]| A::of_lane(lanes.get(lane).copied().unwrap_or(0.0));
        post_rows(self.flows, (self.to, group, (equal.month(1), equal.step)), rows, of);
        self.filled = 0;
        Ok(())
    }
}

/// Adds what `of` makes of each row to the sums of a group, from a month on and every so many months.
#[inline]
fn post_rows<A: LoanAmount, L: Layout>(
    flows: &mut Flows<A, L>,
    (to, group, (first, step)): (Where, usize, (Month, i32)),
    rows: &[LaneRow],
    of: impl Fn(&[f64; WIDTH]) -> A,
) {
    let Some(slot) = flows.slot(first) else { return };
    if slot > 0
        && let Some((interest, principal)) = flows.two_rows(to.interest, to.principal, group)
    {
        let every = usize::try_from(step).unwrap_or(1).max(1);
        let interest = interest.get_mut(slot..).unwrap_or_default().iter_mut().step_by(every);
        let principal = principal.get_mut(slot..).unwrap_or_default().iter_mut().step_by(every);
        for ((interest, principal), row) in interest.zip(principal).zip(rows) {
            *interest = interest.sum(of(&row.interest));
            *principal = principal.sum(of(&row.principal));
        }
        return;
    }
    let mut month = first;
    for row in rows {
        if let Some(slot) = flows.slot(month) {
            flows.add(to.interest, group, slot, of(&row.interest));
            flows.add(to.principal, group, slot, of(&row.principal));
        }
        month = month.saturating_add(step);
    }
}

fn whole_above(most: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bound, not negative")]
    let whole = most as u64;
    // Rounding of the bound itself is far below a thousandth of it.
    whole.saturating_add(whole >> 10).saturating_add(1)
}

fn sure_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[inline]
fn sum<A: Laned + Sum>(lanes: &[f64; WIDTH]) -> A {
    lanes.iter().fold(A::default(), |sum, lane| sum.sum(A::of_lane(*lane)))
}

/// Adds one unrounded loan, payment by payment.
pub(super) fn post_unrounded<A: LoanAmount, L: Layout>(
    equal: &Equal,
    group: usize,
    flows: &mut Flows<A, L>,
    to: Where,
    (rows, kernels): (&mut Vec<LaneRow>, &LaneKernels),
) {
    let count = usize::try_from(equal.loan.payments()).unwrap_or(0);
    rows.clear();
    rows.resize(count, LaneRow::default());
    (kernels.unrounded_rows)(&[equal.loan], rows);
    let of = |lanes: &[f64; WIDTH]| A::of_lane(lanes.first().copied().unwrap_or(0.0));
    post_rows(flows, (to, group, (equal.month(1), equal.step)), rows, of);
}
