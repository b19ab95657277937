//! Expected dates are counted on a calendar; laws compare with the plainest loop.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::super::date::{FIRST_DAY, LAST_DAY, add_months, day_of_month, month_start};
use super::super::{Context, DayCount, Weekend};
use super::*;

fn date(year: i32, month: i32, day: i32) -> Date {
    month_start((year - 1970) * 12 + month - 1) + day - 1
}

fn months(count: i32) -> Option<Cycle> {
    Cycle::months(count)
}

fn dates(terms: ScheduleTerms) -> Vec<Date> {
    Schedule::new(&terms).unwrap().dates().collect()
}

#[test]
fn cycles_and_frequencies() {
    for (text, cycle) in [
        ("P1M", months(1)),
        ("3M", months(3)),
        ("P1Q", months(3)),
        ("P1H", months(6)),
        ("P2Y", months(24)),
        ("P2W", Cycle::days(14)),
        ("28D", Cycle::days(28)),
        ("P0M", None),
        ("M", None),
        ("P", None),
        ("", None),
        ("1", None),
        ("-1M", None),
        ("+1M", None),
        ("1.5M", None),
        ("P1X", None),
        ("P99999999999M", None),
        ("P3601M", None),
        ("é", None),
    ] {
        assert_eq!(Cycle::parse(text), cycle, "{text}");
    }
    for (name, frequency) in PaymentFrequency::ALL {
        assert_eq!(PaymentFrequency::parse(name), Some(frequency));
    }
    assert_eq!(PaymentFrequency::parse("Semi-Annual").and_then(PaymentFrequency::cycle), months(6));
    assert_eq!(PaymentFrequency::parse("P28D").and_then(PaymentFrequency::cycle), Cycle::days(28));
    assert_eq!(PaymentFrequency::parse("at maturity"), Some(PaymentFrequency::AtMaturity));
    assert_eq!(PaymentFrequency::parse("sometimes"), None);
    let per_year = |name| PaymentFrequency::parse(name).and_then(PaymentFrequency::cycle).map(Cycle::per_year);
    assert_eq!(per_year("quarterly"), Some((12, 3)));
    assert_eq!(per_year("biweekly"), Some((364, 14)));
    assert_eq!(per_year("30D"), Some((365, 30)));
    let stub = |stub| Some(ActusCycle { cycle: Cycle::months(1).unwrap(), stub });
    assert_eq!(ActusCycle::parse("P1ML1"), stub(Stub::ShortBack));
    assert_eq!(ActusCycle::parse("P1ML0"), stub(Stub::LongBack));
    for text in ["P1M", "1ML0", "P1ML2", "L0", ""] {
        assert_eq!(ActusCycle::parse(text), None, "{text}");
    }
    assert_eq!(Stub::ALL.map(|(name, stub)| Stub::parse(name) == Some(stub)), [true; 4]);
}

/// 31 January, monthly: no day is lost on the way through February.
#[test]
fn dates_are_counted_from_the_anchor() {
    let terms = ScheduleTerms::new(date(2024, 1, 31), date(2024, 6, 30), months(1));
    let expected = [date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31), date(2024, 6, 30)];
    assert_eq!(dates(terms), expected);
    // A leap day's years: 28 February, and 29 again in a leap year.
    let terms = ScheduleTerms::new(date(2024, 2, 29), date(2028, 2, 29), months(12));
    let expected = [date(2025, 2, 28), date(2026, 2, 28), date(2027, 2, 28), date(2028, 2, 29)];
    assert_eq!(dates(terms), expected);
    // From 30 April: the 30th of each month, or with `end_of_month` the last.
    let terms = ScheduleTerms::new(date(2024, 4, 30), date(2024, 7, 15), months(1));
    assert_eq!(dates(terms), [date(2024, 5, 30), date(2024, 6, 30), date(2024, 7, 15)]);
    let terms = ScheduleTerms { end_of_month: true, ..terms };
    assert_eq!(dates(terms), [date(2024, 5, 31), date(2024, 6, 30), date(2024, 7, 15)]);
    // It has no effect on another day, nor on weeks.
    let terms = ScheduleTerms { start: date(2024, 4, 29), ..terms };
    assert_eq!(dates(terms), [date(2024, 5, 29), date(2024, 6, 29), date(2024, 7, 15)]);
    let terms = ScheduleTerms { start: date(2024, 4, 30), cycle: Cycle::days(28), ..terms };
    assert_eq!(dates(terms), [date(2024, 5, 28), date(2024, 6, 25), date(2024, 7, 15)]);
}

