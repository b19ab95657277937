//! Assets of one group that enter service in one month share everything but their amounts, so sums suffice.
//!
//! Under `level` an asset charges the same `c = half-even(R / N)` in every month but the last, which takes the rest:
//! the sums of `c` and of the depreciable amounts `R` by group and month say all charges.
//!
//! Under `balance` write `R = 2N a + b` with `0 <= b < 2N`. The balance `half-even(R k / N)` is then
//! `2 a k + half-even(b k / N)`: adding the even number `2 a k` does not change which neighbour of a tie is even. The
//! sum of `2a` goes by group and month; the charges of the small `b`, each 0, 1 or 2, come from a table and are added
//! as they are. The mid-month convention counts in half months, hence with `4N` in place of `2N`.
//!
//! Whatever fits no cohort (own lives, credits, amounts of 2^51 and more, amounts so small that level charges run out
//! early, days that follow the calendar) is handed back, to be charged asset by asset.
#![forbid(unsafe_code)]

use super::chunk::Prepared;
use super::columns::Fleet;
use super::flows::{Addend, CHARGES, COST, Flows};
use super::pool::filled;
use super::settings::{Horizon, PolicySpec, Run, Settings};
use crate::calendar::{Date, Month, days_in_month, month_start};
use crate::depreciation::{Convention, Rounding};
use crate::error::Error;
use crate::money::{FLOAT_LIMIT_MINOR, small_f64, small_i64, small_quotient_floor, small_quotient_half_even};
use crate::rate::Rate;

/// Cells of one accumulator at most: 32 MB.
const MAX_CELLS: usize = if cfg!(test) { 400 } else { 1 << 22 };
/// Lives up to here have tables; 4 x 255 is inside the bounds of the small quotients.
const MAX_LIFE: i32 = 255;
/// Additions of at most 4 to a 16-bit sum before it is emptied.
const PATTERN_ROOM: u16 = if cfg!(test) { 5 } else { 16_000 };
const NOWHERE: u32 = u32::MAX;

/// A way to add rows faster than one by one.
pub trait Shortcut<T: Addend>: Send {
    /// Adds the chunk's rows under a run where it can; pushes the others onto `leftover`. Runs come in order.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn absorb(
        &mut self,
        run: usize,
        chunk: &Prepared<T>,
        groups: &[i32],
        leftover: &mut Vec<usize>,
        flows: &mut Flows<T>,
    ) -> Result<(), Error>;

    /// Moves all that was added into `flows`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn flush(&mut self, flows: &mut Flows<T>) -> Result<(), Error>;
}

/// The layout, worked out once for all threads.
pub struct CohortPlan {
    /// First month of service that has cells, and how many follow.
    first: Month,
    months: usize,
    groups: usize,
    stride: usize,
    runs: Vec<Vec<Option<CohortSpec>>>,
}

/// One policy of one run, as cohorts see it.
#[derive(Clone)]
struct CohortSpec {
    life: usize,
    /// Months from service to the first charge.
    shift: Month,
    /// Half a month in the first month (and in the last).
    mid_month: bool,
    /// Whether the depreciable amount is the cost, for every row.
    whole_cost: bool,
    residual_rate: Rate,
    life_wins: bool,
    rounding: Rounding,
    /// Where in a cell its sums stand: the step, then (level) the depreciable amount, then (mid month) the first charge.
    at: usize,
}

impl CohortSpec {
    fn new(spec: &PolicySpec, fleet: &Fleet<'_>, rounding: Rounding, at: usize) -> Option<Self> {
        let life = spec.life_months.filter(|life| (1..=MAX_LIFE).contains(life))?;
        let (shift, mid_month) = match spec.convention {
            Convention::FullMonth => (0, false),
            Convention::NextMonth => (1, false),
            Convention::MidMonth => (0, true),
            Convention::HalfYear | Convention::ActualDays => return None,
        };
        Some(Self {
            life: usize::try_from(life).ok()?,
            shift,
            mid_month,
            whole_cost: fleet.residual.is_none() && spec.residual_rate.is_zero(),
            residual_rate: spec.residual_rate,
            life_wins: spec.life_wins,
            rounding,
            at,
        })
    }

    fn fields(&self) -> usize {
        match self.rounding {
            Rounding::Balance => 1,
            Rounding::Level => usize::from(self.mid_month).saturating_add(2),
        }
    }

    /// Months with a charge.
    fn charged_months(&self) -> usize {
        self.life.saturating_add(self.mid_month.into())
    }

    /// `2N`, or `4N` where half months count.
    fn modulus(&self) -> usize {
        self.life.saturating_mul(if self.mid_month { 4 } else { 2 })
    }
}

