//! Expected values are the arithmetic of the clause, written out.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::float_cmp, reason = "tests")]

use proptest::prelude::*;

use super::super::date::{add_months, month_of};
use super::*;

const NOTHING: Context = Context { maturity: None, reference: None };

fn date(year: i32, month: i32, day: i32) -> Date {
    month_start((year - 1970) * 12 + month - 1) + day - 1
}

/// Equal as fractions.
fn same(found: YearFraction, top: i64, bottom: i64) {
    assert_eq!(i128::from(found.top) * i128::from(bottom), i128::from(top) * i128::from(found.bottom), "{found:?}");
}

fn days(day_count: DayCount, start: Date, end: Date, context: &Context) -> i64 {
    day_count.fraction(start, end, context).top
}

#[test]
fn names_of_the_market() {
    for (name, day_count) in DayCount::ALL {
        assert_eq!(DayCount::parse(name), Some(day_count));
        assert_eq!(DayCount::parse(&name.to_lowercase()), Some(day_count));
    }
    for (name, day_count) in [
        ("Actual/360", DayCount::Act360),
        ("Actual/365 (Fixed)", DayCount::Act365Fixed),
        ("act/365 fixed", DayCount::Act365Fixed),
        ("Act/Act (ISDA)", DayCount::ActActIsda),
        ("Actual/Actual (Historical)", DayCount::ActActIsda),
        ("ACT/ACT.ISMA", DayCount::ActActIcma),
        ("30/360 Bond Basis", DayCount::Thirty360),
        ("Eurobond basis", DayCount::ThirtyE360),
        ("30E/360 (ISDA)", DayCount::ThirtyE360Isda),
        ("28E336", DayCount::TwentyEight336),
    ] {
        assert_eq!(DayCount::parse(name), Some(day_count), "{name}");
    }
    for name in ["", "30/365", "ACT", "ACT/366", "ACT/ACT AFB", "30/360 NASD", "/"] {
        assert_eq!(DayCount::parse(name), None, "{name}");
    }
    let mut names: Vec<String> = DayCount::ALIASES.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.extend(DayCount::ALL.iter().map(|(name, _)| name.replace(' ', "")));
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "a name stands for one day count");
}

/// 4.16(d), (e): January to July 2024 has 31 + 29 + 31 + 30 + 31 + 30 = 182 days.
#[test]
fn actual_days_over_a_fixed_year() {
    let (start, end) = (date(2024, 1, 1), date(2024, 7, 1));
    assert_eq!(DayCount::Act360.fraction(start, end, &NOTHING), YearFraction { top: 182, bottom: 360 });
    assert_eq!(DayCount::Act365Fixed.fraction(start, end, &NOTHING), YearFraction { top: 182, bottom: 365 });
}

/// 4.16(b) on the periods of ISDA's memorandum "EMU and Market Conventions: Recent Developments".
#[test]
fn actual_actual_isda_splits_at_new_year() {
    let fraction = |start, end| DayCount::ActActIsda.fraction(start, end, &NOTHING);
    let of = |leap: i64, other: i64| (leap * 365 + other * 366, 365 * 366);
    for (start, end, leap, other) in [
        (date(2003, 11, 1), date(2004, 5, 1), 31 + 29 + 31 + 30, 30 + 31),
        (date(1999, 2, 1), date(1999, 7, 1), 0, 28 + 31 + 30 + 31 + 30),
        (date(1999, 7, 1), date(2000, 7, 1), 182, 184),
        (date(2002, 8, 15), date(2003, 7, 15), 0, 365 - 31),
        (date(1999, 7, 30), date(2000, 1, 30), 29, 2 + 31 + 30 + 31 + 30 + 31),
        (date(2000, 1, 30), date(2000, 6, 30), 2 + 29 + 31 + 30 + 31 + 29, 0),
        (date(2000, 2, 28), date(2000, 3, 1), 2, 0),
        (date(1999, 12, 31), date(2001, 1, 1), 366, 1),
    ] {
        let (top, bottom) = of(leap, other);
        assert_eq!(fraction(start, end), YearFraction { top, bottom });
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let expected = leap as f64 / 366.0 + other as f64 / 365.0;
        assert_eq!(DayCount::ActActIsda.fraction_f64(start, end, &NOTHING), expected);
    }
    same(fraction(date(1900, 1, 1), date(2199, 1, 1)), 299, 1);
}

