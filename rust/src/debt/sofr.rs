//! Overnight indices gathered over an accrual period: compounded, or simple, in arrears.
//!
//! The period is cut at business days. Each stands for the days to the next one (a Friday for three), at the fixing
//! of the business day `lookback` before it. With an observation shift the days are those of the shifted period too,
//! and its days divide the result. In the lockout, the last business days of the period, the fixing of the first of
//! them is kept (ISDA 2021, 7.2 to 7.4: Compounding with Lookback, with Observation Period Shift, with Lockout).
//!
//! Compounded: ((1 + r1 n1 / 360) (1 + r2 n2 / 360) ... - 1) x 360 / days, rounded half-even once to 10^-7, a
//! hundred-thousandth of a per cent. The float product decides where it is further from a tie than its error bound;
//! elsewhere whole numbers of any size do.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

use super::floating::{Collar, Curve, CurveGap, back, business_day_on, next_business_day};
use super::natural::Natural;
use crate::calendar::{Date, Holidays};
use crate::rate::AnnualRate;

/// How an overnight index becomes the rate of a period.
#[derive(Clone, Copy, Debug)]
pub struct Daily<'a> {
    /// Its fixings.
    pub curve: Curve<'a>,
    /// Compounded over the period; else each day's fixing counts for itself.
    pub compounded: bool,
    /// How many business days earlier a fixing is read.
    pub lookback: u16,
    /// Whether the days are counted where the fixings are read.
    pub observation_shift: bool,
    /// How many business days at the end keep one fixing; 0 and 1 are the same.
    pub lockout: u16,
    /// Days of a year: 360, or 365 for SONIA.
    pub year_days: u16,
    /// Floor and cap on each day's fixing.
    pub collar: Collar,
}

/// Parts of 10^-12 in the step to which a compounded rate is rounded, 10^-7.
const STEP_PARTS: i64 = 100_000;
const STEPS: f64 = 1e7;

impl Daily<'_> {
    /// The fixing that is read for a day of the period, and the day until which it counts.
    ///
    /// # Errors
    /// [`CurveGap`].
    pub fn fixing_on(&self, at: Date, from: Date, to: Date, holidays: &Holidays) -> Result<(i64, Date), CurveGap> {
        let kept = lockout_start(from, to, self.lockout, holidays)?;
        let until = if at >= kept { to } else { next_business_day(at, holidays)?.min(to) };
        let day = business_day_on(at, holidays)?.min(kept);
        let day = if self.observation_shift { day } else { back(day, self.lookback, holidays)? };
        Ok((self.curve.in_force(day)?, until))
    }

    /// Hands out each cut of the period: its fixing and its days.
    fn each_cut(
        &self,
        from: Date,
        to: Date,
        holidays: &Holidays,
        emit: &mut dyn FnMut(i64, i32),
    ) -> Result<(), CurveGap> {
        let mut at = from;
        while at < to {
            let (fixing, _) = self.fixing_on(at, from, to, holidays)?;
            let next = next_business_day(at, holidays)?.min(to);
            emit(self.collar.apply(fixing), next.saturating_sub(at));
            at = next;
        }
        Ok(())
    }
}

/// The compounded rate of the period `[from, to)`, in parts of 10^-12, a whole number of 10^-7.
///
/// # Errors
/// [`CurveGap`] where a fixing is not known.
pub fn rate_over(daily: &Daily<'_>, from: Date, to: Date, holidays: &Holidays) -> Result<i64, CurveGap> {
    let (from, to) = if daily.observation_shift {
        (back(from, daily.lookback, holidays)?, back(to, daily.lookback, holidays)?)
    } else {
        (from, to)
    };
    let days = i64::from(to.saturating_sub(from));
    if days <= 0 {
        return Ok(0);
    }
    let year = i64::from(daily.year_days.max(1));
    // A year of money: the bottom of every factor, below 2^49.
    let unit = year.saturating_mul(AnnualRate::UNIT);
    let mut growth = Growth::default();
    daily.each_cut(from, to, holidays, &mut |fixing, cut_days| {
        growth.by(to_f64(fixing.saturating_mul(i64::from(cut_days))) / to_f64(unit));
    })?;
    let scale = to_f64(year) / to_f64(days) * STEPS;
    if let Some(steps) = growth.rounded(scale) {
        return Ok(steps.saturating_mul(STEP_PARTS));
    }
    // The float is off by far less than a step.
    #[expect(clippy::cast_possible_truncation, reason = "a rate in steps, far below 2^53")]
    let below = (growth.excess * scale).floor() as i64;
    exact_rate(daily, from, to, holidays, below.saturating_sub(1))
}

