#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
use super::*;
use crate::debt::dues::{LevelLoan, LevelTerms, add_dues, level_loans};
use proptest::prelude::*;

/// What loans of one month pay by moments, and how many bands that took: what is lent, principal, all of it.
fn by_moments(loans: &[LevelTerms], fewest: u32, longest: u32) -> Option<(usize, f64, Vec<f64>, Vec<f64>)> {
    let factors: Vec<f64> = loans.iter().map(|loan| loan.factor).collect();
    let rates = factors.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
    let count = usize::try_from(longest).ok()?;
    let cut = Cut::of(rates, count)?;
    assert!(cut.holds(rates));
    let bands = Bands::of(cut);
    let table = usize::try_from(longest - fewest + 1).ok()?;
    let mut cells = vec![Cell::default(); table * cut.count()];
    let columns = LevelColumns {
        principals: &loans.iter().map(|loan| loan.principal).collect::<Vec<_>>(),
        factors: &factors,
        payments: &loans.iter().map(|loan| f64::from(loan.payments)).collect::<Vec<_>>(),
    };
    let places: Vec<u32> = loans.iter().map(|loan| loan.payments - fewest).collect();
    add_moments(columns, &places, &bands, &mut cells);
    let (mut lent, mut dues, mut paid) = (0.0, vec![0.0; count], vec![0.0; count]);
    for (band, cells) in cells.chunks(table).enumerate() {
        lent += add_payments(&bands, band, cells, &mut dues, &mut paid);
    }
    Some((cut.count(), lent, dues, paid))
}

fn level(loans: &[LevelTerms]) -> Vec<LevelLoan> {
    let mut level = Vec::new();
    level_loans(loans, &mut level);
    level
}

/// Loans with interest of a period from `low` on, over a width.
fn loans() -> impl Strategy<Value = Vec<LevelTerms>> {
    let range = (1e-9..0.02_f64, prop_oneof![Just(0.0), 0.0..1e-6_f64, 0.0..0.02_f64], 1..400_u32, 1..60_u32);
    range.prop_flat_map(|(low, width, fewest, more)| {
        let rate = prop_oneof![Just(low), Just(low + width), (0.0..=1.0_f64).prop_map(move |part| low + part * width)];
        let loan = (1.0..1e9_f64, rate, fewest..=fewest + more);
        let loan = loan.prop_map(|(principal, factor, payments)| LevelTerms { principal, factor, payments });
        prop::collection::vec(loan, 1..50)
    })
}

proptest! {
    #[test]
    fn moments_give_what_powers_give(mut loans in loans()) {
        loans.sort_by_key(|loan| loan.payments);
        let (fewest, longest) = (loans[0].payments, loans[loans.len() - 1].payments);
        let Some((_, lent, dues, paid)) = by_moments(&loans, fewest, longest) else { return Ok(()) };
        let level = level(&loans);
        let mut wanted = vec![0.0; dues.len()];
        add_dues(&level, &mut wanted);
        // Powers are multiplied by a rounded growth once for each payment.
        let share = 1e-14 + f64::from(longest) * 2.0 * f64::EPSILON;
        for (number, (due, wanted)) in dues.iter().zip(&wanted).enumerate() {
            prop_assert!((due - wanted).abs() <= share * wanted, "{number} {due} {wanted}");
            let all: f64 = level.iter().filter(|loan| loan.payments > number).map(|loan| loan.payment).sum();
            prop_assert!((paid[number] - all).abs() <= 1e-14 * all, "{number} {} {all}", paid[number]);
        }
        let all: f64 = loans.iter().map(|loan| loan.principal).sum();
        prop_assert!((lent - all).abs() <= 1e-14 * all);
        let whole: f64 = dues.iter().sum();
        prop_assert!((whole - all).abs() <= 3.0 * share * all);
    }
}

/// Loans of one rate alone: the place within the band that is worst is seen too.
#[test]
fn every_place_of_a_band_is_as_good() {
    for (low, high, payments) in [(0.0033, 0.015, 120), (0.001, 0.02, 360), (0.002, 0.0061, 60), (0.0, 0.03, 180)] {
        for step in 0..=200 {
            let factor = low + (high - low) * f64::from(step) / 200.0;
            // The ends of the band are there, but owe nothing that would hide what the one in question is off by.
            let of = |principal, factor| LevelTerms { principal, factor, payments };
            let loans = [of(1e-30, low.max(1e-9)), of(1e-30, high), of(1e6, factor.max(1e-9))];
            let (bands, _, dues, _) = by_moments(&loans, payments, payments).unwrap_or_default();
            assert!(bands > 0 && bands <= 8, "{bands}");
            let loan = level(&loans)[2];
            let mut level = DoubleDouble::of(1);
            for (number, due) in dues.iter().enumerate() {
                let wanted = loan.first * level.high();
                let off = (due / wanted - 1.0).abs();
                assert!(off <= 4e-15, "{bands} {factor} {number} {off}");
                // One and the rate, without rounding.
                level = level.times(factor.max(1e-9)).plus(level);
            }
        }
    }
}

#[test]
fn bands_are_as_many_as_needed() {
    let count = |rates, payments| Cut::of(rates, payments).map(|cut| cut.count());
    // Half widths times payments, on a grid of 2^-12: 24.5 x 120 / 4,096 = 0.72, 30 x 360 / 4,096 = 2.6, then over 8 x 0.8.
    assert_eq!(count((0.04 / 12.0, 0.18 / 12.0), 120), Some(1));
    assert_eq!(count((0.01 / 12.0, 0.17 / 12.0), 360), Some(4));
    assert_eq!(count((0.0, 0.04), 360), None);
    assert_eq!(count((0.01, 0.01), 1_200), Some(1));
    let cut = Cut::of((0.01, 0.02), 12);
    let holds = |rates| cut.is_some_and(|cut| cut.holds(rates));
    // Of the 1 / 4,096 that it is cut by, 40 to 82.
    assert!(holds((0.0098, 0.02001)) && !holds((0.0097, 0.02)) && !holds((0.01, 0.0201)));
    assert_eq!(cut, Cut::of((0.0098, 0.0199), 12));
}
