#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "tests")]
use std::sync::LazyLock;

use super::*;
use crate::calendar::Weekend;
use proptest::prelude::*;

static PLAIN: LazyLock<Holidays> = LazyLock::new(Holidays::default);
const BP: i64 = AnnualRate::UNIT / 10_000;

fn terms<'a>(base: Base<'a>, changes: &'a [Change]) -> RateTerms<'a> {
    RateTerms {
        base,
        index_collar: Collar::OPEN,
        rate_collar: Collar::OPEN,
        at_start: Standing::default(),
        changes,
        holidays: &PLAIN,
    }
}

fn all(terms: &RateTerms<'_>, from: Date, to: Date) -> Vec<(Date, Date, i64, i64)> {
    let mut found = Vec::new();
    terms
        .stretches(from..to, |part| found.push((part.from, part.to, part.cash_rate / BP, part.pik_rate / BP)))
        .unwrap();
    found
}

#[test]
fn curves_are_judged_and_end() {
    assert_eq!(Curve::new(&[], &[], Beyond::Flat).unwrap_err(), CurveFault::Empty);
    assert_eq!(Curve::new(&[1, 3, 2], &[0; 3], Beyond::Flat).unwrap_err(), CurveFault::Order(2));
    assert_eq!(Curve::new(&[1, 1, 0], &[0; 3], Beyond::Flat).unwrap_err(), CurveFault::Duplicate(1));
    let curve = Curve::new(&[10, 20], &[5, 7], Beyond::Refuse).unwrap();
    assert_eq!([10, 19, 20].map(|day| curve.in_force(day)), [Ok(5), Ok(5), Ok(7)]);
    assert_eq!((curve.in_force(9), curve.in_force(21)), (Err(CurveGap::Before(9)), Err(CurveGap::After(21))));
    let flat = Curve::new(&[10, 20], &[5, 7], Beyond::Flat).unwrap();
    assert_eq!((flat.in_force(9), flat.in_force(21)), (Ok(5), Ok(7)));
}

#[test]
fn resets_look_back_over_a_weekend() {
    // 1970-01-05 is a Monday, day 4: two business days before it is Thursday, day 0.
    let friday_off = Holidays::new(Weekend::default(), vec![1]);
    assert_eq!([0, 1, 2].map(|days| back(4, days, &PLAIN).unwrap()), [4, 1, 0]);
    assert_eq!(back(4, 2, &friday_off), Ok(-1));
    let closed = Holidays::new(Weekend::from_bits(127).unwrap(), vec![]);
    assert_eq!(back(4, 1, &closed), Err(CurveGap::Closed(3)));
    let curve = Curve::new(&[-10, 0, 1], &[100 * BP, 200 * BP, 300 * BP], Beyond::Flat).unwrap();
    let loan = terms(Base::Index { curve, reset: Reset::EachPeriod, lag: 2 }, &[]);
    assert_eq!(all(&loan, 4, 30), [(4, 30, 200, 0)]);
}

#[test]
fn months_are_counted_from_the_anchor() {
    // From 1970-01-31: resets on 28 February (58) and 31 March (89).
    assert_eq!([29, 30, 57, 58, 88, 89].map(|day| reset_around(day, 30, 1).0), [30, 30, 30, 58, 58, 89]);
    let curve = Curve::new(&[30, 58, 89], &[100 * BP, 200 * BP, 300 * BP], Beyond::Refuse).unwrap();
    let loan = terms(Base::Index { curve, reset: Reset::Months { anchor: 30, months: 1 }, lag: 0 }, &[]);
    assert_eq!(all(&loan, 30, 89), [(30, 58, 100, 0), (58, 89, 200, 0)]);
    let each = terms(Base::Index { curve, reset: Reset::EachFixing, lag: 0 }, &[]);
    assert_eq!(all(&each, 30, 89), [(30, 58, 100, 0), (58, 89, 200, 0)]);
}