#[test]
fn stubs() {
    let terms = ScheduleTerms::new(date(2024, 1, 15), date(2024, 8, 1), months(3));
    let of = |stub| dates(ScheduleTerms { stub, ..terms });
    assert_eq!(of(Stub::ShortBack), [date(2024, 4, 15), date(2024, 7, 15), date(2024, 8, 1)]);
    assert_eq!(of(Stub::LongBack), [date(2024, 4, 15), date(2024, 8, 1)]);
    assert_eq!(of(Stub::ShortFront), [date(2024, 2, 1), date(2024, 5, 1), date(2024, 8, 1)]);
    assert_eq!(of(Stub::LongFront), [date(2024, 5, 1), date(2024, 8, 1)]);
    // Nothing is irregular: all rules agree. A loan shorter than a cycle has one payment.
    for (_, stub) in Stub::ALL {
        let whole = ScheduleTerms { end: date(2024, 7, 15), stub, ..terms };
        assert_eq!(dates(whole), [date(2024, 4, 15), date(2024, 7, 15)]);
        assert_eq!(dates(ScheduleTerms { end: date(2024, 2, 1), stub, ..terms }), [date(2024, 2, 1)]);
        assert_eq!(dates(ScheduleTerms { cycle: None, stub, ..terms }), [terms.end]);
    }
}

#[test]
fn explicit_dates() {
    let terms = ScheduleTerms::new(date(2024, 1, 10), date(2024, 10, 20), months(3));
    let first = ScheduleTerms { first: Some(date(2024, 1, 31)), end_of_month: true, ..terms };
    let expected = [date(2024, 1, 31), date(2024, 4, 30), date(2024, 7, 31), date(2024, 10, 20)];
    assert_eq!(dates(first), expected);
    assert_eq!(dates(ScheduleTerms { stub: Stub::LongBack, ..first }), [expected[0], expected[1], expected[3]]);
    assert_eq!(dates(ScheduleTerms { stub: Stub::LongFront, ..first }), expected, "the front is settled");
    // A long back never joins the first payment itself.
    let late = ScheduleTerms { first: Some(date(2024, 9, 30)), stub: Stub::LongBack, ..terms };
    assert_eq!(dates(late), [date(2024, 9, 30), terms.end]);
    let last = ScheduleTerms { last_regular: Some(date(2024, 9, 30)), ..terms };
    assert_eq!(dates(last), [date(2024, 3, 30), date(2024, 6, 30), date(2024, 9, 30), terms.end]);
    assert_eq!(
        dates(ScheduleTerms { stub: Stub::LongFront, ..last }),
        [date(2024, 6, 30), date(2024, 9, 30), terms.end]
    );
    let both = ScheduleTerms { first: Some(date(2024, 2, 29)), last_regular: Some(date(2024, 5, 29)), ..terms };
    assert_eq!(dates(both), [date(2024, 2, 29), date(2024, 5, 29), terms.end]);
    // On the ends themselves.
    for first in
        [ScheduleTerms { first: Some(terms.end), ..terms }, ScheduleTerms { last_regular: Some(terms.start), ..terms }]
    {
        assert_eq!(dates(first), [terms.end]);
    }
    let at_start = ScheduleTerms { first: Some(terms.start), ..terms };
    assert_eq!(dates(at_start), dates(terms));
}

#[test]
fn impossible_terms_say_why() {
    let terms = ScheduleTerms::new(date(2024, 1, 10), date(2025, 1, 10), months(3));
    let fault = |terms: ScheduleTerms| Schedule::new(&terms).err();
    assert_eq!(fault(terms), None);
    assert_eq!(fault(ScheduleTerms { end: terms.start, ..terms }), Some(ScheduleFault::End));
    for first in [terms.start - 1, terms.end + 1] {
        assert_eq!(fault(ScheduleTerms { first: Some(first), ..terms }), Some(ScheduleFault::First));
        assert_eq!(fault(ScheduleTerms { last_regular: Some(first), ..terms }), Some(ScheduleFault::LastRegular));
    }
    let first = Some(date(2024, 5, 10));
    assert_eq!(fault(ScheduleTerms { first, cycle: None, ..terms }), Some(ScheduleFault::First));
    let before = ScheduleTerms { first, last_regular: Some(date(2024, 4, 10)), ..terms };
    assert_eq!(fault(before), Some(ScheduleFault::LastRegular));
    let off = ScheduleTerms { first, last_regular: Some(date(2024, 9, 10)), ..terms };
    assert_eq!(fault(off), Some(ScheduleFault::LastRegularOffCycle));
    assert_eq!(ScheduleFault::End.rule(), Rule::DateOrder);
    assert_eq!(ScheduleFault::LastRegularOffCycle.rule(), Rule::Range);
}

