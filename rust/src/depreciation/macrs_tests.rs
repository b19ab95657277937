#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
use super::*;
use crate::calendar::{Frequency, PeriodGrid};
use proptest::prelude::*;

const CLASSES: [i32; 6] = [3, 5, 7, 10, 15, 20];

fn recovery(system: System, half_years: i32, convention: TaxConvention, percentages: Percentages) -> Recovery {
    Recovery::new(system, half_years, convention, percentages).unwrap()
}

fn every_general() -> impl Iterator<Item = (i32, TaxConvention)> {
    CLASSES.into_iter().flat_map(|years| TaxConvention::ALL.map(|(_, convention)| (years, convention)))
}

fn yearly(recovery: &Recovery) -> Vec<i64> {
    let mut before = 0;
    recovery.numerators().iter().map(|sum| sum - std::mem::replace(&mut before, *sum)).collect()
}

#[test]
fn every_published_column_sums_to_one() {
    for (years, convention) in every_general() {
        let table = recovery(System::General, 2 * years, convention, Percentages::Published);
        assert_eq!(table.numerators().len(), usize::try_from(years).unwrap() + 1, "{years} {convention:?}");
        assert_eq!(table.numerators().last(), Some(&table.denominator()), "{years} {convention:?}");
        assert_eq!(table.denominator(), if years == 20 { 100_000 } else { 10_000 });
        assert!(yearly(&table).iter().all(|share| *share > 0));
    }
}

#[test]
fn computed_shares_lie_within_a_rounding_of_the_published_ones() {
    for (years, convention) in every_general() {
        let table = recovery(System::General, 2 * years, convention, Percentages::Published);
        let exact = recovery(System::General, 2 * years, convention, Percentages::Computed);
        assert_eq!(exact.numerators().len(), table.numerators().len());
        assert_eq!(exact.numerators().last(), Some(&exact.denominator()));
        assert!(exact.denominator() < 1 << 54);
        let (p, q) = (i128::from(table.denominator()), i128::from(exact.denominator()));
        for (printed, share) in yearly(&table).into_iter().zip(yearly(&exact)) {
            // 0.015 percentage points = 3 / 20,000; the widest gap is 0.0138 (A-3, 7 years, year 8).
            let gap = (i128::from(printed) * q - i128::from(share) * p).abs();
            assert!(gap * 20_000 <= 3 * p * q, "{years} {convention:?}: {printed} {share}");
        }
    }
}

#[test]
fn a_three_year_asset_by_hand() {
    // Half-year: 2/3 x 1/2 = 1/3; 2/3 x 2/3 = 4/9; 2/9 over 1.5 years: 4/27 a year beats nothing, 2/3 x 2/9 = 4/27; 2/27.
    let exact = recovery(System::General, 6, TaxConvention::HalfYear, Percentages::Computed);
    assert_eq!((exact.numerators(), exact.denominator()), (&[9, 21, 25, 27][..], 27));
}

#[test]
fn the_alternative_system_is_straight() {
    let shares = |half_years, convention| {
        let found = recovery(System::Alternative, half_years, convention, Percentages::Published);
        (yearly(&found), found.denominator())
    };
    assert_eq!(shares(10, TaxConvention::HalfYear), (vec![1, 2, 2, 2, 2, 1], 10));
    assert_eq!(shares(19, TaxConvention::HalfYear), (vec![1, 2, 2, 2, 2, 2, 2, 2, 2, 2], 19)); // 9.5 years
    assert_eq!(shares(2, TaxConvention::MidQuarter(4)), (vec![1, 7], 8));
    assert_eq!(shares(10, TaxConvention::MidQuarter(3)), (vec![3, 8, 8, 8, 8, 5], 40));
    assert_eq!(shares(24, TaxConvention::HalfYear).0.len(), 13);
}

#[test]
fn other_periods_are_refused() {
    for (system, half_years) in [
        (System::General, 8),
        (System::General, 11),
        (System::General, 50),
        (System::General, 0),
        (System::Alternative, 1),
        (System::Alternative, 0),
        (System::Alternative, -10),
        (System::Alternative, 101),
        (System::Alternative, i32::MAX),
    ] {
        for percentages in [Percentages::Published, Percentages::Computed] {
            assert_eq!(Recovery::new(system, half_years, TaxConvention::HalfYear, percentages), None);
        }
    }
}

#[test]
fn a_disposal_cuts_its_year() {
    // 10,000 of 7-year property: table A-1, year 3 = 17.49 %; half of it is 874.50 (in cents, after 38.78 %).
    let half = recovery(System::General, 14, TaxConvention::HalfYear, Percentages::Published);
    assert_eq!(half.deducted_at_disposal(1_000_000, 2, 4), 387_800 + 87_450);
    assert_eq!(half.deducted_at_disposal(1_000_000, 0, 4), 0);
    // The period ends in the middle of year 8, where the disposal is deemed to fall: all of it.
    assert_eq!(half.deducted_at_disposal(1_000_000, 7, 1), 1_000_000);
    assert_eq!(half.deducted_at_disposal(1_000_000, 30, 1), 1_000_000);
    // Mid-quarter, in service in Q4: year 2 is 27.55 % after 3.57 %, of which 12.5 to 87.5 % by quarter.
    let last = recovery(System::General, 14, TaxConvention::MidQuarter(4), Percentages::Published);
    let by_quarter = [1, 2, 3, 4].map(|quarter| last.deducted_at_disposal(8_000_000, 1, quarter));
    assert_eq!(by_quarter, [1, 3, 5, 7].map(|eighths| 285_600 + 275_500 * eighths));
    // Its last year is 7/8 long: sold in Q2 it has held 3 of these 7 eighths of 7.64 %.
    assert_eq!(last.deducted_at_disposal(7_000_000, 7, 2), 7_000_000 - 76_400 * 4);
    assert_eq!(last.deducted_at_disposal(7_000_000, 7, 4), 7_000_000);
}

