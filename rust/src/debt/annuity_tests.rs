#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "tests")]
use super::*;
use proptest::prelude::*;

const MONTH: YearFraction = YearFraction { top: 30, bottom: 360 };
const YEAR: YearFraction = YearFraction { top: 1, bottom: 1 };

fn rate(rate: f64) -> AnnualRate {
    AnnualRate::new(rate, true).unwrap()
}

/// The payment over `n` periods alike, with nothing accrued before the first.
fn level(balance: i64, rate: AnnualRate, n: usize, time: YearFraction) -> i64 {
    let interest = balance.accrue(ExactInterest::default(), rate, time).unwrap();
    exact(balance, interest, rate, &vec![time; n - 1]).unwrap()
}

/// The same by whole numbers alone.
fn slow(balance: i64, interest: ExactInterest, rate: AnnualRate, later: &[YearFraction]) -> i64 {
    let parts = Parts::new(balance, interest, rate, later).unwrap();
    let nearest = (0..64).rev().fold(0_u64, |found, bit| {
        let next = found | (1 << bit);
        // found is the greatest k with k - 1/2 at or below the payment.
        if next <= 1 << 62 && parts.against_tie_above(next - 1) != Ordering::Less { next } else { found }
    });
    let tie = nearest > 0 && parts.against_tie_above(nearest - 1) == Ordering::Equal;
    (if tie && nearest % 2 == 1 { nearest - 1 } else { nearest }) as i64
}

#[test]
fn payments_that_can_be_worked_out_by_hand() {
    // At no interest P / n, ties to even: 5 / 2 = 2.5, 7 / 2 = 3.5.
    assert_eq!((level(5, AnnualRate::ZERO, 2, MONTH), level(7, AnnualRate::ZERO, 2, MONTH)), (2, 4));
    // One period: balance and interest. 100.00 at 10 % for a year.
    assert_eq!(level(10_000, rate(0.1), 1, YEAR), 11_000);
    // Two years at 50 %: P x 9/4 / (5/2) = 0.9 P, so P = 5 and P = 15 are ties (4.5 and 13.5).
    assert_eq!((level(5, rate(0.5), 2, YEAR), level(15, rate(0.5), 2, YEAR)), (4, 14));
    // P = 10^12 + 5: 900,000,000,004.5, at a size where float64 still sees the tie but may not trust it.
    assert_eq!(level(1_000_000_000_005, rate(0.5), 2, YEAR), 900_000_000_004);
    // apache/fineract, 100.00 at 9.4822 % over six months of 30/360: 17.13.
    assert_eq!(level(10_000, rate(0.094_822), 6, MONTH), 1_713);
    assert_eq!(level(0, rate(0.1), 5, MONTH), 0);
    assert_eq!(level(i64::MAX / 2, rate(0.05), 1_200, MONTH), slow_level(i64::MAX / 2, rate(0.05), 1_200, MONTH));
}

fn slow_level(balance: i64, rate: AnnualRate, n: usize, time: YearFraction) -> i64 {
    let interest = balance.accrue(ExactInterest::default(), rate, time).unwrap();
    slow(balance, interest, rate, &vec![time; n - 1])
}

#[test]
fn growth_beyond_float64_is_no_obstacle() {
    // 10,000 % a year over 1,200 years: the payment is the interest but for less than any unit.
    assert_eq!(level(10_000, rate(100.0), 1_200, YEAR), 1_000_000);
    // Interest of minus 60 % a period is beyond the bound's proof.
    assert_eq!(level(1_000_000, rate(-0.6), 3, YEAR), slow_level(1_000_000, rate(-0.6), 3, YEAR));
}

#[test]
fn naturals_carry_and_borrow() {
    let mut number = Natural::of(u128::MAX);
    number.add(&Natural::of(1));
    assert_eq!(number.digits, [0, 0, 1]);
    number.add_signed(-1);
    assert_eq!(number.digits, [u64::MAX, u64::MAX]);
    number.multiply(u128::MAX);
    assert_eq!(number.digits, [1, 0, u64::MAX - 1, u64::MAX]);
    number.add_signed(i128::MIN);
    assert_eq!(number.digits, [1, 1 << 63, u64::MAX - 2, u64::MAX]);
    let mut small = Natural::of(3);
    small.add_signed(-4);
    assert!(small.is_zero());
}

proptest! {
    /// Whatever float64 decides, whole numbers decide too; balances next to a tie are looked for.
    #[test]
    fn float64_decides_as_the_rational_does(
        balance in prop_oneof![1_i64..100_000, 1_i64..(1 << 50), 1_i64..(1 << 61)],
        parts in prop_oneof![0_i64..400_000_000_000, -100_000_000_000_i64..0, Just(50_000_000_000), Just(1)],
        days in proptest::collection::vec(28_i64..=92, 0..90),
        bottom in prop_oneof![Just(360_i64), Just(365), Just(365 * 366)],
        first in 1_i64..200,
    ) {
        let rate = AnnualRate::from_parts(parts);
        let scale = if bottom > 366 { 366 } else { 1 };
        let time = |days: i64| YearFraction { top: days * scale, bottom };
        let later: Vec<YearFraction> = days.into_iter().map(time).collect();
        let interest = balance.accrue(ExactInterest::default(), rate, time(first)).unwrap();
        prop_assert_eq!(exact(balance, interest, rate, &later), Some(slow(balance, interest, rate, &later)));
        // The next balance whose payment is close to a tie.
        let one = unrounded(1.0 + interest.top as f64 / interest.denominator() as f64 / balance as f64, rate, &later);
        let near = ((one * balance as f64).floor() + 0.5) / one;
        if (1.0..4e18).contains(&near) {
            let near = near.round() as i64;
            let interest = near.accrue(ExactInterest::default(), rate, time(first)).unwrap();
            prop_assert_eq!(exact(near, interest, rate, &later), Some(slow(near, interest, rate, &later)));
        }
    }
}
