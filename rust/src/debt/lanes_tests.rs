#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "tests")]
use super::*;
use crate::calendar::{Context, Date, DayCount, YearFraction};
use crate::debt::dues::{LevelTerms, add_dues, level_loans};
use crate::debt::prepayment::Call;
use crate::debt::steps::{Movement, Period, Step};
use crate::debt::{Entry, Profile, ResolvedLoan, Sink, amortize};
use crate::rate::AnnualRate;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Terms {
    principal: i64,
    parts: i64,
    step: i64,
    payments: u32,
    spread: u32,
    profile: ProfileKind,
}

struct Rows<A: Amount>(Vec<Entry<A>>);

impl<A: Amount> Sink<A> for Rows<A> {
    fn entry(&mut self, entry: &Entry<A>) {
        self.0.push(*entry);
    }
}

/// The rows after the first advance by the engine: the definition.
fn by_ledger<A: Amount>(terms: &Terms, principal: A) -> Vec<Entry<A>> {
    let rows = by_resets(terms, principal, &[]);
    assert!(rows.iter().all(|entry| entry.rate.parts() == terms.parts));
    rows
}

/// The same at another rate in each period, where there are any.
fn by_resets<A: Amount>(terms: &Terms, principal: A, rates: &[i64]) -> Vec<Entry<A>> {
    let time = YearFraction { top: 30 * terms.step, bottom: 360 };
    let day = |number: u32| 30 * Date::try_from(number).unwrap();
    let context = Context { maturity: None, reference: None };
    let period = |number: u32| {
        let (start, end) = (day(number), day(number + 1));
        Period { start, end, scheduled: end, paid: end, time, context }
    };
    let periods: Vec<_> = (0..terms.payments).map(period).collect();
    let times = vec![time; terms.spread as usize];
    let reset = |(number, rate): (u32, &i64)| Step {
        date: day(number),
        movement: Movement::Reset(AnnualRate::from_parts(*rate)),
    };
    let steps: Vec<_> = (0..terms.payments).zip(rates).skip(1).map(reset).collect();
    let loan = ResolvedLoan {
        principal,
        start: 0,
        rate: AnnualRate::from_parts(rates.first().copied().unwrap_or(terms.parts)),
        day_count: DayCount::Thirty360,
        periods: &periods,
        times: &times,
        profile: match terms.profile {
            ProfileKind::LevelPayment => Profile::LevelPayment,
            ProfileKind::LevelPrincipal => Profile::LevelPrincipal,
            _ => Profile::Bullet,
        },
        interest_only: 0,
        payment: None,
        nominal: false,
        balance_cap: None,
        holidays: &[],
        steps: &steps,
        path: &[],
        hedges: &[],
        issue_price: AnnualRate::from_parts(AnnualRate::UNIT),
        upfront: A::zero(),
        undrawn: None,
        open_until: Date::MIN,
        limits: &[],
        call: Call::default(),
        partial: false,
        draw_number: 0,
    };
    assert!(loan.is_simple() || !steps.is_empty());
    let mut rows = Rows(Vec::new());
    amortize(&loan, &mut (), &mut rows).unwrap();
    rows.0.split_off(1)
}

fn equal(terms: &Terms, principal: f64) -> Option<EqualLoan> {
    let period = YearFraction { top: 30 * terms.step, bottom: 360 };
    let rate = AnnualRate::from_parts(terms.parts);
    EqualLoan::new(principal, rate, period, (terms.payments, terms.spread), terms.profile)
}

fn by_lanes<const ROUNDED: bool>(loans: &[EqualLoan]) -> Vec<LaneRow> {
    let longest = loans.iter().map(EqualLoan::payments).max().unwrap();
    let mut rows = vec![LaneRow::default(); longest as usize];
    Lanes::<ROUNDED>::new(loans).run(&mut rows);
    rows
}

fn profiles() -> impl Strategy<Value = ProfileKind> {
    use ProfileKind::{Bullet, LevelPayment, LevelPrincipal};
    prop_oneof![6 => Just(LevelPayment), 2 => Just(LevelPrincipal), 1 => Just(Bullet)]
}

/// Rates that make ties (6 %/12 is 1/200), none, the least, and any.
fn rates() -> impl Strategy<Value = i64> {
    const UNIT: i64 = AnnualRate::UNIT;
    let tied = prop_oneof![Just(UNIT * 6 / 100), Just(UNIT * 12 / 100), Just(UNIT * 24 / 100), Just(UNIT / 2)];
    prop_oneof![tied, (1_i64..2_400).prop_map(|half| half * UNIT / 10_000), Just(0), Just(1), 1..UNIT]
}