impl CohortPlan {
    /// `None` where cohorts cannot or would not help; `forced` ignores the latter.
    pub fn new(
        services: Horizon,
        fleet: &Fleet<'_>,
        runs: &[Run<'_>],
        settings: &Settings,
        groups: usize,
        forced: bool,
    ) -> Option<Self> {
        let rounding = settings.rounding?;
        if fleet.opening.is_some() {
            return None;
        }
        let mut stride = 1_usize;
        let mut plans = Vec::new();
        for run in runs {
            let mut specs = Vec::new();
            for spec in &run.specs {
                let plan = CohortSpec::new(spec, fleet, rounding, stride);
                stride = stride.saturating_add(plan.as_ref().map_or(0, CohortSpec::fields));
                specs.push(plan);
            }
            plans.push(specs);
        }
        let fits = MAX_CELLS.checked_div(groups.saturating_mul(stride)).unwrap_or(0);
        // Later months are the likelier ones where not all fit.
        let months = services.months().min(fits);
        let worth_it = fleet.len > groups.saturating_mul(months);
        if stride == 1 || months == 0 || !(forced || worth_it) {
            return None;
        }
        let first = services.end.saturating_sub(i32::try_from(months).unwrap_or(i32::MAX)).saturating_add(1);
        Some(Self { first, months, groups, stride, runs: plans })
    }
}

/// The charges of every remainder, and their sums by group and month.
struct Patterns {
    /// One row for each remainder.
    table: Vec<u8>,
    row_len: usize,
    /// One row of months for each group: sums in 16 bits, how often they were added to, and what was emptied out.
    sums: Vec<u16>,
    added: Vec<u16>,
    emptied: Vec<i64>,
    width: usize,
}

impl Patterns {
    fn new(spec: &CohortSpec, groups: usize, months: usize) -> Result<Self, Error> {
        let row_len = spec.charged_months();
        let width = months.saturating_add(row_len);
        let mut table = Vec::new();
        for remainder in 0..spec.modulus() {
            let mut before = 0;
            for month in 1..=row_len {
                // In units of the life (mid month: of half months), capped at its end.
                let units = if spec.mid_month { month.saturating_mul(2).saturating_sub(1) } else { month };
                let total = if spec.mid_month { spec.life.saturating_mul(2) } else { spec.life };
                let product = small_float(remainder.saturating_mul(units.min(total)));
                let (_, balance) = small_quotient_half_even(product, small_float(total));
                table.push(u8::try_from(balance.saturating_sub(before)).unwrap_or(0));
                before = balance;
            }
        }
        let cells = groups.saturating_mul(width);
        Ok(Self {
            table,
            row_len,
            sums: filled(cells, 0)?,
            added: filled(groups, 0)?,
            emptied: filled(cells, 0)?,
            width,
        })
    }

    /// Adds the charges of `remainder` for an asset of `group` that entered service in month `at` of the plan.
    #[inline]
    fn add(&mut self, group: usize, at: usize, remainder: usize) {
        let from = remainder.saturating_mul(self.row_len);
        let Some(charges) = self.table.get(from..from.saturating_add(self.row_len)) else { return };
        let to = group.saturating_mul(self.width).saturating_add(at);
        let Some(sums) = self.sums.get_mut(to..to.saturating_add(self.row_len)) else { return };
        for (sum, charge) in sums.iter_mut().zip(charges) {
            *sum = sum.wrapping_add(u16::from(*charge));
        }
        let Some(added) = self.added.get_mut(group) else { return };
        *added = added.saturating_add(1);
        if *added >= PATTERN_ROOM {
            self.empty(group);
        }
    }

    #[cold]
    fn empty(&mut self, group: usize) {
        let start = group.saturating_mul(self.width);
        let range = start..start.saturating_add(self.width);
        let (Some(sums), Some(emptied)) = (self.sums.get_mut(range.clone()), self.emptied.get_mut(range)) else {
            return;
        };
        for (wide, sum) in emptied.iter_mut().zip(sums) {
            *wide = wide.saturating_add(i64::from(std::mem::take(sum)));
        }
        if let Some(added) = self.added.get_mut(group) {
            *added = 0;
        }
    }

