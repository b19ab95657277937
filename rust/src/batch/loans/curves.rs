//! Curves of all indices, read from one table and judged row by row.
#![forbid(unsafe_code)]

use crate::batch::reader::iso;
use crate::calendar::Date;
use crate::debt::floating::{Beyond, Curve, range_of};
use crate::error::{Column, IssueLog, Rule};
use crate::rate::AnnualRate;

/// Fixings or forward rates by index.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    dates: Vec<Vec<Date>>,
    values: Vec<Vec<i64>>,
    /// The lowest and the highest value of each.
    ranges: Vec<(i64, i64)>,
    flat: bool,
}

impl Curves {
    /// Sorts rows by their index (`codes`, each below `count`), in the order in which they stand; what is wrong with
    /// them is returned. Rates above 100 % are refused unless `allow_high`.
    #[must_use]
    pub fn new(
        count: usize,
        codes: &[i32],
        dates: &[Date],
        values: &[f64],
        flat: bool,
        allow_high: bool,
    ) -> (Self, IssueLog) {
        let mut curves =
            Self { dates: vec![Vec::new(); count], values: vec![Vec::new(); count], ranges: Vec::new(), flat };
        let mut log = IssueLog::default();
        for (row, ((code, date), value)) in codes.iter().zip(dates).zip(values).enumerate() {
            let parts = AnnualRate::new(*value, allow_high).map(AnnualRate::parts);
            if let Err(rule) = parts {
                log.note(row, Column::Argument("rates.value"), rule, value);
            }
            let place = usize::try_from(*code).unwrap_or(usize::MAX);
            let (Some(own), Some(rates)) = (curves.dates.get_mut(place), curves.values.get_mut(place)) else {
                continue;
            };
            // Never sorted silently: that would hide which of two rows was meant.
            let wrong = match own.last() {
                Some(last) if date < last => Some(Rule::CurveOrder),
                Some(last) if date == last => Some(Rule::CurveDuplicate),
                _ => None,
            };
            if let Some(rule) = wrong {
                log.note(row, Column::Argument("rates.date"), rule, iso(*date));
                continue;
            }
            own.push(*date);
            rates.push(parts.unwrap_or(0));
        }
        curves.ranges = curves.values.iter().map(|values| range_of(values)).collect();
        (curves, log)
    }

    /// The curve of an index, if it has any values.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Curve<'_>> {
        let beyond = if self.flat { Beyond::Flat } else { Beyond::Refuse };
        // `new` kept only dates that ascend.
        let (dates, values) = (self.dates.get(index)?, self.values.get(index)?);
        (!dates.is_empty()).then_some(Curve::judged(dates, values, *self.ranges.get(index)?, beyond))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn rows_are_judged_where_they_stand() {
        let codes = [0, 1, 0, 1, 1, 0, -1];
        let dates = [10, 10, 20, 10, 9, 30, 0];
        let values = [0.01, 0.02, f64::NAN, 0.0, 0.0, 5.0, 0.0];
        let (curves, log) = Curves::new(2, &codes, &dates, &values, false, false);
        let found: Vec<_> =
            log.iter().map(|(column, rule, issue)| (column.name(), rule, issue.first_rows.clone())).collect();
        assert_eq!(
            found,
            [
                ("rates.date", Rule::CurveOrder, vec![4]),
                ("rates.date", Rule::CurveDuplicate, vec![3]),
                ("rates.value", Rule::NonFinite, vec![2]),
                ("rates.value", Rule::RateUnit, vec![5]),
            ]
        );
        assert_eq!(curves.get(1).unwrap().in_force(10), Ok(AnnualRate::UNIT / 50));
        assert!(curves.get(2).is_none());
    }
}
