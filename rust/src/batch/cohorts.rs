//! Assets of one group that enter service in one month share everything but their amounts, so sums suffice.
//!
//! Under `level` an asset of depreciable amount `R` charges the same `c = half-even(R / N)` in every month but the last,
//! which takes the rest. With `r = R - N c` the sums of `R` and of the small `r` by group and month give back the sum of
//! `c`, and with it all charges.
//!
//! Under `balance` write `R = 2N a + b` with `0 <= b < 2N`. The balance `half-even(R k / N)` is then
//! `2 a k + half-even(b k / N)`: adding the even number `2 a k` does not change which neighbour of a tie is even. Again
//! the sums of `R` and `b` give back that of `a`; the charges of the small `b`, each 0, 1 or 2, come from a table and are
//! added as they are. The mid-month convention counts in half months, hence with `4N` in place of `2N`.
//!
//! Whatever fits no cohort (half-year and actual-days conventions, lives above 255 months, rare own lives, credits, amounts
//! of 2^51 and more, amounts so small that level charges run out early) is handed back, to be charged asset by asset.
#![forbid(unsafe_code)]

use super::chunk::Prepared;
use super::cohort_plan::{CohortPlan, CohortSpec, MAX_ROWS, NOWHERE, RunPlan};
use super::flows::{Addend, CHARGES, COST, Flows};
use super::patterns::Patterns;
use super::pool::filled;
use crate::calendar::{Date, Month, days_in_month, month_start};
use crate::depreciation::Rounding;
use crate::error::Error;
use crate::money::FLOAT_LIMIT_MINOR;
use crate::rate::Rate;

/// A way to add rows faster than one by one. For each chunk: `begin`, `weigh` every run, `deposit` every run, `settle`.
pub trait Shortcut<T: Addend>: Send {
    /// Finds out where the chunk's rows belong.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn begin(&mut self, chunk: &Prepared<T>, groups: &[i32], flows: &mut Flows<T>) -> Result<(), Error>;

    /// Works out what each row adds under a run, and lets go of rows that are not for cohorts.
    fn weigh(&mut self, run: usize, chunk: &Prepared<T>);

    /// Adds what cannot be added cell by cell, for the rows that every run took.
    fn deposit(&mut self, run: usize);

    /// Adds the rest and lists the rows that are left over.
    fn settle(&mut self, chunk: &Prepared<T>, leftover: &mut Vec<usize>);

    /// Moves all that was added into `flows`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn flush(&mut self, flows: &mut Flows<T>) -> Result<(), Error>;
}

/// One thread's sums.
pub struct Cohorts {
    first: Month,
    months: usize,
    width: usize,
    cost_at: Option<usize>,
    lanes: u32,
    days: DayTable,
    /// The runs, and under balance the patterns of each of their policies.
    runs: Vec<(RunPlan, Vec<Option<Patterns>>)>,
    /// The words of each cell, by group and month.
    cells: Vec<i64>,
    /// No sum of amounts is larger than this, and no more rows were added.
    bound: u64,
    rows: usize,
    stage: Stage,
}

/// What the rows of a chunk will add to the cells, so that each cell is visited once for all runs.
#[derive(Default)]
struct Stage {
    /// Each row's group and month as one number; [`NOWHERE`] for rows that no cell takes.
    places: Vec<u32>,
    /// Each row's group (and lane), and its month.
    groups: Vec<u32>,
    months: Vec<u16>,
    /// What the rows add to each word of their cells.
    words: Vec<Vec<i64>>,
    /// The depreciable amounts last worked out, and at which rate; negative for rows that are not for cohorts.
    bases: Vec<i64>,
    bases_at: Option<Rate>,
    /// Balance: the remainders that follow from them.
    remainders: Vec<i64>,
    /// Balance: the remainders of each run, kept until it is known which rows all runs take.
    kept: Vec<Vec<i64>>,
    /// Which policy of each run a row has; empty where all rows have the first.
    chosen: Vec<Vec<i32>>,
}

