//! Floating rates that nothing but a fixing at the start of each period and a margin makes.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use crate::calendar::{Date, Month, month_of, month_starts};
use crate::debt::floating::{Collar, Curve, floating_rate};
use crate::rate::AnnualRate;

/// An index with a margin, fixed at the start of each period.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimpleFloat<'a> {
    pub curve: Curve<'a>,
    /// The number of the curve.
    pub code: usize,
    pub collars: (Collar, Collar),
    pub margin: i64,
}

impl SimpleFloat<'_> {
    /// The highest rate it may have, where none is negative and every day from the first to the last has a fixing.
    pub fn highest(&self, first: Date, last: Date) -> Option<AnnualRate> {
        let known = self.curve.knows(first) && self.curve.knows(last);
        let (low, high) = self.curve.range();
        let of = |fixing| floating_rate(self.collars, fixing, self.margin);
        (known && of(low) >= 0).then(|| AnnualRate::from_parts(of(high)))
    }

    /// Hands out the rates of periods with these fixings, in 10^-12.
    #[inline]
    pub fn rates<'b>(&self, fixings: impl Iterator<Item = &'b i64>, mut emit: impl FnMut(i64)) {
        if self.collars == (Collar::OPEN, Collar::OPEN) {
            return fixings.for_each(|fixing| emit(fixing.saturating_add(self.margin)));
        }
        fixings.for_each(|fixing| emit(floating_rate(self.collars, *fixing, self.margin)));
    }
}

/// Fixings by month, found once for all loans of a curve that are fixed on the same day of a month.
#[derive(Default)]
pub(super) struct Fixings {
    /// By the number of the curve and the day of the month.
    tables: BTreeMap<(usize, i32), ByMonth>,
    /// Months in all tables.
    held: usize,
    /// Those of the loan at hand, where no table has them.
    own: Vec<i64>,
}

/// Fixings in force on one day of each month, from the month of a curve's first date to that of its last.
struct ByMonth {
    values: Vec<i64>,
    /// What loans have asked for: nothing else has been looked up.
    known: Range<usize>,
}

impl Fixings {
    /// Beyond that no more tables are made, so that many curves take no more memory than a few.
    const MOST_MONTHS: usize = 1 << 16;

    /// The fixings in force on a day of so many months from one on.
    pub fn on(&mut self, float: &SimpleFloat<'_>, day: i32, from: Month, months: usize) -> &[i64] {
        let Self { tables, held, own } = self;
        if let Some(fixings) = shared(tables, held, float, day, from, months) {
            return fixings;
        }
        own.clear();
        float.curve.in_force_on(days(day, from).take(months), |fixing| own.push(fixing));
        own
    }
}

/// The fixings from the table of the curve and the day, if it has or may have one that goes so far.
fn shared<'a>(
    tables: &'a mut BTreeMap<(usize, i32), ByMonth>,
    held: &mut usize,
    float: &SimpleFloat<'_>,
    day: i32,
    from: Month,
    months: usize,
) -> Option<&'a [i64]> {
    let (first, last) = float.curve.ends();
    let (first, last) = (month_of(first), month_of(last));
    let start = usize::try_from(from.saturating_sub(first)).ok()?;
    let end = start.checked_add(months)?;
    let all = usize::try_from(last.saturating_sub(first)).ok()?.saturating_add(1);
    if end > all {
        return None;
    }
    let ByMonth { values, known } = match tables.entry((float.code, day)) {
        Entry::Occupied(table) => table.into_mut(),
        Entry::Vacant(_) if held.saturating_add(all) > Fixings::MOST_MONTHS => return None,
        Entry::Vacant(place) => {
            *held = held.saturating_add(all);
            place.insert(ByMonth { values: vec![0; all], known: start..start })
        }
    };
    for part in [start..known.start, known.end..end] {
        let month = first.saturating_add(i32::try_from(part.start).unwrap_or(i32::MAX));
        let Some(missing) = values.get_mut(part).filter(|missing| !missing.is_empty()) else { continue };
        let days = days(day, month).take(missing.len());
        let mut missing = missing.iter_mut();
        float.curve.in_force_on(days, |fixing| {
            if let Some(slot) = missing.next() {
                *slot = fixing;
            }
        });
    }
    *known = start.min(known.start)..end.max(known.end);
    values.get(start..end)
}

/// A day of a month and of those after it, for days that every month has.
fn days(day: i32, from: Month) -> impl Iterator<Item = Date> {
    month_starts(from).iter().map(move |first| first.saturating_add(day).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::month_start;
    use crate::debt::floating::{Beyond, range_of};

    fn float<'a>(code: usize, dates: &'a [Date], values: &'a [i64], beyond: Beyond) -> SimpleFloat<'a> {
        let curve = Curve::judged(dates, values, range_of(values), beyond);
        SimpleFloat { curve, code, collars: (Collar::OPEN, Collar::OPEN), margin: 0 }
    }

    #[test]
    fn many_curves_hold_no_more_than_a_few() {
        let (dates, values) = ([month_start(0), month_start(1_999)], [1, 2]);
        let mut fixings = Fixings::default();
        for code in 0..100 {
            let loan = float(code, &dates, &values, Beyond::Refuse);
            assert_eq!(fixings.on(&loan, 1, 1_998, 2), [1, 2]);
            assert!(fixings.held <= Fixings::MOST_MONTHS && fixings.tables.len() == 32.min(code + 1));
        }
    }

    proptest! {
        /// Whatever was asked for before, in whichever order: each fixing is the last on or before its day.
        #[test]
        fn shared_fixings_are_those_in_force(
            steps in prop::collection::vec((1_i32..200, 0_i64..1_500), 2..40), flat: bool,
            asked in prop::collection::vec((0_usize..2, 1_i32..29, -10_i32..80, 1_i32..60), 1..30),
        ) {
            let mut at = month_start(6);
            let (dates, values): (Vec<Date>, Vec<i64>) = steps.iter().map(|(gap, value)| { at += gap; (at, *value) }).unzip();
            let others: Vec<i64> = values.iter().map(|value| value + 7).collect();
            let beyond = if flat { Beyond::Flat } else { Beyond::Refuse };
            let loans = [float(0, &dates, &values, beyond), float(1, &dates, &others, beyond)];
            let mut fixings = Fixings::default();
            for (code, day, from, months) in asked {
                let loan = loans.get(code).unwrap();
                let day_of = |month: i32| month_start(from + month) + day - 1;
                let (first, last) = (day_of(0), day_of(months - 1));
                for day in [first, last] {
                    prop_assert_eq!(loan.curve.knows(day), loan.curve.in_force(day).is_ok());
                }
                if loan.highest(first, last).is_none() {
                    continue;
                }
                let found = fixings.on(loan, day, from, usize::try_from(months).unwrap());
                let want: Vec<i64> = (0..months).map(|month| loan.curve.in_force(day_of(month)).unwrap()).collect();
                prop_assert_eq!(found, want);
            }
        }
    }
}
