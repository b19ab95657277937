//! Cases by hand, and the laws of a waterfall over random plans.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::calendar::YearFraction;
use crate::rate::{AnnualRate, Rate};

fn interest(months: usize, rate: f64) -> Interest {
    let rate = AnnualRate::new(rate, true).unwrap();
    Interest { rate: vec![rate; months], time: vec![YearFraction { top: 1, bottom: 12 }; months] }
}

fn claim(tier: usize, due: &[i64]) -> Claim {
    Claim { owed: Owed::Given(due.to_vec()), tier, late: Interest::default(), reserves: vec![] }
}

/// Cash, receipts and tiers, and nothing else.
fn plan(opening_cash: i64, receipts: &[i64], claims: Vec<Claim>, steps: Vec<Step>) -> Plan {
    let months = receipts.len();
    Plan {
        months,
        opening_cash,
        receipts: receipts.to_vec(),
        minimum_cash: vec![0; months],
        claims,
        revolvers: vec![],
        reserves: vec![],
        sweeps: vec![],
        settled: 0,
        steps,
        distributions: vec![0; months],
        distribution_share: vec![Rate::ZERO; months],
        tax: None,
        taxable_income: vec![0; months],
        opening_losses: 0,
        opening_tax: 0,
        year_starts: (0..months).map(|at| at % 12 == 0).collect(),
        tax_paid: vec![true; months],
    }
}

#[test]
fn the_senior_is_paid_first_and_equals_share() {
    let claims = vec![claim(1, &[100, 0]), claim(2, &[50, 0]), claim(2, &[25, 0])];
    let flows = run(&plan(40, &[90, 1_000], claims, vec![Step::Tier(1), Step::Tier(2)])).unwrap();
    let paid: Vec<_> = flows.claims.iter().map(|flow| (flow.paid, flow.past_due)).collect();
    // 30 among 50 and 25: 20 and 10. The rest is due in the next month.
    assert_eq!(paid, [(100, 0), (20, 30), (10, 15), (0, 0), (30, 0), (15, 0)]);
    assert_eq!(flows.months.iter().map(|month| month.cash).collect::<Vec<_>>(), [0, 955]);
}

#[test]
fn a_revolver_holds_the_minimum_and_is_repaid_first() {
    let mut given =
        plan(100, &[0, 500], vec![claim(1, &[90, 0])], vec![Step::Tier(1), Step::Repay(0), Step::Distribute]);
    given.minimum_cash = vec![50; 2];
    given.distribution_share = vec![Rate::new(0.5).unwrap(); 2];
    let undrawn = interest(2, 0.12);
    given.claims.push(Claim { owed: Owed::RevolverCost(0), tier: 1, late: Interest::default(), reserves: vec![] });
    given.revolvers = vec![Revolver {
        opening: 0,
        limit: vec![1_000; 2],
        interest: interest(2, 0.36),
        undrawn,
        opening_limit: 1_000,
    }];
    let flows = run(&given).unwrap();
    // 1 % of 1,000 undrawn; 90 + 10 + 50 - 100 are drawn. Then 3 % of 50 and 1 % of 950, both half to even: 2 and 10.
    assert_eq!(flows.revolvers[0], RevolverFlow { fee: 10, draw: 50, balance: 50, ..Default::default() });
    let second = RevolverFlow { interest: 2, fee: 10, repayment: 50, ..Default::default() };
    assert_eq!(flows.revolvers[1], second);
    assert_eq!((flows.months[0].cash, flows.months[1].excess), (50, 488));
    assert_eq!((flows.months[1].distribution, flows.months[1].cash), (219, 269));
}

#[test]
fn a_reserve_pays_what_cash_cannot_and_is_filled_before_juniors() {
    let mut senior = claim(1, &[80, 80, 80]);
    senior.reserves = vec![0];
    senior.late = interest(3, 0.12);
    let mut given = plan(
        0,
        &[80, 10, 200],
        vec![senior, claim(2, &[30, 0, 0])],
        vec![Step::Tier(1), Step::TopUp(0), Step::Tier(2)],
    );
    given.reserves = vec![Reserve { opening: 70, target: vec![60, 60, 60] }];
    let flows = run(&given).unwrap();
    let reserve: Vec<_> =
        flows.reserves.iter().map(|flow| (flow.release, flow.used, flow.top_up, flow.balance)).collect();
    // 10 are released in the first month, to the junior; 60 pay the senior in the second; 109 are left in the third,
    // after 1 % on the 10 past due.
    assert_eq!(reserve, [(10, 0, 0, 60), (0, 60, 0, 0), (0, 0, 60, 60)]);
    assert_eq!(flows.claims[2], ClaimFlow { due: 80, paid: 10, from_reserves: 60, past_due: 10, ..Default::default() });
    assert_eq!((flows.claims[1].paid, flows.claims[5].paid, flows.months[2].cash), (10, 20, 30));
}

