//! Unrounded loans of level payments, added up by the closed form.
//!
//! Loans that pay in the same months stand one after the other, those of fewer payments first. Float sums depend on
//! their order, so a batch is as large as it says however the loans were read.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::lanes::{Equal, SHARED, Where, group_of, key_of, months_of};
use crate::batch::flows::{Flows, Layout};
use crate::debt::dues::{LevelLoan, is_level};
use crate::debt::lane_kernels::LaneKernels;
use crate::debt::lanes::EqualLoan;

/// Loans to be added up together.
const FULL: usize = 8_192;

/// Loans on their way into the sums.
#[derive(Default)]
pub(super) struct Ladder {
    /// What the sums of a loan depend on, and its place.
    keys: Vec<(u64, u32)>,
    loans: Vec<EqualLoan>,
    side: Vec<EqualLoan>,
    level: Vec<LevelLoan>,
    dues: Vec<f64>,
}

impl Ladder {
    /// Takes a loan; `false` where it has no closed form or its key no room for it.
    pub fn push(&mut self, equal: &Equal, group: usize) -> bool {
        let place = u32::try_from(self.loans.len()).ok();
        let (Some(key), Some(place), true) = (key_of(equal, group), place, is_level(&equal.loan)) else { return false };
        self.keys.push((key, place));
        self.loans.push(equal.loan);
        true
    }

    /// Whether all must be added up before the next loan is taken.
    pub fn is_full(&self) -> bool {
        self.loans.len() >= FULL
    }

    /// Adds all loans to the sums of their groups and months, and forgets them.
    pub fn post<A: LoanAmount, L: Layout>(&mut self, flows: &mut Flows<A, L>, to: Where, kernels: &LaneKernels) {
        let Self { keys, loans, side, level, dues } = self;
        keys.sort_unstable();
        side.clear();
        let of = |place: u32| usize::try_from(place).ok().and_then(|place| loans.get(place)).copied();
        side.extend(keys.iter().filter_map(|(_, place)| of(*place)));
        level.clear();
        (kernels.level_loans)(side, level);
        let mut later = level.as_slice();
        for same in keys.chunk_by(|one, next| one.0 & SHARED == next.0 & SHARED) {
            let (now, rest) = later.split_at(same.len().min(later.len()));
            later = rest;
            let (Some((key, _)), Some(longest)) = (same.first(), now.last()) else { continue };
            dues.clear();
            dues.resize(longest.payments, 0.0);
            (kernels.add_dues)(now, dues);
            post_same(flows, to, *key, now, dues);
        }
        keys.clear();
        loans.clear();
    }
}

/// Adds loans that pay in the same months: `dues` is the principal of each payment.
fn post_same<A: LoanAmount, L: Layout>(
    flows: &mut Flows<A, L>,
    to: Where,
    key: u64,
    loans: &[LevelLoan],
    dues: &[f64],
) {
    let ((first, step), group) = (months_of(key), group_of(key));
    let slot = flows.slot(first).filter(|slot| *slot > 0 && step == 1);
    // From the last payment backwards: whoever pays last pays all along.
    let (mut paid, mut end) = (0.0, dues.len());
    for (at, loan) in loans.iter().enumerate().rev() {
        paid += loan.payment;
        let start = at.checked_sub(1).and_then(|at| loans.get(at)).map_or(0, |before| before.payments);
        let part = dues.get(start..end).unwrap_or_default();
        end = end.min(start);
        if part.is_empty() {
            continue;
        }
        let rows = slot.map(|slot| slot.saturating_add(start));
        let rows = rows.and_then(|from| {
            let (interest, principal) = flows.two_rows(to.interest, to.principal, group).and_then(A::floats)?;
            Some((interest.get_mut(from..).unwrap_or_default(), principal.get_mut(from..).unwrap_or_default()))
        });
        if let Some((interest, principal)) = rows {
            for ((interest, principal), due) in interest.iter_mut().zip(principal).zip(part) {
                *principal += due;
                *interest += paid - due;
            }
            continue;
        }
        for (number, due) in (start..).zip(part) {
            let months = i32::try_from(number).unwrap_or(i32::MAX).saturating_mul(step);
            if let Some(slot) = flows.slot(first.saturating_add(months)) {
                flows.add(to.interest, group, slot, A::of_lane(paid - due));
                flows.add(to.principal, group, slot, A::of_lane(*due));
            }
        }
    }
}