/// The same in whole numbers of any size, from a number of steps that is at most two too low.
///
/// With N / D the exact product, the rate in steps is (N - D) x 10^7 x year / (D x days): it lies above k + 1/2 where
/// 2 x 10^7 x year x N > D x (2 x 10^7 x year + (2 k + 1) x days).
fn exact_rate(daily: &Daily<'_>, from: Date, to: Date, holidays: &Holidays, start: i64) -> Result<i64, CurveGap> {
    let days = i64::from(to.saturating_sub(from));
    let unit = i64::from(daily.year_days.max(1)).saturating_mul(AnnualRate::UNIT);
    let (mut top, mut bottom) = (Natural::of(1), Natural::of(1));
    daily.each_cut(from, to, holidays, &mut |fixing, cut_days| {
        top.multiply(whole(unit.saturating_add(fixing.saturating_mul(i64::from(cut_days)))));
        bottom.multiply(whole(unit));
    })?;
    let twice = i64::from(daily.year_days.max(1)).saturating_mul(20_000_000);
    top.multiply(whole(twice));
    let mut steps = start;
    for _ in 0..3 {
        let odd = steps.saturating_mul(2).saturating_add(1);
        let mut tie = bottom.clone();
        tie.multiply(whole(twice.saturating_add(odd.saturating_mul(days))));
        let up = match top.compare(&tie) {
            Ordering::Greater => true,
            Ordering::Equal => steps & 1 == 1,
            Ordering::Less => false,
        };
        if !up {
            break;
        }
        steps = steps.saturating_add(1);
    }
    Ok(steps.saturating_mul(STEP_PARTS))
}

/// A product of factors near 1, less 1, and a bound on how far off it is.
#[derive(Default)]
struct Growth {
    excess: f64,
    /// The sum of what was added, in size.
    size: f64,
    count: f64,
}

impl Growth {
    fn by(&mut self, part: f64) {
        self.excess += part + self.excess * part;
        self.size += part.abs();
        self.count += 1.0;
    }

    /// The excess times `scale`, rounded, where that is certain. Every operation is off by half an epsilon of values
    /// that are at most e^size - 1 <= 2 size for sizes up to 1; three of them, and the three roundings of a part,
    /// per factor. Twice that is allowed for.
    fn rounded(&self, scale: f64) -> Option<i64> {
        let bound = 8.0 * (self.count + 4.0) * f64::EPSILON * 2.0 * self.size * scale;
        let steps = self.excess * scale;
        let off = (steps - steps.floor() - 0.5).abs();
        if self.size > 1.0 || steps.abs() > 1e14 || off <= bound + f64::EPSILON * steps.abs() {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 10^14 in size")]
        let rounded = steps.round() as i64;
        Some(rounded)
    }
}

/// A factor as a word: rates lie above -100 % for any day, so it is positive; else it counts as 0.
fn whole(value: i64) -> u128 {
    u128::try_from(value).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53, or far from a tie by the bound")]
fn to_f64(value: i64) -> f64 {
    value as f64
}

/// The first business day of the lockout, not before the period; without one, later than any day.
fn lockout_start(from: Date, to: Date, lockout: u16, holidays: &Holidays) -> Result<Date, CurveGap> {
    if lockout == 0 {
        return Ok(Date::MAX);
    }
    Ok(back(to, lockout, holidays)?.max(business_day_on(from, holidays)?))
}

#[cfg(test)]
#[path = "sofr_tests.rs"]
mod tests;
