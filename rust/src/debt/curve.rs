//! What an index fixed, or is expected to be fixed at: values by date.
#![forbid(unsafe_code)]

use crate::calendar::Date;

/// What a curve says of days before its first and after its last date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing: that is an error.
    Refuse,
    /// The first and the last value, for ever.
    Flat,
}

/// A day for which there is no fixing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveGap {
    /// It lies before the curve's first date.
    Before(Date),
    /// It lies after the curve's last date.
    After(Date),
    /// There is no business day near it.
    Closed(Date),
}

/// Fixings of an index, or a forward curve: a value from each date on. Dates ascend without repetition.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    dates: &'a [Date],
    values: &'a [i64],
    /// The lowest and the highest value.
    range: (i64, i64),
    beyond: Beyond,
}

/// What is wrong with the dates of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveFault {
    /// There is no value.
    Empty,
    /// This row's date lies before that of the row above.
    Order(usize),
    /// This row's date is that of the row above.
    Duplicate(usize),
}

impl<'a> Curve<'a> {
    /// Judges the dates; they are never sorted silently, since that would hide which of two values was meant.
    ///
    /// # Errors
    /// The first [`CurveFault`].
    pub fn new(dates: &'a [Date], values: &'a [i64], beyond: Beyond) -> Result<Self, CurveFault> {
        if dates.is_empty() || dates.len() != values.len() {
            return Err(CurveFault::Empty);
        }
        for (row, pair) in dates.windows(2).enumerate() {
            let [before, after] = pair else { continue };
            match after.cmp(before) {
                std::cmp::Ordering::Less => return Err(CurveFault::Order(row.saturating_add(1))),
                std::cmp::Ordering::Equal => return Err(CurveFault::Duplicate(row.saturating_add(1))),
                std::cmp::Ordering::Greater => {}
            }
        }
        Ok(Self::judged(dates, values, range_of(values), beyond))
    }

    /// A curve whose dates have been judged, with the [`range_of`] its values.
    #[must_use]
    pub fn judged(dates: &'a [Date], values: &'a [i64], range: (i64, i64), beyond: Beyond) -> Self {
        Self { dates, values, range, beyond }
    }

    /// The last fixing on or before a day.
    ///
    /// # Errors
    /// [`CurveGap`] outside the first and the last date, unless the curve goes on flat.
    pub fn in_force(&self, on: Date) -> Result<i64, CurveGap> {
        let after = self.dates.partition_point(|date| *date <= on);
        let refuse = self.beyond == Beyond::Refuse;
        match after.checked_sub(1) {
            None if refuse => Err(CurveGap::Before(on)),
            None => Ok(self.values.first().copied().unwrap_or(0)),
            Some(at) => match (self.dates.get(at), self.values.get(at)) {
                (Some(date), Some(value)) if after < self.dates.len() || *date == on || !refuse => Ok(*value),
                _ => Err(CurveGap::After(on)),
            },
        }
    }

    /// Whether [`Curve::in_force`] has a fixing on a day.
    #[must_use]
    #[inline]
    pub fn knows(&self, on: Date) -> bool {
        let (first, last) = self.ends();
        self.beyond == Beyond::Flat || (first..=last).contains(&on)
    }

    /// The first and the last date.
    #[must_use]
    #[inline]
    pub fn ends(&self) -> (Date, Date) {
        let end = |date: Option<&Date>| date.copied().unwrap_or(0);
        (end(self.dates.first()), end(self.dates.last()))
    }

    /// Hands out the fixings in force on days that ascend, in one pass: those of [`Curve::in_force`] where the first and
    /// the last day have one.
    #[inline]
    pub fn in_force_on(&self, days: impl Iterator<Item = Date>, mut emit: impl FnMut(i64)) {
        let mut days = days.peekable();
        let Some(first) = days.peek() else { return };
        let mut at = self.dates.partition_point(|date| date <= first);
        let mut now = self.values.get(at.saturating_sub(1)).copied().unwrap_or(0);
        let coming = |at: usize| self.dates.get(at).copied().unwrap_or(Date::MAX);
        let mut until = coming(at);
        for day in days {
            while until <= day && at < self.dates.len() {
                now = self.values.get(at).copied().unwrap_or(now);
                at = at.saturating_add(1);
                until = coming(at);
            }
            emit(now);
        }
    }

    /// The lowest and the highest fixing.
    #[must_use]
    pub fn range(&self) -> (i64, i64) {
        self.range
    }

    /// The first day after `on` from which another fixing may be in force.
    #[must_use]
    pub fn next_date(&self, on: Date) -> Option<Date> {
        self.dates.get(self.dates.partition_point(|date| *date <= on)).copied()
    }
}

/// The lowest and the highest of some values.
#[must_use]
pub fn range_of(values: &[i64]) -> (i64, i64) {
    values.iter().fold((i64::MAX, i64::MIN), |(low, high), value| (low.min(*value), high.max(*value)))
}