impl Cohorts {
    /// Empty sums.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(plan: &CohortPlan) -> Result<Self, Error> {
        let mut runs = Vec::new();
        for run in &plan.runs {
            let mut patterns = Vec::new();
            for spec in &run.specs {
                patterns.push(match spec.rounding {
                    Rounding::Level => None,
                    Rounding::Balance => Some(spec.patterns(plan.accumulators(), plan.months)?),
                });
            }
            runs.push((run.clone(), patterns));
        }
        let cells = plan.accumulators().saturating_mul(plan.months).saturating_mul(plan.width);
        let kept = vec![Vec::new(); runs.len()];
        let chosen = vec![Vec::new(); runs.len()];
        let words = vec![Vec::new(); plan.width];
        Ok(Self {
            first: plan.first,
            months: plan.months,
            width: plan.width,
            cost_at: plan.cost_at,
            lanes: plan.lanes,
            days: DayTable::new(plan.first, plan.months),
            stage: Stage { kept, chosen, words, ..Stage::default() },
            runs,
            cells: filled(cells, 0)?,
            bound: 0,
            rows: 0,
        })
    }
}

/// From a day to its month in the plan.
struct DayTable {
    first: Date,
    months: Vec<u16>,
}

impl DayTable {
    const OUTSIDE: u16 = u16::MAX;

    fn new(first: Month, count: usize) -> Self {
        let mut months = Vec::new();
        for (number, month) in (0..u16::MAX).zip(first..).take(count) {
            months.extend((0..days_in_month(month)).map(|_| number));
        }
        Self { first: month_start(first), months }
    }

