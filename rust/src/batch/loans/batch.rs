//! Loans of equal periods in minor units, added up side by side.
//!
//! Those that start in one month and group stand one after the other: sixteen of them share the months of their payments
//! and are added up lane by lane first. Where there are too few of a kind, eight of different months are computed side by
//! side and added loan by loan.
#![forbid(unsafe_code)]

use super::LoanAmount;
use super::keys::{Keyed, SHARED, group_of, months_of, same_profile, sort};
use super::lanes::Laned;
use crate::batch::flows::{Flows, Layout, Sum};
use crate::calendar::Month;
use crate::debt::lane_kernels::LaneKernels;
use crate::debt::lanes::{EqualLoan, LaneRow, WIDTH};
use crate::error::Error;

/// Loans that share their months are computed so many at a time.
const TWICE: usize = 2 * WIDTH;
/// Fewer of them than this are computed beside others.
const ENOUGH: usize = 5;

/// Loans of a chunk to be added up.
#[derive(Default)]
pub(super) struct Batch {
    keys: Vec<Keyed>,
    spare: Vec<Keyed>,
    loans: Vec<EqualLoan>,
    side: Vec<EqualLoan>,
    few: Vec<Keyed>,
    rows: Vec<LaneRow>,
}

/// Where what is lent and paid is added up.
#[derive(Clone, Copy)]
pub(super) struct Where {
    pub draw: usize,
    pub proceeds: usize,
    pub interest: usize,
    pub principal: usize,
}

impl Where {
    /// Adds what is lent in a month; room for it must have been made.
    pub fn lend<A: LoanAmount, L: Layout>(self, flows: &mut Flows<A, L>, group: usize, start: Month, amount: A) {
        if let Some(slot) = flows.slot(start) {
            flows.add(self.draw, group, slot, amount);
            flows.add(self.proceeds, group, slot, amount);
        }
    }
}

impl Batch {
    /// Puts a loan into the batch; `false` where there is no room for it.
    #[inline]
    pub fn push(&mut self, loan: &EqualLoan, key: u64) -> bool {
        let Ok(place) = u32::try_from(self.loans.len()) else { return false };
        self.keys.push((key, place));
        self.loans.push(*loan);
        true
    }

    /// Adds all loans to the sums of their groups and months, and forgets them.
    pub fn post<A: LoanAmount, L: Layout>(
        &mut self,
        flows: &mut Flows<A, L>,
        to: Where,
        kernels: &LaneKernels,
    ) -> Result<(), Error> {
        let Self { keys, spare, loans, side, few, rows } = self;
        sort(keys, spare);
        few.clear();
        let mut posting = Posting { flows, to, kernels, rows, key: 0, filled: 0, most: 0.0 };
        for same in keys.chunk_by(|one, next| one.0 & SHARED == next.0 & SHARED) {
            for some in same.chunks(TWICE) {
                if let (Some((key, _)), true) = (some.first(), some.len() >= ENOUGH) {
                    take(loans, some, side);
                    posting.add(key & SHARED, side)?;
                } else {
                    few.extend_from_slice(some);
                }
            }
        }
        posting.flush()?;
        for of_profile in few.chunk_by(|one, next| same_profile(one.0, next.0)) {
            for eight in of_profile.chunks(WIDTH) {
                take(loans, eight, side);
                posting.run(side, kernels.rows);
                for ((lane, (key, _)), loan) in eight.iter().enumerate().zip(side.iter()) {
                    posting.scatter(lane, *key, loan)?;
                }
            }
        }
        // The next batch adds to these.
        rows.fill(LaneRow::default());
        keys.clear();
        loans.clear();
        Ok(())
    }
}

/// The loans at some places.
fn take(loans: &[EqualLoan], keyed: &[Keyed], side: &mut Vec<EqualLoan>) {
    let of = |place: u32| usize::try_from(place).ok().and_then(|place| loans.get(place)).copied();
    side.clear();
    side.extend(keyed.iter().filter_map(|(_, place)| of(*place)));
}

/// Loans on their way into the sums. Those that share their months are added up lane by lane first.
struct Posting<'f, A: LoanAmount, L: Layout> {
    flows: &'f mut Flows<A, L>,
    to: Where,
    kernels: &'f LaneKernels,
    rows: &'f mut Vec<LaneRow>,
    /// What the loans in the rows share.
    key: u64,
    /// Rows that hold anything; interest and principal of the others are zeros.
    filled: usize,
    /// No lane holds more than this.
    most: f64,
}