#[test]
fn a_loan_is_swept_in_full_only_with_its_interest() {
    let sweep = |balance: i64| {
        let mut given = plan(100, &[0], vec![], vec![Step::Sweep(0), Step::Sweep(1), Step::Distribute]);
        let own = |share, balance, accrued| Sweep {
            share: Rate::new(share).unwrap(),
            balance: vec![balance],
            accrued: vec![accrued],
            settled: vec![0],
        };
        given.sweeps = vec![own(1.0, balance, 5), own(1.0, 1_000, 0)];
        run(&given).unwrap().sweeps
    };
    assert_eq!(sweep(200), [100, 0]);
    assert_eq!(sweep(97), [95, 5]); // 97 and 5 are more than there is: interest for the rest is kept
    assert_eq!(sweep(90), [90, 5]); // 5 more are interest
}

#[test]
fn tax_follows_the_interest_of_the_revolver() {
    let mut given =
        plan(0, &[100; 3], vec![claim(1, &[300, 0, 0])], vec![Step::Tier(1), Step::Tier(2), Step::Repay(0)]);
    for owed in [Owed::RevolverCost(0), Owed::Tax] {
        given.claims.push(Claim { owed, tier: 2, late: Interest::default(), reserves: vec![] });
    }
    let (limit, undrawn) = (vec![500; 3], Interest::default());
    given.revolvers = vec![Revolver { opening: 0, limit, interest: interest(3, 0.12), undrawn, opening_limit: 500 }];
    given.tax = Some(tax::TaxTerms { rate: Rate::new(0.5).unwrap(), loss_limit: Rate::new(1.0).unwrap() });
    given.taxable_income = vec![-10, 40, 40];
    given.tax_paid = vec![false, false, true];
    let flows = run(&given).unwrap();
    // 200 drawn bear 2; to date -10, then 28: 14. Then 102 are drawn: 1, so 67: 33.5 to even 34.
    assert_eq!(flows.months.iter().map(|month| month.tax).collect::<Vec<_>>(), [0, 14, 20]);
    assert_eq!(flows.claims[8], ClaimFlow { due: 34, paid: 34, ..Default::default() });
    assert_eq!((flows.months[1].tax_accrued, flows.months[2].tax_accrued), (14, 0));
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    let fine = plan(0, &[1, 2], vec![claim(1, &[1, 1])], vec![Step::Tier(1)]);
    assert!(run(&fine).is_ok());
    let broken: [fn(&mut Plan); 7] = [
        |plan| plan.receipts = vec![1],
        |plan| plan.claims[0].owed = Owed::Given(vec![1, -1]),
        |plan| plan.steps = vec![],
        |plan| plan.steps = vec![Step::Tier(1), Step::TopUp(0)],
        |plan| plan.steps = vec![Step::Distribute, Step::Tier(1)],
        |plan| plan.steps = vec![Step::Tier(1), Step::Tier(1)],
        |plan| plan.opening_cash = -1,
    ];
    for change in broken {
        let mut plan = fine.clone();
        change(&mut plan);
        assert_eq!(run(&plan).unwrap_err(), Fault::Plan);
    }
    let mut large = fine;
    large.receipts = vec![i64::MAX, i64::MAX];
    assert_eq!(run(&large).unwrap_err(), Fault::Overflow);
}

