#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "tests")]
use super::*;
use proptest::prelude::*;

fn row(kind: Kind, fraction: f64) -> Row {
    Row { kind, fraction, base: 0.0, interest: 0, advance: 0, discount: 0, repaid: 0 }
}

#[test]
fn a_discount_over_two_years() {
    // 1,000.00 at 98.00 % without interest, due in two years: 980 (1 + x)^2 = 1000, x = 1.0152545...%. The first year
    // earns 980 x = 9.949..., the second what is left of the 20.00.
    let rows = [
        Row { advance: 100_000, discount: 2_000, ..row(Kind::Between, 0.0) },
        row(Kind::Settlement, 1.0),
        Row { repaid: 100_000, ..row(Kind::Settlement, 1.0) },
    ];
    let rate = solve(&rows).unwrap();
    assert!((rate - ((1.0_f64 / 0.98).sqrt() - 1.0)).abs() < 1e-15);
    let mut left = [0; 3];
    unamortized_into(&rows, rate, true, &mut left);
    assert_eq!(left, [2_000, 2_000 - 995, 0]);
}

#[test]
fn par_leaves_nothing_and_an_observation_disturbs_nothing() {
    let rows = [
        Row { advance: 100_000, discount: 1_500, ..row(Kind::Between, 0.0) },
        Row { interest: 1_000, ..row(Kind::Between, 0.125) },
        Row { interest: 2_000, ..row(Kind::Settlement, 0.125) },
        Row { interest: 2_000, repaid: 100_000, ..row(Kind::Settlement, 0.25) },
    ];
    let rate = solve(&rows).unwrap();
    let without = [rows[0], Row { fraction: 0.25, ..rows[2] }, rows[3]];
    assert!((solve(&without).unwrap() - rate).abs() < 1e-12);
    let (mut with, mut plain) = ([0; 4], [0; 3]);
    unamortized_into(&rows, rate, false, &mut with);
    unamortized_into(&without, rate, false, &mut plain);
    assert_eq!([with[0], with[2], with[3]], plain);
    assert!(with[1] < with[0] && with[1] > with[2]);
    let par = rows.map(|row| Row { discount: 0, ..row });
    unamortized_into(&par, 0.08, true, &mut with);
    assert_eq!(with, [0; 4]);
}

#[test]
fn what_is_repaid_before_any_time_passes_is_written_off_that_day() {
    // Drawn on 30 March and repaid on the 31st: no time by 30/360, and afterwards nothing is owed.
    let rows = [
        Row { advance: 100_000, discount: 2_000, ..row(Kind::Between, 0.5) },
        Row { repaid: 100_000, ..row(Kind::Settlement, 0.0) },
        row(Kind::Settlement, 0.25),
    ];
    assert_eq!(solve(&rows), Ok(0.0));
    let mut left = [0; 3];
    unamortized_into(&rows, 0.0, false, &mut left);
    assert_eq!(left, [2_000, 0, 0]);
}

#[test]
fn what_is_never_repaid_has_no_rate() {
    let open = [Row { advance: 100, ..row(Kind::Between, 0.0) }, row(Kind::Settlement, 1.0)];
    assert_eq!(solve(&open), Err(NoRate::Open));
    // Nothing received, and something repaid.
    let gift = [
        Row { advance: 100, discount: 100, ..row(Kind::Between, 0.0) },
        Row { repaid: 100, ..row(Kind::Settlement, 1.0) },
    ];
    assert_eq!(solve(&gift), Err(NoRate::OutOfBounds));
}

proptest! {
    /// The present value of what is paid, at the rate found, is what was received (I28), and the books end at nothing.
    #[test]
    fn payments_are_worth_what_was_received(
        periods in 1_usize..60, rate in 0.0..0.3_f64, discount in -200_i64..900, principal in 10_000_i64..100_000_000,
    ) {
        let interest = (principal as f64 * rate / 4.0).round() as i64;
        let discount = principal / 1_000 * discount / 2;
        let mut rows = vec![Row { advance: principal, discount, ..row(Kind::Between, 0.0) }];
        rows.extend((0..periods).map(|_| Row { interest, ..row(Kind::Settlement, 0.25) }));
        rows.last_mut().unwrap().repaid = principal;
        let found = solve(&rows).unwrap();
        let growth = 1.0 + found / 4.0;
        let worth: f64 = rows.iter().enumerate().skip(1)
            .map(|(n, row)| (row.interest + row.repaid) as f64 / growth.powi(n as i32)).sum();
        let scale: f64 = rows.iter().map(|row| (row.interest + row.repaid) as f64).sum();
        prop_assert!((worth - (principal - discount) as f64).abs() <= 1e-9 * scale, "{worth} {found}");
        let mut left = vec![0; rows.len()];
        unamortized_into(&rows, found, false, &mut left);
        prop_assert_eq!((left[0], *left.last().unwrap()), (discount, 0));
        // Each step moves towards nothing, but for a cent of rounding.
        prop_assert!(left.windows(2).all(|pair| (pair[0] - pair[1]) * discount.signum() >= -1));
    }
}