    /// The sums of a group by month since the plan's first, leaving zeros.
    fn take(&mut self, group: usize) -> impl Iterator<Item = i64> {
        self.empty(group);
        let start = group.saturating_mul(self.width);
        self.emptied.get_mut(start..start.saturating_add(self.width)).unwrap_or_default().iter_mut().map(std::mem::take)
    }
}

fn small_float(value: usize) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

/// A policy, and under balance its patterns.
type Kernel = (CohortSpec, Option<Patterns>);

/// One thread's sums.
pub struct Cohorts {
    first: Month,
    months: usize,
    stride: usize,
    days: DayTable,
    /// By run and policy.
    specs: Vec<Vec<Option<Kernel>>>,
    /// By group and month: the cost that entered, then the fields of each policy.
    cells: Vec<i64>,
    /// No cell is larger than this.
    bound: u64,
    stage: Stage,
}

/// What the rows of a chunk will add to the cells, so that each cell is visited once for all runs.
#[derive(Default)]
struct Stage {
    /// Each row's group and month as one number; [`NOWHERE`] for rows that no cell takes.
    places: Vec<u32>,
    /// Each row's month.
    months: Vec<u16>,
    /// Each row's additions to the fields of its cell.
    fields: Vec<i64>,
    /// Which rows the run at hand has taken.
    taken: Vec<bool>,
    /// Depreciable amounts; negative for rows that the policy at hand does not take.
    bases: Vec<i64>,
    /// The step of each row, and its remainder (balance) or first charge (level, mid month).
    steps: Vec<i64>,
    extras: Vec<i64>,
}

impl Cohorts {
    /// Empty sums.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(plan: &CohortPlan) -> Result<Self, Error> {
        let mut specs = Vec::new();
        for run in &plan.runs {
            let mut prepared = Vec::new();
            for spec in run {
                prepared.push(match spec {
                    None => None,
                    Some(spec) if spec.rounding == Rounding::Level => Some((spec.clone(), None)),
                    Some(spec) => Some((spec.clone(), Some(Patterns::new(spec, plan.groups, plan.months)?))),
                });
            }
            specs.push(prepared);
        }
        let cells = plan.groups.saturating_mul(plan.months).saturating_mul(plan.stride);
        Ok(Self {
            first: plan.first,
            months: plan.months,
            stride: plan.stride,
            days: DayTable::new(plan.first, plan.months),
            specs,
            cells: filled(cells, 0)?,
            bound: 0,
            stage: Stage::default(),
        })
    }

