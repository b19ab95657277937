#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "tests")]
use super::super::prepayment::Call;
use super::super::steps::{Period, Step, sort};
use super::super::{Profile, ResolvedLoan};
use super::*;
use crate::calendar::{Context, DayCount, YearFraction};
use proptest::prelude::*;

const TEN: i64 = AnnualRate::UNIT / 10;

/// Periods of 90 days, ACT/360, so that each is a quarter of a year.
fn periods(count: i32) -> Vec<Period> {
    let time = YearFraction { top: 90, bottom: 360 };
    (0..count)
        .map(|n| {
            let (start, end) = (90 * n, 90 * (n + 1));
            Period { start, end, scheduled: end, paid: end, time, context: Context::default() }
        })
        .collect()
}

fn books(
    count: i32,
    steps: Vec<(Date, Movement<i64>)>,
    costs: &Costs,
    construction: &[Construction],
    pik: i64,
) -> (f64, Vec<BookRow>) {
    let periods = periods(count);
    let times: Vec<YearFraction> = periods.iter().map(|period| period.time).collect();
    let mut steps: Vec<Step<i64>> = steps.into_iter().map(|(date, movement)| Step { date, movement }).collect();
    sort(&mut steps);
    let path = [Stretch { from: 0, to: 90 * count, index: TEN, cash_rate: TEN, pik_rate: pik }];
    let loan = ResolvedLoan {
        principal: 100_000,
        start: 0,
        rate: AnnualRate::from_parts(TEN),
        day_count: DayCount::Act360,
        periods: &periods,
        times: &times,
        profile: Profile::Bullet,
        interest_only: 0,
        nominal: false,
        payment: None,
        balance_cap: None,
        holidays: &[],
        steps: &steps,
        path: &path,
        hedges: &[],
        issue_price: AnnualRate::from_parts(AnnualRate::UNIT),
        upfront: 0,
        undrawn: None,
        open_until: 0,
        limits: &[],
        call: Call::default(),
        partial: false,
        draw_number: 0,
    };
    let (mut rows, mut scratch) = (Vec::new(), Scratch::default());
    let rate = keep(&loan, false, costs, construction, &mut rows, &mut scratch).unwrap();
    (rate, rows)
}

const PAR: Costs =
    Costs { issue_price: AnnualRate::UNIT, upfront: 0, commitment: 100_000, draw_until: 0, elsewhere: &[] };

#[test]
fn par_books_are_the_contract() {
    let (rate, rows) = books(4, vec![(45, Movement::Observe)], &PAR, &[], 0);
    assert!((rate - 0.1).abs() < 1e-15);
    let seen: Vec<_> =
        rows.iter().map(|row| (row.entry.clock, row.contractual, row.accrued, row.unamortized)).collect();
    assert_eq!(seen[..3], [(0, 0, 0, 0), (45, 1_250, 1_250, 0), (90, 1_250, 0, 0)]);
    assert!(rows.iter().all(|row| row.amortized == 0));
}

#[test]
fn a_fee_is_written_off_by_the_effective_rate() {
    // 1,000.00 at 10 % with a fee of 20.00 over a year: 980 = 25 a + 1025 v^4 at 2.5379...% a quarter.
    let costs = Costs { upfront: 2_000, ..PAR };
    let (rate, rows) = books(
        4,
        vec![],
        &costs,
        &[Construction { date: 0, share: AnnualRate::UNIT / 2 }, Construction { date: 90, share: 0 }],
        0,
    );
    let growth = 1.0 + rate / 4.0;
    let worth = 25.0 * (1..=4).map(|n| growth.powi(-n)).sum::<f64>() + 1_000.0 * growth.powi(-4);
    assert!((worth - 980.0).abs() < 1e-9);
    assert_eq!(rows.iter().map(|row| row.amortized).sum::<i64>(), 2_000);
    assert_eq!((rows[0].discount, rows[0].unamortized, rows[4].unamortized), (2_000, 2_000, 0));
    // Half of the first quarter's cost is capitalised: half-even((2,500 + amortized) / 2).
    let cost = rows[1].contractual + rows[1].amortized;
    assert_eq!(rows[1].capitalized, i64::try_from(round_half_even(cost.into(), 2)).unwrap());
    assert_eq!(rows[2].capitalized, 0);
}

#[test]
fn commitment_cost_is_an_asset_until_drawn() {
    // 1,000 of 4,000 at the start, 1,000 later; the rest is never drawn and expensed at the end of the window.
    let costs = Costs { upfront: 4_000, commitment: 400_000, draw_until: 180, ..PAR };
    let (_, rows) = books(4, vec![(30, Movement::Draw(100_000))], &costs, &[], 0);
    let seen: Vec<_> =
        rows.iter().map(|row| (row.entry.clock, row.discount, row.commitment_cost, row.expensed)).collect();
    assert_eq!(
        seen,
        [
            (0, 1_000, 3_000, 0),
            (30, 1_000, 2_000, 0),
            (90, 0, 2_000, 0),
            (180, 0, 0, 2_000),
            (270, 0, 0, 0),
            (360, 0, 0, 0)
        ]
    );
    assert_eq!(rows.iter().map(|row| row.amortized).sum::<i64>(), 2_000);
}

proptest! {
    /// Looking at the books more often changes no balance that was there before, and nothing is lost between.
    #[test]
    fn observations_add_up(days in prop::collection::vec(1_i32..359, 0..12), fee in 0_i64..5_000, pik in 0_i64..5, draw in 0_i64..50_000) {
        let costs = Costs { upfront: fee, ..PAR };
        let pik = pik * AnnualRate::UNIT / 100;
        let draws = vec![(100, Movement::Draw(draw + 1))];
        let mut looked = draws.clone();
        looked.extend(days.iter().map(|day| (*day, Movement::Observe)));
        let (_, plain) = books(4, draws, &costs, &[], pik);
        let (_, often) = books(4, looked, &costs, &[], pik);
        for row in &plain {
            let same = often.iter().find(|other| other.entry.clock == row.entry.clock).unwrap();
            prop_assert!((same.unamortized - row.unamortized).abs() <= 1);
            prop_assert_eq!((same.accrued, same.entry.closing), (row.accrued, row.entry.closing));
        }
        let sums = |rows: &[BookRow]| (rows.iter().map(|row| row.contractual).sum::<i64>(), rows.iter().map(|row| row.amortized).sum::<i64>());
        prop_assert_eq!(sums(&plain), sums(&often));
        prop_assert_eq!(sums(&plain).1, fee);
    }
}