fn terms() -> impl Strategy<Value = Terms> {
    let principals = prop_oneof![
        1_i64..100,
        100_i64..100_000,
        100_000_i64..1_000_000_000,
        (1_i64 << 49)..(1 << 50),
        (1_i64..100_000).prop_map(|hundred| hundred * 100),
    ];
    (principals, rates(), prop_oneof![Just(1_i64), Just(3), Just(12)], 1_u32..130, 0_u32..60)
        .prop_map(|(principal, parts, step, payments, more)| {
            (principal, parts, step, payments, more / 3 * u32::from(more % 3 == 0))
        })
        .prop_flat_map(|(principal, parts, step, payments, more)| {
            profiles().prop_map(move |profile| {
                let spread = if profile == ProfileKind::Bullet { payments } else { payments + more };
                Terms { principal, parts, step, payments, spread, profile }
            })
        })
}

fn compare(all: &[Terms]) {
    let known: Vec<_> = all.iter().filter_map(|terms| Some((*terms, equal(terms, terms.principal as f64)?))).collect();
    for profile in [ProfileKind::LevelPayment, ProfileKind::LevelPrincipal, ProfileKind::Bullet] {
        let of: Vec<_> = known.iter().filter(|(terms, _)| terms.profile == profile).copied().collect();
        for group in of.chunks(WIDTH) {
            let loans: Vec<_> = group.iter().map(|(_, loan)| *loan).collect();
            let rows = by_lanes::<true>(&loans);
            let mut sums = rows.clone();
            add_sums(&loans, &mut sums);
            let twice: Vec<_> = loans.iter().chain(&loans).copied().collect();
            let mut more = vec![LaneRow::default(); rows.len()];
            // Those beyond eight come on top.
            let beyond = loans.len() == WIDTH;
            add_sums(if beyond { &twice } else { &loans }, &mut more);
            for (lane, (terms, loan)) in group.iter().enumerate() {
                let wanted = by_ledger(terms, terms.principal);
                assert!(wanted.len() == loan.payments() as usize || !loan.lasts(true), "{terms:?}");
                for (number, row) in rows.iter().enumerate() {
                    let entry = wanted.get(number).copied().unwrap_or_default();
                    let found = [row.interest[lane], row.principal[lane], row.closing[lane]];
                    assert_eq!(
                        found.map(|amount| amount as i64),
                        [entry.interest, entry.principal, entry.closing],
                        "{terms:?} {number}"
                    );
                    assert_eq!(sums[number].interest[lane], 2.0 * found[0]);
                    assert_eq!(sums[number].principal[lane], 2.0 * found[1]);
                    let times = if beyond { 2.0 } else { 1.0 };
                    assert_eq!(more[number].interest[lane], times * found[0]);
                    assert_eq!(more[number].principal[lane], times * found[1]);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn lanes_are_the_ledger_to_the_cent(all in prop::collection::vec(terms(), 1..40)) {
        compare(&all);
    }

    /// Rates that change, stand still and vanish, beside each other.
    #[test]
    fn floating_lanes_are_the_ledger_to_the_cent(
        all in prop::collection::vec((terms(), prop::collection::vec(rates(), 130), 1_usize..9), 1..9),
    ) {
        let known: Vec<_> = all
            .iter()
            .filter_map(|(terms, rates, stay)| {
                let terms = Terms { profile: all[0].0.profile, spread: terms.payments, ..*terms };
                let path: Vec<_> = (0..130).map(|number| rates[number / stay]).collect();
                let highest = path.iter().copied().max().unwrap();
                let loan = equal(&Terms { parts: highest, ..terms }, terms.principal as f64)?;
                Some((terms, path, loan))
            })
            .collect();
        let loans: Vec<_> = known.iter().map(|(_, _, loan)| *loan).collect();
        let mut rates = vec![[1; WIDTH]; 130];
        for (lane, (terms, path, _)) in known.iter().enumerate() {
            for (row, rate) in rates.iter_mut().zip(path).take(terms.payments as usize) {
                row[lane] = *rate;
            }
        }
        let mut rows = vec![LaneRow::default(); 130];
        Lanes::<true>::new(&loans).run_floating(&rates, &mut rows);
        for (lane, (terms, path, _)) in known.iter().enumerate() {
            let wanted = by_resets(terms, terms.principal, path);
            for (number, row) in rows.iter().enumerate() {
                let entry = wanted.get(number).copied().unwrap_or_default();
                let found = [row.interest[lane], row.principal[lane], row.closing[lane]];
                prop_assert_eq!(found.map(|amount| amount as i64), [entry.interest, entry.principal, entry.closing], "{} {:?}", number, terms);
            }
        }
    }

    #[test]
    fn unrounded_lanes_and_closed_forms_are_the_ledger(terms in terms()) {
        let principal = terms.principal as f64 / 100.0;
        let Some(loan) = equal(&terms, principal) else { return Ok(()) };
        let wanted = by_ledger(&terms, principal);
        let rows = by_lanes::<false>(&[loan]);
        let count = rows.len();
        let (mut level, mut dues) = (Vec::new(), vec![0.0; count]);
        if let Some(terms) = LevelTerms::of(&loan) {
            level_loans(&[terms], &mut level);
            add_dues(&level, &mut dues);
        }
        let off = (count as f64) * 1e-14 * principal * (1.0 + loan.factor()).powi(i32::try_from(count).unwrap());
        for (number, entry) in wanted.iter().enumerate() {
            let row = rows[number];
            prop_assert!((row.interest[0] - entry.interest).abs() <= off, "{number} {row:?} {entry:?}");
            prop_assert!((row.principal[0] - entry.principal).abs() <= off);
            prop_assert!((row.closing[0] - entry.closing).abs() <= off);
            if let Some(level) = level.first() {
                prop_assert!((level.payment - dues[number] - entry.interest).abs() <= off);
                prop_assert!((dues[number] - entry.principal).abs() <= off);
            }
        }
        prop_assert_eq!(rows[count - 1].closing[0], 0.0);
    }
}

/// Any number of loans, of any numbers of payments: the sum is that of each alone.
#[test]
fn dues_add_up() {
    let lengths = [1, 2, 3, 4, 5, 7, 8, 9, 12, 12, 13, 30, 31, 32, 33, 34, 40, 41, 120, 121];
    let loans: Vec<_> = lengths
        .iter()
        .map(|payments| {
            let terms = Terms {
                principal: 1,
                parts: AnnualRate::UNIT / 10 * i64::from(1 + payments % 3),
                step: 1,
                payments: *payments,
                spread: *payments,
                profile: ProfileKind::LevelPayment,
            };
            equal(&terms, 1_000.0 + f64::from(*payments)).unwrap()
        })
        .collect();
    let mut level = Vec::new();
    let terms: Vec<_> = loans.iter().filter_map(LevelTerms::of).collect();
    level_loans(&terms, &mut level);
    for count in 1..=level.len() {
        let (mut together, mut alone) = (vec![1.0; 130], vec![1.0; 130]);
        add_dues(&level[..count], &mut together);
        level[..count].iter().for_each(|loan| add_dues(&[*loan], &mut alone));
        for (number, (together, alone)) in together.iter().zip(&alone).enumerate() {
            assert!((together - alone).abs() <= 1e-12 * alone, "{count} {number}");
        }
        let whole: f64 = together.iter().sum::<f64>() - 130.0;
        let lent: f64 = loans[..count].iter().map(EqualLoan::principal).sum();
        assert!((whole - lent).abs() <= 1e-10 * lent);
    }
}

#[test]
fn ties_go_to_even() {
    // 6 % a year is 1/200 a month: of 1.00 half a cent, which goes to 0; of 3.00 one and a half, to 2.
    let bullet = |principal| Terms {
        principal,
        parts: AnnualRate::UNIT * 6 / 100,
        step: 1,
        payments: 2,
        spread: 2,
        profile: ProfileKind::Bullet,
    };
    let loans: Vec<_> = [100, 300, 500, 700].map(|cents| equal(&bullet(cents), cents as f64).unwrap()).to_vec();
    let rows = by_lanes::<true>(&loans);
    assert_eq!(rows[0].interest[..4], [0.0, 2.0, 2.0, 4.0]);
    // 60.15 over 30 payments without interest is 200.5 cents each.
    let level =
        Terms { principal: 6_015, parts: 0, step: 1, payments: 30, spread: 30, profile: ProfileKind::LevelPayment };
    let rows = by_lanes::<true>(&[equal(&level, 6_015.0).unwrap()]);
    assert_eq!((rows[0].principal[0], rows[29].principal[0]), (200.0, 215.0));
}

#[test]
fn what_is_beyond_the_proofs_is_refused() {
    let terms = Terms { principal: 1, parts: 1, step: 1, payments: 12, spread: 12, profile: ProfileKind::LevelPayment };
    assert!(equal(&terms, 1.0).is_some());
    assert_eq!(equal(&terms, 1_125_899_906_842_624.0), None);
    assert_eq!(equal(&terms, 0.0), None);
    assert_eq!(equal(&Terms { parts: -1, ..terms }, 1.0), None);
    assert_eq!(equal(&Terms { spread: 11, ..terms }, 1.0), None);
    assert_eq!(equal(&Terms { profile: ProfileKind::Custom, ..terms }, 1.0), None);
}