#[test]
fn payments_on_one_business_day_are_one() {
    // Daily from Friday 5 January 2024 to Tuesday: Saturday and Sunday are paid on Monday.
    let schedule = Schedule::new(&ScheduleTerms::new(date(2024, 1, 5), date(2024, 1, 9), Cycle::days(1))).unwrap();
    let holidays = Holidays::default();
    let mut out = vec![];
    schedule.fill_adjusted(BusinessDayConvention::Following, &holidays, &mut out).unwrap();
    assert_eq!(out, [date(2024, 1, 8), date(2024, 1, 9)]);
    assert_eq!(schedule.adjusted(1, BusinessDayConvention::Preceding, &holidays), Ok(date(2024, 1, 5)));
    out.clear();
    // Saturday's and Sunday's payments go back to the Friday of the start: none is left of them.
    schedule.fill_adjusted(BusinessDayConvention::Preceding, &holidays, &mut out).unwrap();
    assert_eq!(out, [date(2024, 1, 8), date(2024, 1, 9)]);
    out.clear();
    let weekend = Schedule::new(&ScheduleTerms::new(date(2024, 1, 6), date(2024, 1, 7), None)).unwrap();
    weekend.fill_adjusted(BusinessDayConvention::Following, &holidays, &mut out).unwrap();
    assert_eq!(out, [date(2024, 1, 8)], "lent and due on a Monday");
    let never = Holidays::new(Weekend::from_bits(127).unwrap(), vec![]);
    assert_eq!(weekend.fill_adjusted(BusinessDayConvention::Following, &never, &mut out), Err(Rule::Calendar));
}