/// Rule 251 on the same memorandum's periods: regular, short and long first, long last.
#[test]
fn actual_actual_icma_counts_regular_periods() {
    let fraction = |start, end, from, to, months| {
        let reference = Reference::new(from, to, months, false);
        assert!(reference.is_some());
        DayCount::ActActIcma.fraction(start, end, &Context { maturity: None, reference })
    };
    // A regular half year is 1/2: 182 / (2 x 182).
    let (start, end) = (date(2003, 11, 1), date(2004, 5, 1));
    same(fraction(start, end, start, end, 6), 182, 2 * 182);
    // Short first of a yearly coupon: 150 of the 365 days from July to July.
    same(fraction(date(1999, 2, 1), date(1999, 7, 1), date(1998, 7, 1), date(1999, 7, 1), 12), 150, 365);
    // Long first of a half-yearly coupon: 153 of 184 days, and a whole period.
    let found = fraction(date(2002, 8, 15), date(2003, 7, 15), date(2003, 1, 15), date(2003, 7, 15), 6);
    same(found, 153 + 184, 2 * 184);
    // Short last of a half-yearly coupon: 30 January to 30 June, of 182 days.
    same(fraction(date(2000, 1, 30), date(2000, 6, 30), date(2000, 1, 30), date(2000, 7, 30), 6), 152, 2 * 182);
    // Long last of a quarterly coupon at month ends: a whole quarter of 91 days, then 61 of the 92 to 31 May.
    let reference = Reference::new(date(1999, 11, 30), date(2000, 2, 29), 3, true);
    let context = Context { maturity: None, reference };
    let found = DayCount::ActActIcma.fraction(date(1999, 11, 30), date(2000, 4, 30), &context);
    same(found, 91 * 92 + 61 * 91, 4 * 91 * 92);
    // The same when the reference lies elsewhere, before, after, or far away.
    for (from, to) in [((1999, 8, 31), (1999, 11, 30)), ((2000, 5, 31), (2000, 8, 31)), ((2023, 2, 28), (2023, 5, 31))]
    {
        let reference = Reference::new(date(from.0, from.1, from.2), date(to.0, to.1, to.2), 3, true);
        let context = Context { maturity: None, reference };
        assert_eq!(DayCount::ActActIcma.fraction(date(1999, 11, 30), date(2000, 4, 30), &context), found);
    }
    // Seven quarters and two stubs.
    let reference = Reference::new(date(2020, 1, 31), date(2020, 4, 30), 3, true);
    let context = Context { maturity: None, reference };
    let found = DayCount::ActActIcma.fraction(date(2019, 12, 31), date(2021, 11, 30), &context);
    same(found, 31 * 92 + 7 * 92 * 92 + 30 * 92, 4 * 92 * 92);
    // Without a reference: years from the start.
    same(DayCount::ActActIcma.fraction(date(2024, 2, 29), date(2025, 2, 28), &NOTHING), 1, 1);
    same(DayCount::ActActIcma.fraction(date(2024, 2, 29), date(2024, 8, 29), &NOTHING), 182, 365);
}

/// Coupons moved to business days are their own reference, and give exactly the coupon's share.
#[test]
fn moved_regular_periods_stay_regular() {
    let (start, end) = (date(2024, 4, 1), date(2024, 6, 28)); // of 31 March and 30 June, both Sundays
    let reference = Reference::new(start, end, 3, false);
    let found = DayCount::ActActIcma.fraction(start, end, &Context { maturity: None, reference });
    same(found, 1, 4);
    let (november, february, may) = (date(2023, 11, 30), date(2024, 2, 29), date(2024, 5, 31));
    assert_eq!(Reference::starting(november, 3, true), Reference::new(november, february, 3, true));
    assert_eq!(Reference::ending(may, 3, true), Reference::new(february, may, 3, true));
    assert_eq!(Reference::ending(may, 0, true).or(Reference::starting(may, 13, true)), None);
    assert_eq!(Reference::new(date(2024, 1, 1), date(2024, 9, 1), 6, false), None);
    assert_eq!(Reference::new(date(2024, 1, 1), date(2024, 1, 1), 1, false), None);
    assert_eq!(Reference::new(date(2024, 1, 1), date(2026, 1, 1), 24, false), None);
}

