#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "tests")]
use super::*;
use crate::calendar::Weekend;
use crate::debt::floating::Beyond;
use proptest::prelude::*;

/// Monday 2025-06-02.
const MONDAY: Date = 20_241;

fn daily<'a>(dates: &'a [Date], values: &'a [i64]) -> Daily<'a> {
    Daily {
        curve: Curve::new(dates, values, Beyond::Refuse).unwrap(),
        compounded: true,
        lookback: 0,
        observation_shift: false,
        lockout: 0,
        year_days: 360,
        collar: Collar::OPEN,
    }
}

#[test]
fn a_friday_counts_three_days() {
    // Monday to Monday at 4 %, Friday at 7 %: ((1 + 0.04/360)^4 (1 + 3 x 0.07/360) - 1) x 360/7.
    let dates = [MONDAY, MONDAY + 4, MONDAY + 7];
    let values = [4, 7, 99].map(|percent| percent * AnnualRate::UNIT / 100);
    let exact = ((1.0_f64 + 0.04 / 360.0).powi(4) * (1.0 + 0.21 / 360.0) - 1.0) * 360.0 / 7.0;
    let expected = (exact * 1e7).round() as i64 * STEP_PARTS;
    assert_eq!(rate_over(&daily(&dates, &values), MONDAY, MONDAY + 7, &Holidays::default()), Ok(expected));
    // With Friday off, Thursday counts for four days, at Thursday's fixing.
    let exact = ((1.0_f64 + 0.04 / 360.0).powi(3) * (1.0 + 0.16 / 360.0) - 1.0) * 360.0 / 7.0;
    let expected = (exact * 1e7).round() as i64 * STEP_PARTS;
    assert_eq!(
        rate_over(&daily(&dates, &values), MONDAY, MONDAY + 7, &Holidays::new(Weekend::default(), vec![MONDAY + 4])),
        Ok(expected)
    );
}

#[test]
fn lookback_shift_and_lockout() {
    // Two weeks; the rate of each day tells the day apart.
    let dates: Vec<Date> = (MONDAY - 7..MONDAY + 14).filter(|day| Holidays::default().is_business_day(*day)).collect();
    let values: Vec<i64> = (1..=dates.len() as i64).map(|n| n * AnnualRate::UNIT / 1_000).collect();
    let seen = |daily: Daily<'_>, from, to| {
        let mut cuts = Vec::new();
        daily
            .each_cut(from, to, &Holidays::default(), &mut |fixing, days| {
                cuts.push((fixing * 1_000 / AnnualRate::UNIT, days))
            })
            .unwrap();
        cuts
    };
    let plain = daily(&dates, &values);
    assert_eq!(seen(plain, MONDAY, MONDAY + 7), [(6, 1), (7, 1), (8, 1), (9, 1), (10, 3)]);
    let back = Daily { lookback: 2, ..plain };
    assert_eq!(seen(back, MONDAY, MONDAY + 7), [(4, 1), (5, 1), (6, 1), (7, 1), (8, 3)]);
    // Shifted by two days, the period runs from Thursday to Thursday, and Friday counts for three days in it.
    let shifted = Daily { observation_shift: true, ..back };
    assert_eq!(seen(shifted, MONDAY - 4, MONDAY + 3), [(4, 1), (5, 3), (6, 1), (7, 1), (8, 1)]);
    let locked = Daily { lockout: 2, ..plain };
    assert_eq!(seen(locked, MONDAY, MONDAY + 7), [(6, 1), (7, 1), (8, 1), (9, 1), (9, 3)]);
    assert_eq!(
        locked.fixing_on(MONDAY + 4, MONDAY, MONDAY + 7, &Holidays::default()),
        Ok((9 * AnnualRate::UNIT / 1_000, MONDAY + 7))
    );
    assert_eq!(
        plain.fixing_on(MONDAY + 6, MONDAY, MONDAY + 14, &Holidays::default()),
        Ok((10 * AnnualRate::UNIT / 1_000, MONDAY + 7))
    );
    let early = rate_over(&Daily { lookback: 6, ..plain }, MONDAY, MONDAY + 1, &Holidays::default());
    assert_eq!(early, Err(CurveGap::Before(MONDAY - 10)));
}

#[test]
fn a_tie_goes_to_even() {
    // One day at 4.000005 % and at 4.000015 %: half a step each, decided by whole numbers.
    for (value, steps) in [(40_000_050_000, 400_000), (40_000_150_000, 400_002), (-40_000_050_000, -400_000)] {
        let (dates, values) = ([MONDAY, MONDAY + 1], [value, 0]);
        let daily = daily(&dates, &values);
        assert_eq!(rate_over(&daily, MONDAY, MONDAY + 1, &Holidays::default()), Ok(steps * STEP_PARTS));
    }
}

proptest! {
    /// Whole numbers and floats agree wherever the floats dare to answer: the exact path alone gives the same.
    #[test]
    fn floats_decide_only_what_is_certain(
        rates in prop::collection::vec(-500_i64..2_000, 1..90), year in prop_oneof![Just(360_u16), Just(365)],
    ) {
        let dates: Vec<Date> = (0..rates.len() as i32).map(|n| MONDAY + n).collect();
        let values: Vec<i64> = rates.iter().map(|basis_points| basis_points * AnnualRate::UNIT / 10_000).collect();
        let mut daily = daily(&dates, &values);
        daily.year_days = year;
        daily.curve = Curve::new(&dates, &values, Beyond::Flat).unwrap();
        let (from, to) = (MONDAY, MONDAY + rates.len() as i32);
        let quick = rate_over(&daily, from, to, &Holidays::default()).unwrap();
        prop_assert_eq!(quick, exact_rate(&daily, from, to, &Holidays::default(), quick / STEP_PARTS - 1).unwrap());
        prop_assert_eq!(quick, exact_rate(&daily, from, to, &Holidays::default(), quick / STEP_PARTS).unwrap());
    }
}