impl<A: LoanAmount, L: Layout> Posting<'_, A, L> {
    /// Computes loans side by side.
    fn run(&mut self, side: &[EqualLoan], kernel: fn(&[EqualLoan], &mut [LaneRow])) {
        let longest = side.iter().map(|loan| usize::try_from(loan.payments()).unwrap_or(0)).max().unwrap_or(0);
        if self.rows.len() < longest {
            self.rows.resize(longest, LaneRow::default());
        }
        self.filled = self.filled.max(longest);
        kernel(side, self.rows.get_mut(..longest).unwrap_or_default());
    }

    fn add(&mut self, key: u64, side: &[EqualLoan]) -> Result<(), Error> {
        /// Sums of a lane up to here are exact.
        const EXACT: f64 = 2_251_799_813_685_248.0; // 2^51
        let most = side.iter().map(EqualLoan::most).fold(0.0, f64::max) * sure_f64(side.len().div_ceil(WIDTH));
        if self.filled > 0 && (self.key != key || self.most + most >= EXACT) {
            self.flush()?;
        }
        self.key = key;
        self.most += most;
        let lent = side.iter().fold(A::default(), |sum, loan| sum.sum(A::of_lane(loan.principal())));
        self.flows.reserve(whole_above(most * sure_f64(WIDTH)))?;
        self.to.lend(self.flows, group_of(key), months_of(key).0, lent);
        self.run(side, self.kernels.add_sums);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.flows.reserve(whole_above(self.most * sure_f64(WIDTH)))?;
        let rows = self.rows.get_mut(..self.filled).unwrap_or_default();
        post_rows(self.flows, self.to, self.key, rows, sum);
        for row in rows {
            (row.interest, row.principal) = ([0.0; WIDTH], [0.0; WIDTH]);
        }
        (self.filled, self.most) = (0, 0.0);
        Ok(())
    }

    /// Adds one lane of the rows, and what was lent.
    fn scatter(&mut self, lane: usize, key: u64, loan: &EqualLoan) -> Result<(), Error> {
        self.flows.reserve(whole_above(loan.most()))?;
        self.to.lend(self.flows, group_of(key), months_of(key).0, A::of_lane(loan.principal()));
        let count = usize::try_from(loan.payments()).unwrap_or(0);
        let rows = self.rows.get(..count).unwrap_or_default();
        let of = |lanes: &[f64; WIDTH]| A::of_lane(lanes.get(lane).copied().unwrap_or(0.0));
        post_rows(self.flows, self.to, key, rows, of);
        Ok(())
    }
}

/// Adds what `of` makes of each row to the sums of a group, from a month on and every so many months.
#[inline]
fn post_rows<A: LoanAmount, L: Layout>(
    flows: &mut Flows<A, L>,
    to: Where,
    key: u64,
    rows: &[LaneRow],
    of: impl Fn(&[f64; WIDTH]) -> A,
) {
    let ((start, step), group) = (months_of(key), group_of(key));
    let first = start.saturating_add(step);
    let Some(slot) = flows.slot(first) else { return };
    if slot > 0
        && let Some((interest, principal)) = flows.two_rows(to.interest, to.principal, group)
    {
        let every = usize::try_from(step).unwrap_or(1).max(1);
        let interest = interest.get_mut(slot..).unwrap_or_default().iter_mut().step_by(every);
        let principal = principal.get_mut(slot..).unwrap_or_default().iter_mut().step_by(every);
        for ((interest, principal), row) in interest.zip(principal).zip(rows) {
            *interest = interest.sum(of(&row.interest));
            *principal = principal.sum(of(&row.principal));
        }
        return;
    }
    let mut month = first;
    for row in rows {
        if let Some(slot) = flows.slot(month) {
            flows.add(to.interest, group, slot, of(&row.interest));
            flows.add(to.principal, group, slot, of(&row.principal));
        }
        month = month.saturating_add(step);
    }
}

fn whole_above(most: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bound, not negative")]
    let whole = most as u64;
    // Rounding of the bound itself is far below a thousandth of it.
    whole.saturating_add(whole >> 10).saturating_add(1)
}

fn sure_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[inline]
fn sum<A: Laned + Sum>(lanes: &[f64; WIDTH]) -> A {
    lanes.iter().fold(A::default(), |sum, lane| sum.sum(A::of_lane(*lane)))
}

/// Adds one unrounded loan, payment by payment, and what was lent.
pub(super) fn post_unrounded<A: LoanAmount, L: Layout>(
    loan: &EqualLoan,
    key: u64,
    flows: &mut Flows<A, L>,
    to: Where,
    (rows, kernels): (&mut Vec<LaneRow>, &LaneKernels),
) {
    let count = usize::try_from(loan.payments()).unwrap_or(0);
    rows.clear();
    rows.resize(count, LaneRow::default());
    (kernels.unrounded_rows)(&[*loan], rows);
    let of = |lanes: &[f64; WIDTH]| A::of_lane(lanes.first().copied().unwrap_or(0.0));
    to.lend(flows, group_of(key), months_of(key).0, A::of_lane(loan.principal()));
    post_rows(flows, to, key, rows, of);
}