    /// Finds the cell of each row, and makes sure that the chunk's sums fit.
    fn place(&mut self, chunk: &Prepared<i64>, groups: &[i32], flows: &mut Flows<i64>) -> Result<(), Error> {
        let Stage { places, months, fields, .. } = &mut self.stage;
        places.clear();
        months.clear();
        fields.clear();
        fields.resize(chunk.day.len().saturating_mul(self.stride), 0);
        let per_group = u32::try_from(self.months).unwrap_or(0);
        let mut sum = 0_u64;
        let rows = chunk.day.iter().zip(&chunk.cost).zip(groups).zip(&chunk.reader.bad);
        for (((day, cost), group), bad) in rows {
            let month = self.days.month(*day);
            let inside = (month != DayTable::OUTSIDE) & (cost.cast_unsigned() < LIMIT) & !*bad;
            let place = group.cast_unsigned().wrapping_mul(per_group).wrapping_add(month.into());
            places.push(if inside { place } else { NOWHERE });
            months.push(month);
            sum = sum.saturating_add(if inside { cost.cast_unsigned() } else { 0 });
        }
        if sum > i64::MAX.unsigned_abs() {
            places.fill(NOWHERE);
            return Ok(());
        }
        if self.bound.saturating_add(sum) > i64::MAX.unsigned_abs() {
            self.flush(flows)?;
        }
        self.bound = self.bound.saturating_add(sum);
        Ok(())
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
    fn absorb(
        &mut self,
        run: usize,
        chunk: &Prepared<i64>,
        groups: &[i32],
        leftover: &mut Vec<usize>,
        flows: &mut Flows<i64>,
    ) -> Result<(), Error> {
        if run == 0 {
            self.place(chunk, groups, flows)?;
        }
        let n_runs = self.specs.len();
        let Some(specs) = self.specs.get_mut(run) else { return Ok(()) };
        let stage = &mut self.stage;
        stage.taken.clear();
        stage.taken.resize(groups.len(), false);
        // A pass for each policy: there are few, and a pass over a chunk is short.
        for (code, kernel) in (0_i32..).zip(specs.iter_mut()) {
            match kernel {
                Some(kernel) if chunk.codes.is_empty() => stage.add(kernel, chunk, groups, self.stride, |_| true),
                Some(kernel) => {
                    stage.add(kernel, chunk, groups, self.stride, |row| chunk.codes.get(row) == Some(&code))
                }
                None => {}
            }
            if chunk.codes.is_empty() {
                break;
            }
        }
        stage.settle(chunk, run == 0, self.stride, leftover);
        if run.saturating_add(1) == n_runs {
            match self.stride {
                3 => stage.scatter::<3>(&mut self.cells),
                5 => stage.scatter::<5>(&mut self.cells),
                stride => stage.scatter_any(stride, &mut self.cells),
            }
        }
        Ok(())
    }
    fn flush(&mut self, flows: &mut Flows<i64>) -> Result<(), Error> {
        flows.reserve(self.bound)?;
        self.bound = 0;
        let group_cells = self.months.saturating_mul(self.stride).max(1);
        for (group, cells) in self.cells.chunks_mut(group_cells).enumerate() {
            for (month, cell) in (self.first..).zip(cells.chunks(self.stride)) {
                if let (Some(slot), Some(cost)) = (flows.slot(month), cell.first()) {
                    flows.add(COST, group, slot, *cost);
                }
            }
            for (run, specs) in self.specs.iter_mut().enumerate() {
                let plane = CHARGES.saturating_add(run);
                for (spec, patterns) in specs.iter_mut().flatten() {
                    let mut sums = spec.charges(cells, self.stride);
                    if let Some(patterns) = patterns {
                        for (sum, pattern) in sums.iter_mut().zip(patterns.take(group)) {
                            *sum = sum.wrapping_add(pattern);
                        }
                    }
                    for (month, sum) in (self.first.saturating_add(spec.shift)..).zip(sums) {
                        if let Some(slot) = flows.slot(month) {
                            flows.add(plane, group, slot, sum);
                        }
                    }
                }
            }
            cells.fill(0);
        }
        Ok(())
    }
}

impl Stage {
    /// Works out what the rows under one policy add, and adds their patterns.
    fn add(
        &mut self,
        (spec, patterns): &mut Kernel,
        chunk: &Prepared<i64>,
        groups: &[i32],
        stride: usize,
        mine: impl Fn(usize) -> bool,
    ) {
        self.bases.clear();
        for (index, (cost, place)) in chunk.cost.iter().zip(&self.places).enumerate() {
            let takes = (*place != NOWHERE) & mine(index);
            self.bases.push(if takes { spec.depreciable(chunk, index, *cost).unwrap_or(-1) } else { -1 });
        }
        self.steps.resize(self.bases.len(), 0);
        self.extras.resize(self.bases.len(), 0);
        let rows = self.bases.iter_mut().zip(&mut self.steps).zip(&mut self.extras);
        match spec.rounding {
            Rounding::Balance => spec.split(rows),
            Rounding::Level => spec.level(rows),
        }
        let rows = self
            .fields
            .chunks_exact_mut(stride)
            .zip(&mut self.taken)
            .zip(&self.bases)
            .zip(&self.steps)
            .zip(&self.extras);
        for ((((fields, taken), base), step), extra) in rows {
            if *base < 0 {
                continue;
            }
            *taken = true;
            let values = [*step, *base, *extra];
            for (field, value) in fields.iter_mut().skip(spec.at).zip(values).take(spec.fields()) {
                *field = value;
            }
        }
        if let Some(patterns) = patterns {
            let rows = self.bases.iter().zip(&self.extras).zip(&self.months).zip(groups);
            for (((base, remainder), month), group) in rows {
                if *base >= 0 {
                    patterns.add(index(*group), usize::from(*month), index(*remainder));
                }
            }
        }
    }

    /// Lets the cost of the rows taken enter, and lists those that were not.
    fn settle(&mut self, chunk: &Prepared<i64>, enters: bool, stride: usize, leftover: &mut Vec<usize>) {
        let rows = self.fields.chunks_exact_mut(stride).zip(&self.taken).zip(&chunk.cost).zip(&chunk.reader.bad);
        for (index, (((fields, taken), cost), bad)) in rows.enumerate() {
            match fields.first_mut() {
                Some(entered) if *taken && enters => *entered = *cost,
                _ if !*taken && !*bad => leftover.push(index),
                _ => {}
            }
        }
    }

    /// Adds the chunk to the cells. The width is known to the compiler, and nothing here waits for anything but memory.
    fn scatter<const WIDTH: usize>(&self, cells: &mut [i64]) {
        for (fields, place) in self.fields.chunks_exact(WIDTH).zip(&self.places) {
            let at = index(*place).wrapping_mul(WIDTH);
            let Some(cell) = cells.get_mut(at..at.wrapping_add(WIDTH)) else { continue };
            for (sum, field) in cell.iter_mut().zip(fields) {
                *sum = sum.wrapping_add(*field);
            }
        }
    }