prop_compose! {
    fn plans()(months in 1_usize..9)(
        months in Just(months),
        opening_cash in 0_i64..2_000,
        receipts in prop::collection::vec(0_i64..1_500, months),
        minimum in prop_oneof![Just(0_i64), 0_i64..500],
        due in prop::collection::vec(prop::collection::vec(0_i64..400, months), 4),
        tiers in prop::collection::vec(0_usize..4, 4),
        pledged in prop::collection::vec(prop::collection::vec(0_usize..2, 0..2), 4),
        limits in prop::collection::vec(prop::collection::vec(0_i64..900, months), 2),
        targets in prop::collection::vec(prop::collection::vec(0_i64..300, months), 2),
        openings in prop::collection::vec(0_i64..500, 6),
        shares in prop::collection::vec(0_u32..=100, 3),
        balances in prop::collection::vec(prop::collection::vec(0_i64..800, months), 2),
        incomes in prop::collection::vec(-500_i64..500, months),
        planned in prop::collection::vec(0_i64..100, months),
        rate in 0_u32..60,
    ) -> Plan {
        let mut made = plan(opening_cash, &receipts, vec![], vec![]);
        let late = interest(months, f64::from(rate) / 100.0);
        for ((due, tier), reserves) in due.into_iter().zip(&tiers).zip(pledged) {
            made.claims.push(Claim { owed: Owed::Given(due), tier: *tier, late: late.clone(), reserves });
        }
        for (owed, tier) in [(Owed::RevolverCost(0), 1), (Owed::RevolverPrincipal(0), 2), (Owed::RevolverCost(1), 3),
            (Owed::RevolverPrincipal(1), 3), (Owed::Tax, 0)] {
            made.claims.push(Claim { owed, tier, late: late.clone(), reserves: vec![] });
        }
        made.minimum_cash = vec![minimum; months];
        for (at, limit) in limits.into_iter().enumerate() {
            let opening_limit = limit[0];
            made.revolvers.push(Revolver { opening: openings[at], limit, interest: late.clone(), undrawn: late.clone(), opening_limit });
        }
        for (at, target) in targets.into_iter().enumerate() {
            made.reserves.push(Reserve { opening: openings[at + 2], target });
        }
        for (balance, share) in balances.into_iter().zip(&shares) {
            let share = Rate::new(f64::from(*share) / 100.0).unwrap();
            made.sweeps.push(Sweep { share, accrued: vec![7; months], settled: vec![0; months], balance });
        }
        made.steps = vec![Step::Tier(0), Step::Tier(1), Step::TopUp(0), Step::Tier(2), Step::TopUp(1), Step::Tier(3),
            Step::Repay(1), Step::Repay(0), Step::Sweep(0), Step::Sweep(1), Step::Distribute];
        made.tax = Some(tax::TaxTerms { rate: Rate::new(0.21).unwrap(), loss_limit: Rate::new(0.8).unwrap() });
        made.taxable_income = incomes;
        made.opening_losses = openings[4];
        made.opening_tax = openings[5] - 250;
        made.distributions = planned;
        made.distribution_share = vec![Rate::new(f64::from(shares[2]) / 100.0).unwrap(); months];
        made
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    /// What goes out is what comes in, nothing is below zero, and a junior has nothing while a senior is short.
    #[test]
    fn cash_is_neither_made_nor_lost_and_order_is_kept(plan in plans()) {
        let flows = run(&plan).unwrap();
        let (mut cash, mut past_due) = (plan.opening_cash, vec![0; plan.claims.len()]);
        for at in 0..plan.months {
            let claims: Vec<_> = flows.claims.iter().skip(at * plan.claims.len()).take(plan.claims.len()).collect();
            let (revolvers, reserves, sweeps) = (&flows.revolvers[at * 2..at * 2 + 2], &flows.reserves[at * 2..at * 2 + 2], &flows.sweeps[at * 2..at * 2 + 2]);
            let month = flows.months[at];
            let into: i64 = cash + plan.receipts[at] + revolvers.iter().map(|flow| flow.draw).sum::<i64>() + reserves.iter().map(|flow| flow.release).sum::<i64>();
            let out: i64 = claims.iter().map(|flow| flow.paid).sum::<i64>() + reserves.iter().map(|flow| flow.top_up).sum::<i64>()
                + revolvers.iter().map(|flow| flow.repayment).sum::<i64>() + sweeps.iter().sum::<i64>() + month.distribution;
            prop_assert_eq!(into, out + month.cash);
            let used: i64 = reserves.iter().map(|flow| flow.used).sum();
            prop_assert_eq!(used, claims.iter().map(|flow| flow.from_reserves).sum::<i64>());
            for (flow, before) in claims.iter().zip(&past_due) {
                prop_assert_eq!(before + flow.late + flow.due, flow.paid + flow.from_reserves + flow.past_due);
                prop_assert!([flow.due, flow.late, flow.paid, flow.from_reserves, flow.past_due].iter().all(|amount| *amount >= 0));
            }
            for flow in reserves { prop_assert!([flow.release, flow.used, flow.top_up, flow.balance].iter().all(|amount| *amount >= 0)); }
            for flow in revolvers { prop_assert!([flow.draw, flow.repayment, flow.balance, flow.due].iter().all(|amount| *amount >= 0)); }
            prop_assert!(month.cash >= 0 && month.distribution >= 0 && sweeps.iter().all(|amount| *amount >= 0));
            let short: Vec<_> = plan.claims.iter().zip(&claims).filter(|(_, flow)| flow.past_due > 0).map(|(claim, _)| claim.tier).collect();
            if let Some(senior) = short.iter().min() {
                for (claim, flow) in plan.claims.iter().zip(&claims) {
                    prop_assert!(claim.tier <= *senior || flow.paid == 0);
                }
                prop_assert_eq!(month.cash, 0);
                prop_assert!(sweeps.iter().all(|amount| *amount == 0) && month.distribution == 0);
                // Nobody is short while a revolver could still be drawn.
                for (flow, own) in revolvers.iter().zip(&plan.revolvers) {
                    prop_assert!(flow.balance >= own.limit[at]);
                }
            }
            if month.distribution > 0 || sweeps.iter().any(|amount| *amount > 0) {
                prop_assert!(month.cash >= plan.minimum_cash[at]);
            }
            past_due = claims.iter().map(|flow| flow.past_due).collect();
            cash = month.cash;
        }
    }
}