#[test]
fn terms_change_inside_a_period() {
    let changes = [
        Change { date: 10, term: Term::AnnualRate, value: 600 * BP },
        Change { date: 20, term: Term::DefaultMargin, value: 200 * BP },
        Change { date: 20, term: Term::PikShare, value: AnnualRate::UNIT / 2 },
        Change { date: 30, term: Term::DefaultMargin, value: 0 },
        Change { date: 30, term: Term::Pik, value: 100 * BP },
        Change { date: 90, term: Term::AnnualRate, value: 0 },
    ];
    let loan = terms(Base::Fixed(500 * BP), &changes);
    assert_eq!(all(&loan, 0, 40), [(0, 10, 500, 0), (10, 20, 600, 0), (20, 30, 400, 400), (30, 40, 300, 400)]);
    assert_eq!(all(&loan, 40, 41), [(40, 41, 300, 400)], "what changed before the period stands");
    assert!(all(&loan, 40, 40).is_empty());
}

#[test]
fn a_default_margin_stands_above_the_cap() {
    let curve = Curve::new(&[0], &[900 * BP], Beyond::Flat).unwrap();
    let mut loan = terms(Base::Index { curve, reset: Reset::EachPeriod, lag: 0 }, &[]);
    loan.at_start.margin = 300 * BP;
    loan.at_start.default_margin = 200 * BP;
    loan.index_collar = Collar::new(None, Some(800 * BP)).unwrap();
    loan.rate_collar = Collar::new(Some(0), Some(1_000 * BP)).unwrap();
    assert_eq!(all(&loan, 0, 1), [(0, 1, 1_200, 0)]);
    assert_eq!(Collar::new(Some(2), Some(1)), None);
}

proptest! {
    /// I31: the rate lies between floor and cap, of the fixing in force, for negative rates too; stretches cover the
    /// period without a gap.
    #[test]
    fn rates_are_those_of_the_last_fixing(
        steps in prop::collection::vec((1_i32..40, -300_i64..1_500), 1..30), margin in -200_i64..900,
        floor in prop::option::of(-100_i64..300), cap in prop::option::of(300_i64..900),
        from in 0_i32..500, length in 1_i32..120, months in 1_i32..7, lag in 0_u16..6,
    ) {
        let mut day = -60;
        let (dates, values): (Vec<Date>, Vec<i64>) = steps.iter().map(|(gap, bp)| { day += gap; (day, bp * BP) }).unzip();
        let curve = Curve::new(&dates, &values, Beyond::Flat).unwrap();
        for reset in [Reset::EachPeriod, Reset::Months { anchor: 0, months }, Reset::EachFixing] {
            let mut loan = terms(Base::Index { curve, reset, lag }, &[]);
            loan.at_start.margin = margin * BP;
            loan.index_collar = Collar::new(floor.map(|bp| bp * BP), cap.map(|bp| bp * BP)).unwrap();
            let mut at = from;
            loan.stretches(from..from + length, |part| {
                assert_eq!(part.from, at);
                assert!(part.to > at);
                for day in part.from..part.to {
                    let on = match reset {
                        Reset::EachPeriod => from,
                        Reset::EachFixing => day,
                        Reset::Months { .. } => (0..).map(|n| add_months(0, n * months)).take_while(|date| *date <= day).last().unwrap(),
                    };
                    let seen = back(on, lag, &PLAIN).unwrap();
                    let fixing = dates.iter().zip(&values).rev().find(|(date, _)| **date <= seen).map_or(values[0], |(_, value)| *value);
                    let index = fixing.max(floor.map_or(i64::MIN, |bp| bp * BP)).min(cap.map_or(i64::MAX, |bp| bp * BP));
                    assert_eq!((part.index, part.cash_rate, part.pik_rate), (fixing, index + margin * BP, 0));
                }
                at = part.to;
            }).unwrap();
            prop_assert_eq!(at, from + length);
        }
    }
}