#[test]
fn months_share_the_deduction_of_their_tax_year() {
    let grid = PeriodGrid::new(Frequency::Month, 12).unwrap();
    let five = recovery(System::General, 10, TaxConvention::HalfYear, Percentages::Published);
    // In service in November 1970: 20 % of 1,000.00 and 50.00 at once over two months, then 32 % over twelve.
    let asset = TaxAsset { immediate: 5_000, basis: 100_000, service: 10, disposal: None };
    let mut charges = [0; 16];
    assert_eq!(asset.charges_into(&five, grid, 9, &mut charges), 0);
    assert_eq!(charges[..4], [0, 12_500, 12_500, 2_667]); // 32,000 / 12 = 2,666.67
    assert_eq!(charges[3..15].iter().sum::<i64>(), 32_000);
    assert_eq!(charges[15], 1_600);
    // Sold in March 1972: half of 19.2 % over three months, nothing after.
    let sold = TaxAsset { disposal: Some(26), ..asset };
    let mut charges = [0; 6];
    assert_eq!(sold.charges_into(&five, grid, 24, &mut charges), 57_000);
    assert_eq!(charges, [3_200, 3_200, 3_200, 0, 0, 0]);
    // Sold in the year of service: nothing ever.
    let never = TaxAsset { disposal: Some(11), ..asset };
    assert_eq!(never.deducted(&five, grid, 500), 0);
}

#[test]
fn an_allocation_is_exact() {
    assert_eq!(allocate(100, &[1, 1, 1]).unwrap(), [33, 34, 33]);
    assert_eq!(allocate(5, &[2, 2, 2]).unwrap(), [2, 1, 2]);
    assert_eq!(allocate(0, &[]).unwrap(), [0_i64; 0]);
    assert_eq!(allocate(7, &[0, 7, 0]).unwrap(), [0, 7, 0]);
}

proptest! {
    #[test]
    fn an_allocation_takes_no_more_than_there_is(
        weights in proptest::collection::vec(prop_oneof![0_i64..5, 0_i64..1 << 62], 1..9), share in 0.0..=1.0_f64,
    ) {
        let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any total up to the sum")]
        let total = ((sum as f64 * share) as i128).min(sum).min(1 << 48);
        let parts = allocate(i64::try_from(total).unwrap(), &weights).unwrap();
        prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), total);
        prop_assert!(parts.iter().zip(&weights).all(|(part, weight)| (0..=*weight).contains(part)));
    }

    /// Shares rise to one, months add up to tax years, and all of cost is deducted, whatever the calendar.
    #[test]
    fn everything_is_recovered_once(
        class in 0_usize..6, half_years in 2_i32..=100, code in 0_usize..5, general: bool, published: bool,
        immediate in 0_i64..1 << 40, basis in prop_oneof![0_i64..1_000, 0..=i64::MAX / 2], service in -800_i32..2_000,
        fiscal in 1_u8..=12, held in prop_oneof![Just(None), (0_i32..400).prop_map(Some)],
    ) {
        let grid = PeriodGrid::new(Frequency::Month, fiscal).unwrap();
        let system = if general { System::General } else { System::Alternative };
        let half_years = if general { 2 * CLASSES[class] } else { half_years };
        let percentages = if published { Percentages::Published } else { Percentages::Computed };
        let found = recovery(system, half_years, TaxConvention::from_code(code).unwrap(), percentages);
        prop_assert!(yearly(&found).iter().all(|share| *share > 0));
        prop_assert_eq!(found.numerators().last(), Some(&found.denominator()));
        let disposal = held.map(|months| service + months);
        let asset = TaxAsset { immediate, basis, service, disposal };
        let mut charges = vec![0; 12 * 53];
        prop_assert_eq!(asset.charges_into(&found, grid, service - 1, &mut charges), 0);
        let mut sum = 0;
        for (month, charge) in (service - 1..).zip(&charges) {
            prop_assert!(*charge >= 0);
            sum += charge;
            prop_assert_eq!(sum, asset.deducted(&found, grid, month));
        }
        let same_year = held.is_some_and(|months| months < grid.months_to_year_end(service));
        match held {
            None => prop_assert_eq!(sum, immediate + basis),
            Some(_) if same_year => prop_assert_eq!(sum, 0),
            Some(_) => prop_assert!(immediate <= sum && sum <= immediate + basis),
        }
    }
}