/// Regular coupons are a quarter each under ACT/ACT ICMA, stubs what their quasi-coupon periods make of them.
#[test]
fn references_of_stubs() {
    let terms = ScheduleTerms {
        stub: Stub::LongFront,
        end_of_month: true,
        ..ScheduleTerms::new(date(2023, 12, 15), date(2024, 11, 30), months(3))
    };
    let schedule = Schedule::new(&terms).unwrap();
    // 31 May, 31 August, 30 November; the first period holds 15 December to 29 February and the quarter after it.
    let share = |number: i32| {
        let context = Context { maturity: None, reference: schedule.reference(number) };
        DayCount::ActActIcma.fraction(schedule.date(number - 1), schedule.date(number), &context)
    };
    let (first, second) = (share(1), share(2));
    // 76 of the 91 days from 30 November to 29 February, and a quarter: (76 + 91) / (4 x 91).
    assert_eq!(first.top * 4 * 91, (76 + 91) * first.bottom);
    assert_eq!(second.top * 4, second.bottom);
    assert_eq!((1..=3).map(|number| schedule.is_regular(number)).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(Schedule::new(&ScheduleTerms { cycle: Cycle::days(28), ..terms }).unwrap().reference(1), None);
}

/// ACTUS: an anchor is a date itself, a long stub is judged against an end that is none.
#[test]
fn schedules_of_actus() {
    let dates = |cycle, with_end, end| -> Vec<Date> {
        actus_dates(date(2013, 1, 1), ActusCycle::parse(cycle), end, false, with_end).collect()
    };
    let (january, april, july) = (date(2013, 1, 1), date(2013, 4, 1), date(2013, 7, 1));
    let august = date(2013, 8, 1);
    assert_eq!(dates("P3ML1", true, august), [january, april, july, august]);
    assert_eq!(dates("P3ML0", true, august), [january, april, august]);
    assert_eq!(dates("P3ML0", false, august), [january, april]);
    assert_eq!(dates("P3ML0", false, july), [january, april]);
    assert_eq!(dates("P3ML0", true, date(2013, 3, 1)), [january, date(2013, 3, 1)], "never the anchor");
    assert_eq!(dates("", true, july), [january, july]);
    assert_eq!(dates("", false, july), [january]);
    assert_eq!(dates("P3ML1", true, january), [january]);
    assert!(dates("P3ML1", false, january).is_empty());
    let ends: Vec<Date> =
        actus_dates(date(2013, 2, 28), ActusCycle::parse("P1ML1"), date(2013, 5, 1), true, false).collect();
    assert_eq!(ends, [date(2013, 2, 28), date(2013, 3, 31), date(2013, 4, 30)]);
}

fn a_cycle() -> impl Strategy<Value = Cycle> {
    prop_oneof![(1..40_i32).prop_map(Cycle::months), (1..400_i32).prop_map(Cycle::days)]
        .prop_filter_map("valid", |cycle| cycle)
}

/// The `number`-th date from an anchor, by the calendar.
fn plain(anchor: Date, cycle: Cycle, number: i32, end_of_month: bool) -> Date {
    match (cycle.in_months(), cycle.in_days()) {
        (Some(months), _) => {
            let date = add_months(anchor, months * number);
            let last = |date: Date| day_of_month(date + 1) == 1;
            if end_of_month && last(anchor) { month_start(month_of(date) + 1) - 1 } else { date }
        }
        (None, days) => anchor + days.unwrap() * number,
    }
}

proptest! {
    /// The anchor law: every regular date is the anchor plus a whole number of cycles, and none is left out.
    #[test]
    fn a_schedule_is_the_plain_loop(
        start in date(1910, 1, 1)..date(2180, 1, 1),
        length in 1..4_000_i32,
        cycle in a_cycle(),
        which in 0..4_usize,
        end_of_month in any::<bool>(),
    ) {
        let (end, stub) = (start + length, Stub::ALL[which].1);
        let terms = ScheduleTerms { stub, end_of_month, ..ScheduleTerms::new(start, end, Some(cycle)) };
        let back = matches!(stub, Stub::ShortBack | Stub::LongBack);
        let (anchor, sign) = if back { (start, 1) } else { (end, -1) };
        let mut expected: Vec<Date> = (1..)
            .map(|number| plain(anchor, cycle, sign * number, end_of_month))
            .take_while(|date| if back { *date < end } else { *date > start })
            .collect();
        let next = plain(anchor, cycle, sign * (i32::try_from(expected.len()).unwrap() + 1), end_of_month);
        if matches!(stub, Stub::LongBack | Stub::LongFront) && next != if back { end } else { start } {
            expected.pop();
        }
        if !back {
            expected.reverse();
        }
        expected.push(end);
        let schedule = Schedule::new(&terms).unwrap();
        prop_assert_eq!(schedule.dates().collect::<Vec<_>>(), expected);
        prop_assert_eq!((schedule.date(0), schedule.date(schedule.count())), (start, end));
        prop_assert_eq!(schedule.date(schedule.count() + 1), end);
    }

    /// Dates ascend, end with the end, and anchoring on a date of the schedule itself changes none after it.
    #[test]
    fn anchors_agree(
        start in date(1910, 1, 1)..date(2180, 1, 1),
        length in 1..4_000_i32,
        months in 1..13_i32,
        ahead in 1..400_i32,
    ) {
        let (cycle, end) = (Cycle::months(months), start + length);
        let first = (start + ahead).min(end);
        let terms = ScheduleTerms { first: Some(first), ..ScheduleTerms::new(start, end, cycle) };
        let found = dates(terms);
        prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!((found[0], found[found.len() - 1]), (first, end));
        if first < end {
            prop_assert_eq!(&found[1..], &dates(ScheduleTerms::new(first, end, cycle))[..]);
        }
    }

    /// Whole periods of ICMA between two dates of a schedule are as many as there are.
    #[test]
    fn coupons_are_equal_under_icma(start in date(1910, 1, 1)..date(2150, 1, 1), months in 1..13_i32, periods in 1..20_i32) {
        let end = add_months(start, months * periods);
        let terms = ScheduleTerms::new(start, end, Cycle::months(months));
        let schedule = Schedule::new(&terms).unwrap();
        prop_assert_eq!(schedule.count(), periods);
        for number in 1..=periods {
            let context = Context { maturity: None, reference: schedule.reference(number) };
            let of = |from, to| DayCount::ActActIcma.fraction(from, to, &context);
            let one = of(schedule.date(number - 1), schedule.date(number));
            prop_assert_eq!(one.top * 12, one.bottom * i64::from(months));
            let all = of(start, end);
            prop_assert_eq!(all.top * 12, all.bottom * i64::from(months * periods));
        }
    }

    /// At the edges of the window, and on any dates, there is an answer and no hang.
    #[test]
    fn any_terms_end(
        start in any::<Date>(), end in any::<Date>(), first in any::<Option<Date>>(), last_regular in any::<Option<Date>>(),
        cycle in a_cycle(), which in 0..4_usize,
    ) {
        let stub = Stub::ALL[which].1;
        for (start, end) in [(start, end), (FIRST_DAY, LAST_DAY), (LAST_DAY - 1, LAST_DAY), (FIRST_DAY, FIRST_DAY + 1)] {
            let terms = ScheduleTerms { start, end, cycle: Some(cycle), stub, end_of_month: true, first, last_regular };
            if let Ok(schedule) = Schedule::new(&terms) {
                prop_assert!(schedule.count() >= 1);
                prop_assert_eq!(schedule.date(schedule.count()), end);
            }
            let terms = ScheduleTerms { first: None, last_regular: None, ..terms };
            if let Ok(schedule) = Schedule::new(&terms) && (FIRST_DAY..=LAST_DAY).contains(&start) && end <= LAST_DAY {
                prop_assert!(schedule.dates().all(|date| (start + 1..=end).contains(&date)));
            }
        }
    }
}
