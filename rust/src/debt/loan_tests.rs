#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
use super::super::amortize;
use super::super::prepayment::{Call, Prepayment};
use super::*;
use crate::calendar::{Context, YearFraction};

/// Quarters of 90 days: payment k falls on day 90 k.
fn quarters(count: i32) -> Vec<Period> {
    let time = YearFraction { top: 90, bottom: 360 };
    let period = |start: i32| Period {
        start,
        end: start + 90,
        scheduled: start + 90,
        paid: start + 90,
        time,
        context: Context::default(),
    };
    (0..count).map(|number| period(90 * number)).collect()
}

/// All rows of a loan of quarters at 8 % on ACT/360: 2 % a quarter.
fn rows(
    principal: i64,
    count: i32,
    profile: Profile<'_, i64>,
    steps: &[Step<i64>],
    rider: &mut impl Rider<i64>,
) -> Vec<Entry<i64>> {
    struct All(Vec<Entry<i64>>);
    impl Sink<i64> for All {
        fn entry(&mut self, entry: &Entry<i64>) {
            self.0.push(*entry);
        }
    }
    let periods = quarters(count);
    let times: Vec<YearFraction> = periods.iter().map(|period| period.time).collect();
    let loan = ResolvedLoan {
        principal,
        start: 0,
        rate: AnnualRate::new(0.08, false).unwrap(),
        day_count: DayCount::Act360,
        periods: &periods,
        times: &times,
        profile,
        interest_only: 0,
        payment: None,
        nominal: false,
        balance_cap: None,
        holidays: &[],
        steps,
        path: &[],
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
    assert_eq!(loan.is_simple(), steps.is_empty());
    let mut all = All(Vec::new());
    amortize(&loan, rider, &mut all).unwrap();
    for entry in &all.0 {
        assert_eq!(entry.opening + entry.draw + entry.pik - entry.principal - entry.prepayment, entry.closing);
        assert_eq!(entry.interest + entry.principal + entry.prepayment + entry.fee, entry.payment);
    }
    assert!(all.0.windows(2).all(|pair| pair[0].closing == pair[1].opening && pair[0].date <= pair[1].date));
    all.0
}

fn step(date: i32, movement: Movement<i64>) -> Step<i64> {
    Step { date, movement }
}

/// Number, day, interest, principal, prepayment, draw, closing.
fn brief(rows: &[Entry<i64>]) -> Vec<[i64; 7]> {
    let line = |row: &Entry<i64>| {
        [
            i64::try_from(row.number).unwrap(),
            i64::from(row.date),
            row.interest,
            row.principal,
            row.prepayment,
            row.draw,
            row.closing,
        ]
    };
    rows.iter().map(line).collect()
}

#[test]
fn draws_between_and_on_payments() {
    let steps = [step(45, Movement::Draw(50_000)), step(90, Movement::Draw(20_000))];
    let rows = rows(100_000, 2, Profile::Bullet, &steps, &mut ());
    assert_eq!(
        brief(&rows),
        [
            [0, 0, 0, 0, 0, 100_000, 100_000],
            [0, 45, 0, 0, 0, 50_000, 150_000],
            // 1,000 x 2 % + 500 x 1 %; the draw of that day comes after the payment.
            [1, 90, 2_500, 0, 0, 20_000, 170_000],
            [2, 180, 3_400, 170_000, 0, 0, 0],
        ]
    );
}

#[test]
fn a_draw_spreads_over_the_payments_that_are_left() {
    let rows = rows(100_000, 4, Profile::LevelPayment, &[step(180, Movement::Draw(30_000))], &mut ());
    // 1,000 x 0.02 / (1 - 1.02^-4) = 262.62; 20.00 and 15.15 of interest leave 757.38 and 509.91, with the draw 809.91.
    // 809.91 x 1.02^2 / 2.02 = 417.14; 16.20 of interest leave 408.97, which bears 8.18.
    let payments: Vec<i64> = rows.iter().map(|row| row.payment).collect();
    assert_eq!(payments, [0, 26_262, 26_262, 41_714, 41_715]);
    assert_eq!(rows[2].closing, 80_991);
}

#[test]
fn prepayments_shorten_the_loan_or_lower_the_payment() {
    let lower = [step(180, prepaid(30_000, true))];
    let found = rows(100_000, 4, Profile::LevelPayment, &lower, &mut ());
    // 209.91 left: 209.91 x 1.02^2 / 2.02 = 108.11; 4.20 of interest leave 106.00, which bear 2.12.
    assert_eq!(brief(&found)[2], [2, 180, 1_515, 24_747, 30_000, 0, 20_991]);
    assert_eq!(found.iter().map(|row| row.payment).collect::<Vec<_>>(), [0, 26_262, 56_262, 10_811, 10_812]);
    let shorter = [step(180, prepaid(30_000, false))];
    let found = rows(100_000, 4, Profile::LevelPayment, &shorter, &mut ());
    // The payment stays 262.62: 209.91 and 4.20 of interest are less.
    assert_eq!(brief(&found)[3..], [[3, 270, 420, 20_991, 0, 0, 0]]);
    // More than is owed is taken as all that is owed.
    let all = [step(100, prepaid(i64::MAX, false))];
    let found = rows(100_000, 4, Profile::LevelPayment, &all, &mut ());
    assert_eq!(found.last().map(|row| (row.date, row.closing)), Some((100, 0)));
}

#[test]
fn a_rate_before_a_prepayment_is_fixed_on_the_balance_before() {
    let rate = AnnualRate::new(0.12, false).unwrap();
    let steps = [step(180, Movement::Reset(rate)), step(200, prepaid(10_000, false))];
    let found = rows(100_000, 4, Profile::LevelPayment, &steps, &mut ());
    // 509.91 x 1.03^2 / 2.03 = 266.48, though 100.00 less are owed when the payment comes.
    assert_eq!(found[4].level, 26_648);
    assert_eq!(found[4].payment, 26_648);
}

fn prepaid(amount: i64, refix: bool) -> Movement<i64> {
    let terms = Prepayment { amount: Some(amount), refix, capped: true, called: false, with_interest: false, place: 0 };
    Movement::Prepayment(terms)
}

/// A fee of a flat amount with each payment, and interest of 1 % a quarter in kind.
struct Both {
    kind: crate::debt::Accrual<i64>,
    passed: i32,
}

impl Rider<i64> for Both {
    fn pass(&mut self, ledger: &Ledger<i64>, _: i64, span: &Span<'_>) -> Result<(), Fault> {
        self.passed += span.to - span.from;
        self.kind.add(ledger.base(), AnnualRate::new(0.04, false).unwrap(), span.time(span.from, span.to))
    }

    fn pay(&mut self, ledger: &mut Ledger<i64>, _: &mut i64, entry: &mut Entry<i64>) -> Result<(), Fault> {
        entry.fee += 7;
        entry.pik += self.kind.settle()?;
        ledger.capitalise(entry.pik)
    }
}

#[test]
fn riders_accrue_beside_and_settle_with_each_payment() {
    let mut rider = Both { kind: crate::debt::Accrual::default(), passed: 0 };
    let found = rows(100_000, 2, Profile::Bullet, &[step(30, Movement::Draw(100_000))], &mut rider);
    assert_eq!(rider.passed, 180);
    // 1,000 x 1 % + 1,000 x 1 % x 60 / 90 = 16.67 in kind; then 2,016.67 x 1 % = 20.17.
    assert_eq!(found.iter().map(|row| row.pik).collect::<Vec<_>>(), [0, 0, 1_667, 2_017]);
    assert_eq!(found.iter().map(|row| row.fee).collect::<Vec<_>>(), [0, 0, 7, 7]);
    assert_eq!(found[3].principal, 203_684);
}

#[test]
fn principal_beyond_the_balance_is_refused() {
    let amounts = [60_000, 60_000, 0];
    let periods = quarters(3);
    let times: Vec<YearFraction> = periods.iter().map(|period| period.time).collect();
    let loan = ResolvedLoan {
        principal: 100_000_i64,
        start: 0,
        rate: AnnualRate::ZERO,
        day_count: DayCount::Act360,
        periods: &periods,
        times: &times,
        profile: Profile::Custom(&amounts),
        interest_only: 0,
        payment: None,
        nominal: false,
        balance_cap: None,
        holidays: &[],
        steps: &[],
        path: &[],
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
    struct Nowhere;
    impl Sink<i64> for Nowhere {
        fn entry(&mut self, _: &Entry<i64>) {}
    }
    assert_eq!(amortize(&loan, &mut (), &mut Nowhere), Err(Fault::BeyondBalance { number: 2 }));
}