/// The rules of 4.16(f), (g), (h) and of the end of February, on the same pairs of dates.
#[test]
fn months_of_thirty_days() {
    // start, end, 30/360, 30/360 US, 30E/360, 30E/360 ISDA, and that at maturity
    let whole = |months: i64| 30 * months;
    for (start, end, expected) in [
        ((2007, 1, 15), (2007, 2, 15), [whole(1); 5]),
        // The 31st is the 30th as a start; as an end only in (g) and (h), or after the 30th.
        ((2007, 1, 31), (2007, 3, 31), [whole(2); 5]),
        ((2007, 1, 30), (2007, 3, 31), [whole(2); 5]),
        ((2007, 1, 29), (2007, 3, 31), [whole(2) + 2, whole(2) + 2, whole(2) + 1, whole(2) + 1, whole(2) + 1]),
        ((2007, 3, 31), (2007, 3, 31), [0; 5]),
        // From the end of February: it is the 30th for US and for (h).
        ((2007, 2, 28), (2007, 3, 31), [whole(1) + 3, whole(1), whole(1) + 2, whole(1), whole(1)]),
        ((2008, 2, 29), (2008, 8, 31), [whole(6) + 2, whole(6), whole(6) + 1, whole(6), whole(6)]),
        ((2008, 2, 28), (2008, 8, 31), [whole(6) + 3, whole(6) + 3, whole(6) + 2, whole(6) + 2, whole(6) + 2]),
        // To the end of February: only (h) lifts it, and not at maturity; US lifts it after another end of February.
        ((2006, 8, 31), (2007, 2, 28), [whole(6) - 2, whole(6) - 2, whole(6) - 2, whole(6), whole(6) - 2]),
        ((2008, 2, 29), (2009, 2, 28), [whole(12) - 1, whole(12), whole(12) - 1, whole(12), whole(12) - 2]),
        ((2007, 2, 28), (2008, 2, 29), [whole(12) + 1, whole(12), whole(12) + 1, whole(12), whole(12) - 1]),
        ((2007, 2, 28), (2008, 2, 28), [whole(12), whole(12) - 2, whole(12), whole(12) - 2, whole(12) - 2]),
        // 2100 has no leap day.
        ((2100, 2, 28), (2100, 3, 1), [3, 1, 3, 1, 1]),
    ] {
        let (start, end) = (date(start.0, start.1, start.2), date(end.0, end.1, end.2));
        let at_maturity = Context { maturity: Some(end), reference: None };
        let found = [
            days(DayCount::Thirty360, start, end, &NOTHING),
            days(DayCount::Thirty360Us, start, end, &NOTHING),
            days(DayCount::ThirtyE360, start, end, &NOTHING),
            days(DayCount::ThirtyE360Isda, start, end, &NOTHING),
            days(DayCount::ThirtyE360Isda, start, end, &at_maturity),
        ];
        assert_eq!(found, expected, "{start} {end}");
    }
    // 28E/336: 29 January and 31 March are both the 28th.
    same(DayCount::TwentyEight336.fraction(date(2007, 1, 29), date(2007, 3, 31), &NOTHING), 2 * 28, 336);
    same(DayCount::TwentyEight336.fraction(date(2007, 1, 27), date(2007, 3, 31), &NOTHING), 2 * 28 + 1, 336);
}

fn a_reference() -> impl Strategy<Value = Reference> {
    (date(1901, 1, 1)..date(2198, 1, 1), 1..=12_i32, any::<bool>()).prop_filter_map(
        "regular",
        |(start, months, eom)| {
            let start = if eom { start - civil(start).1 } else { start };
            let end = day_in_month(month_of(start) + months, if eom { 31 } else { civil(start).1 });
            Reference::new(start, end, months, eom)
        },
    )
}

fn a_date() -> impl Strategy<Value = Date> {
    FIRST_DAY..=LAST_DAY
}

proptest! {
    /// Where days are actual days, a period is the sum of its parts (before any rounding), wherever it is cut.
    #[test]
    fn actual_counts_add_up(mut dates in prop::array::uniform3(a_date()), reference in a_reference()) {
        dates.sort_unstable();
        let [a, b, c] = dates;
        let context = Context { maturity: None, reference: Some(reference) };
        for day_count in [DayCount::Act360, DayCount::Act365Fixed, DayCount::ActActIsda, DayCount::ActActIcma] {
            let of = |start, end| day_count.fraction(start, end, &context);
            let (first, second, whole) = (of(a, b), of(b, c), of(a, c));
            let wide = |f: YearFraction| (i128::from(f.top), i128::from(f.bottom));
            let ((t1, b1), (t2, b2), (t, b)) = (wide(first), wide(second), wide(whole));
            prop_assert_eq!((t1 * b2 + t2 * b1) * b, t * b1 * b2);
            if day_count != DayCount::ActActIcma {
                prop_assert_eq!((first.bottom, second.top), (whole.bottom, whole.top - first.top));
            }
        }
    }

    #[test]
    fn a_period_backwards_is_minus_itself(a in a_date(), b in a_date(), reference in a_reference()) {
        let context = Context { maturity: Some(b), reference: Some(reference) };
        for (_, day_count) in DayCount::ALL {
            let (there, back) = (day_count.fraction(a, b, &context), day_count.fraction(b, a, &context));
            prop_assert_eq!((there.top, there.bottom), (-back.top, back.bottom));
            prop_assert_eq!(day_count.fraction(a, a, &context).top, 0);
            let float = day_count.fraction_f64(a, b, &context);
            prop_assert!((float - there.as_f64()).abs() <= 1e-12 * float.abs().max(1.0));
        }
    }

    /// Whole years are whole numbers (on no end of February, where 30/360 may differ by up to two days).
    #[test]
    fn years_are_whole(start in date(1900, 1, 1)..date(2099, 1, 1), years in 1..100_i32) {
        prop_assume!(civil(start).1 < 28);
        let end = add_months(start, 12 * years);
        for (name, day_count) in DayCount::ALL {
            if !name.starts_with("ACT") || day_count == DayCount::ActActIcma {
                same(day_count.fraction(start, end, &NOTHING), i64::from(years), 1);
            }
        }
    }

    /// No date, however far outside, makes a bottom of 0 or an overflow.
    #[test]
    fn any_dates_do(a in any::<Date>(), b in any::<Date>(), reference in a_reference()) {
        for reference in [None, Some(reference)] {
            for (_, day_count) in DayCount::ALL {
                let found = day_count.fraction(a, b, &Context { maturity: Some(a), reference });
                prop_assert!((1..1 << 21).contains(&found.bottom) && found.top.abs() < 1 << 34, "{:?}", found);
            }
        }
    }
}