    #[inline]
    fn month(&self, day: Date) -> u16 {
        let at = usize::try_from(day.wrapping_sub(self.first).cast_unsigned()).unwrap_or(usize::MAX);
        self.months.get(at).copied().unwrap_or(Self::OUTSIDE)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2^51")]
const LIMIT: u64 = FLOAT_LIMIT_MINOR as u64;

impl Shortcut<i64> for Cohorts {
    fn begin(&mut self, chunk: &Prepared<i64>, groups: &[i32], flows: &mut Flows<i64>) -> Result<(), Error> {
        let Stage { places, groups: own_groups, months, words, bases_at, .. } = &mut self.stage;
        *bases_at = None;
        places.resize(chunk.day.len(), NOWHERE);
        own_groups.resize(chunk.day.len(), 0);
        months.resize(chunk.day.len(), 0);
        for word in words.iter_mut() {
            word.clear();
            word.resize(chunk.day.len(), 0);
        }
        if let Some(costs) = self.cost_at.and_then(|at| words.get_mut(at)) {
            costs.clone_from(&chunk.cost);
        }
        let per_group = u32::try_from(self.months).unwrap_or(0);
        let mut sum = 0_u64;
        let lanes = self.lanes;
        for ((own, group), row) in own_groups.iter_mut().zip(groups).zip(0_u32..) {
            // Lanes are a power of two.
            *own = group.cast_unsigned().wrapping_mul(lanes) | (row & lanes.wrapping_sub(1));
        }
        let rows = chunk.day.iter().zip(&chunk.cost).zip(&*own_groups).zip(&chunk.reader.bad);
        let rows = rows.zip(places.iter_mut().zip(months.iter_mut()));
        for ((((day, cost), group), bad), (place, at)) in rows {
            let month = self.days.month(*day);
            let inside = (month != DayTable::OUTSIDE) & (cost.cast_unsigned() < LIMIT) & !*bad;
            let cell = group.wrapping_mul(per_group).wrapping_add(month.into());
            (*place, *at) = (if inside { cell } else { NOWHERE }, month);
            // Each amount is below 2^51 and a chunk has fewer rows than 2^21; more are turned away below.
            sum = sum.wrapping_add(if inside { cost.cast_unsigned() } else { 0 });
        }
        if chunk.happenings.any() {
            for (row, place) in places.iter_mut().enumerate() {
                *place = if chunk.happenings.has_events(row) { NOWHERE } else { *place };
            }
        }
        let rows = self.rows.saturating_add(places.len());
        if places.len() > MAX_ROWS.min(4_096) {
            places.fill(NOWHERE);
            return Ok(());
        }
        if self.bound.saturating_add(sum) > i64::MAX.unsigned_abs() || rows > MAX_ROWS {
            self.flush(flows)?;
        }
        self.bound = self.bound.saturating_add(sum);
        self.rows = self.rows.saturating_add(self.stage.places.len());
        Ok(())
    }

    fn weigh(&mut self, run: usize, chunk: &Prepared<i64>) {
        let (Some((plan, _)), Some(chosen)) = (self.runs.get(run), self.stage.chosen.get_mut(run)) else { return };
        if plan.is_uniform(!chunk.codes.is_empty()) {
            if let Some(spec) = plan.specs.first() {
                self.stage.weigh(run, spec, chunk, None);
            }
            return;
        }
        plan.choose(chunk, chosen);
        for (place, choice) in self.stage.places.iter_mut().zip(&*chosen) {
            *place = if *choice < 0 { NOWHERE } else { *place };
        }
        // A pass for each policy: there are few, and a pass over a chunk is short.
        for (number, spec) in (0_i32..).zip(&plan.specs) {
            self.stage.weigh(run, spec, chunk, Some(number));
        }
    }

    fn deposit(&mut self, run: usize) {
        let Stage { places, kept, months, groups, chosen, .. } = &self.stage;
        let (Some((_, patterns)), Some(remainders), Some(chosen)) =
            (self.runs.get_mut(run), kept.get(run), chosen.get(run))
        else {
            return;
        };
        let rows = places.iter().zip(remainders).zip(months).zip(groups);
        if chosen.is_empty() {
            let Some(Some(patterns)) = patterns.first_mut() else { return };
            for (((place, remainder), month), group) in rows {
                if *place != NOWHERE {
                    patterns.add(index(*group), usize::from(*month), index(*remainder));
                }
            }
        } else {
            for ((((place, remainder), month), group), choice) in rows.zip(chosen) {
                if let (true, Some(Some(patterns))) = (*place != NOWHERE, patterns.get_mut(index(*choice))) {
                    patterns.add(index(*group), usize::from(*month), index(*remainder));
                }
            }
        }
    }

    fn settle(&mut self, chunk: &Prepared<i64>, leftover: &mut Vec<usize>) {
        let Stage { places, words, .. } = &self.stage;
        // Widths known to the compiler: nothing in these loops waits for anything but memory.
        match self.width {
            2 => scatter::<2>(words, places, &mut self.cells),
            3 => scatter::<3>(words, places, &mut self.cells),
            4 => scatter::<4>(words, places, &mut self.cells),
            width => {
                for (at, column) in words.iter().enumerate() {
                    for (amount, place) in column.iter().zip(places) {
                        if let Some(sum) = self.cells.get_mut(index(*place).saturating_mul(width).saturating_add(at)) {
                            *sum = sum.wrapping_add(*amount);
                        }
                    }
                }
            }
        }
        if !places.iter().fold(false, |any, place| any | (*place == NOWHERE)) {
            return;
        }
        for (row, (place, bad)) in places.iter().zip(&chunk.reader.bad).enumerate() {
            if (*place == NOWHERE) & !*bad {
                leftover.push(row);
            }
        }
    }

    fn flush(&mut self, flows: &mut Flows<i64>) -> Result<(), Error> {
        flows.reserve(self.bound)?;
        (self.bound, self.rows) = (0, 0);
        let group_words = self.months.saturating_mul(self.width).max(1);
        let lanes = index(self.lanes);
        for (lane, cells) in self.cells.chunks_mut(group_words).enumerate() {
            let group = lane.checked_div(lanes).unwrap_or(lane);
            if let Some(at) = self.cost_at {
                for (month, cell) in (self.first..).zip(cells.chunks(self.width)) {
                    if let (Some(slot), Some(cost)) = (flows.slot(month), cell.get(at)) {
                        flows.add(COST, group, slot, *cost);
                    }
                }
            }
            for (run, (plan, patterns)) in self.runs.iter_mut().enumerate() {
                let plane = CHARGES.saturating_add(run);
                for (spec, patterns) in plan.specs.iter().zip(patterns) {
                    let mut sums = spec.charges(cells, self.width);
                    if let Some(patterns) = patterns {
                        for (sum, pattern) in sums.iter_mut().zip(patterns.take(lane)) {
                            *sum = sum.wrapping_add(pattern);
                        }
                    }
                    flows.add_months(plane, group, self.first.saturating_add(spec.shift), &sums);
                }
            }
            cells.fill(0);
        }
        Ok(())
    }
}

/// Adds each row's words to its cell; a row without one lies past the end of all cells.
#[inline]
fn scatter<const WIDTH: usize>(words: &[Vec<i64>], places: &[u32], cells: &mut [i64]) {
    let Some(words) = words.first_chunk::<WIDTH>() else { return };
    let words = words.each_ref().map(Vec::as_slice);
    for (row, place) in places.iter().enumerate() {
        let at = index(*place).wrapping_mul(WIDTH);
        let Some(cell) = cells.get_mut(at..at.wrapping_add(WIDTH)) else { continue };
        for (sum, word) in cell.iter_mut().zip(words) {
            *sum = sum.wrapping_add(word.get(row).copied().unwrap_or(0));
        }
    }
}

/// A number known to be no negative one as an index.
#[inline]
fn index<N: TryInto<usize>>(number: N) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

impl Stage {
    /// Works out the words of the rows that have the policy: those that chose it, or all.
    fn weigh(&mut self, run: usize, spec: &CohortSpec, chunk: &Prepared<i64>, number: Option<i32>) {
        let chosen = self.chosen.get(run).map_or(&[][..], Vec::as_slice);
        let mine = number.map(|number| move |row: usize| chosen.get(row) == Some(&number));
        if number.is_some() || self.bases_at != Some(spec.residual_rate) {
            spec.depreciable(chunk, mine, &mut self.bases, &mut self.places);
            self.bases_at = number.is_none().then_some(spec.residual_rate);
        }
        match spec.rounding {
            Rounding::Level => spec.corrections(&self.bases, &mut self.words, &mut self.places),
            Rounding::Balance => {
                self.remainders.resize(self.bases.len(), 0);
                spec.remainders(&self.bases, &mut self.remainders);
                if let Some(word) = self.words.get_mut(spec.remainder_at.at) {
                    add_all(word, &self.remainders, |remainder| spec.remainder_at.lift(remainder));
                }
            }
        }
        // A row under another policy is worth 0 here, and so are its remainders: adding changes nothing of it.
        if let Some(word) = self.words.get_mut(spec.base_at) {
            if number.is_none() {
                word.clone_from(&self.bases);
            } else {
                add_all(word, &self.bases, |base| base);
            }
        }
        if let (Rounding::Balance, Some(kept)) = (spec.rounding, self.kept.get_mut(run)) {
            if number.is_none() {
                std::mem::swap(kept, &mut self.remainders);
            } else {
                kept.resize(chosen.len(), 0);
                for ((kept, remainder), choice) in kept.iter_mut().zip(&self.remainders).zip(chosen) {
                    *kept = if Some(*choice) == number { *remainder } else { *kept };
                }
            }
        }
    }
}

fn add_all(word: &mut [i64], numbers: &[i64], lift: impl Fn(i64) -> i64) {
    for (sum, number) in word.iter_mut().zip(numbers) {
        *sum = sum.wrapping_add(lift(*number));
    }
}
