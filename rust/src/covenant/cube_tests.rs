//! Blocks of scenarios against the same tests decided one by one in integers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "tests"
)]
use super::*;
use crate::covenant::{Term, Window};
use proptest::prelude::*;

const PERIODS: usize = 2 * STRETCH + 3;
const PER_YEAR: usize = 4;

fn term(measure: usize, window: Window) -> Term {
    Term { measure, minus: false, window }
}

/// Measures 0 and 1 differ by scenario, 2 is the same in all.
fn metrics() -> Vec<Metric> {
    let metric = |numerator: Vec<Term>, denominator: Vec<Term>| Metric { numerator, denominator, cure: None };
    vec![
        metric(vec![term(0, Window::Sum(3))], vec![term(2, Window::Sum(3))]),
        metric(vec![term(2, Window::Last)], vec![term(0, Window::Annualized(4))]),
        metric(vec![term(0, Window::Last)], vec![term(1, Window::Average(2))]),
        metric(vec![term(0, Window::Last), Term { minus: true, ..term(1, Window::Average(3)) }], vec![]),
        metric(vec![term(2, Window::Last)], vec![term(2, Window::Sum(2))]),
        metric(
            vec![term(0, Window::Sum(2)), term(2, Window::Last)],
            vec![term(1, Window::Last), term(2, Window::Last)],
        ),
    ]
}

fn thresholds() -> impl Strategy<Value = Vec<Threshold>> {
    let one = prop_oneof![
        1 => Just(Threshold::None),
        1 => Just(Threshold::Unknown),
        8 => (-20_i64..60, prop_oneof![Just(1_i64), Just(4), Just(10)])
            .prop_map(|(top, bottom)| Threshold::Known(Fraction { top: top.into(), bottom: bottom.into() })),
    ];
    prop::collection::vec(one, PERIODS)
}

proptest! {
    #[test]
    fn a_block_says_what_the_integers_say(
        // Small amounts make ties and denominators of zero; large ones are beyond doubles.
        amounts in prop::collection::vec(prop_oneof![8 => -8_i64..40, 1 => (1_i64 << 60)..(1 << 61)], 3 * PERIODS * 19),
        thresholds in thresholds(), which in 0_usize..6, max: bool, strict: bool, all_small: bool,
        waived in prop::collection::vec(prop::bool::weighted(0.2), PERIODS),
    ) {
        let lanes = 19;
        let amounts: Vec<i64> = amounts.into_iter().map(|a| if all_small { a % 64 } else { a }).collect();
        let fits = amounts.iter().all(|amount| amount.abs() < 1 << 40);
        let read = |measure: usize, period: usize, lane: usize| {
            amounts[(measure * PERIODS + period) * lanes + if measure == 2 { 0 } else { lane }]
        };
        // The longest window has four periods.
        let mut block: Vec<Lanes> = (0..3).map(|measure| Lanes::new(measure == 2, PERIODS, 4)).collect();
        block[2].take_minor(0, &(0..PERIODS).map(|period| read(2, period, 0)).collect::<Vec<_>>());
        let metrics = metrics();
        let limit = if max { Limit::Max } else { Limit::Min };
        let test = |metric: usize| CubeTest {
            metric: &metrics[metric], number: metric, limit, strict, thresholds: &thresholds, waived: &waived,
            per_year: PER_YEAR, scale: 1,
        };
        // The other tests share sums with the one that is looked at.
        let tests = [test((which + 1) % 6), test(which), test((which + 3) % 6)];
        let mut rows = vec![(vec![0_i16; lanes], vec![0.0; lanes], vec![false; lanes]); 3];
        let mut out: Vec<CubeResult<'_>> =
            rows.iter_mut().map(|(first, headroom, undecided)| CubeResult { first, headroom, undecided }).collect();
        let mut scratch = Scratch::default();
        scratch.plan.make(&tests, &block, !fits);
        scratch.begin();
        for stretch in 0..PERIODS.div_ceil(STRETCH) {
            for period in (stretch * STRETCH..(stretch + 1) * STRETCH).take_while(|period| *period < PERIODS) {
                for (measure, taken) in block.iter_mut().enumerate().take(2) {
                    let amounts: Vec<i64> = (0..lanes).map(|lane| read(measure, period, lane)).collect();
                    taken.take_minor(period, &amounts);
                }
            }
            test_stretch(&tests, &block, (stretch, lanes), &read, &mut scratch);
        }
        scratch.finish(&tests, lanes, &mut out);
        let (first, headroom, undecided) = rows[1].clone();
        for lane in 0..lanes {
            let (mut breach, mut least, mut open) = (-1_i16, f64::INFINITY, false);
            for (period, threshold) in thresholds.iter().enumerate() {
                let known = match threshold {
                    Threshold::None => continue,
                    Threshold::Unknown => { open = true; continue }
                    Threshold::Known(known) => *known,
                };
                let amounts = |measure, period| Some(read(measure, period, lane));
                match decide(&metrics[which], (limit, strict, known), &amounts, PER_YEAR, period, 1) {
                    None | Some((Verdict::None, _)) => open = true,
                    Some((verdict, room)) => {
                        least = least.min(room.unwrap_or(f64::NEG_INFINITY));
                        if verdict == Verdict::Failed && breach < 0 && !waived[period] {
                            breach = period as i16;
                        }
                    }
                }
            }
            prop_assert_eq!((first[lane], undecided[lane]), (breach, open));
            let near = headroom[lane] == least || (headroom[lane] - least).abs() <= 1e-12 * least.abs().max(1.0);
            prop_assert!(near, "headroom {} is not {}", headroom[lane], least);
            prop_assert!(breach >= 0 || headroom[lane] >= 0.0 || waived.contains(&true));
        }
    }
}