    fn scatter_any(&self, width: usize, cells: &mut [i64]) {
        for (fields, place) in self.fields.chunks_exact(width.max(1)).zip(&self.places) {
            let at = index(*place).saturating_mul(width);
            let Some(cell) = cells.get_mut(at..at.saturating_add(width)) else { continue };
            for (sum, field) in cell.iter_mut().zip(fields) {
                *sum = sum.wrapping_add(*field);
            }
        }
    }
}

/// A number known to be no negative one as an index.
#[inline]
fn index<N: TryInto<usize>>(number: N) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

impl CohortSpec {
    /// The depreciable amount, where the policy's life applies and the residual value is in its range.
    #[inline]
    fn depreciable(&self, chunk: &Prepared<i64>, index: usize, cost: i64) -> Option<i64> {
        if self.whole_cost && self.life_wins {
            return Some(cost);
        }
        if !self.life_wins && chunk.own_life(index).is_some() {
            return None;
        }
        let residual = chunk.own_residual(index).unwrap_or_else(|| self.residual_rate.of(cost));
        crate::depreciation::straight_line::depreciable_amount(cost, residual)
    }

    /// `R = modulus x a + b` for each row: the step `2a` and the remainder `b`.
    #[inline]
    fn split<'a>(&self, rows: impl Iterator<Item = ((&'a mut i64, &'a mut i64), &'a mut i64)>) {
        let modulus = small_float(self.modulus());
        for ((base, step), remainder) in rows {
            let amount = small_f64(*base);
            let (quotient, whole) = small_quotient_floor(amount, modulus);
            *step = whole.wrapping_mul(2);
            *remainder = small_i64(amount - quotient * modulus);
        }
    }

    /// The level charge, and that of the first month where it differs. Rows whose charges would run out before the last
    /// month are given back.
    #[inline]
    fn level<'a>(&self, rows: impl Iterator<Item = ((&'a mut i64, &'a mut i64), &'a mut i64)>) {
        let life = small_float(self.life);
        let full_months = life - 1.0;
        // Without half months the first charge is none of its own: half-even(R / infinity).
        let first_divisor = if self.mid_month { life * 2.0 } else { f64::INFINITY };
        for ((base, step), first) in rows {
            let amount = small_f64(*base);
            let (charge, whole) = small_quotient_half_even(amount, life);
            let (early, early_whole) = small_quotient_half_even(amount, first_divisor);
            (*step, *first) = (whole, early_whole);
            *base = if charge * full_months + early > amount { -1 } else { *base };
        }
    }

    /// The charges of a group's cohorts by month, from the first month of service plus the shift.
    fn charges(&self, cells: &[i64], stride: usize) -> Vec<i64> {
        let months = cells.len().checked_div(stride).unwrap_or(0);
        let mut steps = vec![0_i64; months.saturating_add(self.charged_months()).saturating_add(1)];
        let mut change = |at: usize, by: i64| {
            if let Some(step) = steps.get_mut(at) {
                *step = step.wrapping_add(by);
            }
        };
        let full_months = i64::try_from(self.life).unwrap_or(i64::MAX).wrapping_sub(1);
        for (month, cell) in cells.chunks(stride.max(1)).enumerate() {
            let field = |number: usize| cell.get(self.at.saturating_add(number)).copied().unwrap_or(0);
            let step = field(0);
            let end = month.saturating_add(self.life);
            match (self.rounding, self.mid_month) {
                (Rounding::Balance, false) => {
                    change(month, step);
                    change(end, step.wrapping_neg());
                }
                (Rounding::Balance, true) => {
                    // Half a month counts once, a full month twice.
                    change(month, step);
                    change(month.saturating_add(1), step);
                    change(end, step.wrapping_neg());
                    change(end.saturating_add(1), step.wrapping_neg());
                }
                (Rounding::Level, false) => {
                    let last = field(1).wrapping_sub(step.wrapping_mul(full_months));
                    change(month, step);
                    change(end.saturating_sub(1), last.wrapping_sub(step));
                    change(end, last.wrapping_neg());
                }
                (Rounding::Level, true) => {
                    let first = field(2);
                    let last = field(1).wrapping_sub(first).wrapping_sub(step.wrapping_mul(full_months));
                    change(month, first);
                    change(month.saturating_add(1), step.wrapping_sub(first));
                    change(end, last.wrapping_sub(step));
                    change(end.saturating_add(1), last.wrapping_neg());
                }
            }
        }
        let mut charge = 0_i64;
        for step in &mut steps {
            charge = charge.wrapping_add(*step);
            *step = charge;
        }
        steps
    }
}
