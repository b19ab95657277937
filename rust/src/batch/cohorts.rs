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
use crate::calendar::{Month, month_of};
use crate::depreciation::{Convention, Rounding};
use crate::error::Error;
use crate::money::{FLOAT_LIMIT_MINOR, small_quotient_floor, small_quotient_half_even};
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
                let balance = small_quotient_half_even(product, small_float(total));
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
    /// By run and policy.
    specs: Vec<Vec<Option<Kernel>>>,
    /// By group and month: the cost that entered, then the fields of each policy.
    cells: Vec<i64>,
    /// Where each row of the chunk belongs: group x months + month.
    places: Vec<u32>,
    /// No cell is larger than this.
    bound: u64,
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
            specs,
            cells: filled(cells, 0)?,
            places: Vec::new(),
            bound: 0,
        })
    }

    /// Finds the cell of each row, and makes sure that the chunk's sums fit.
    fn place(&mut self, chunk: &Prepared<i64>, groups: &[i32], flows: &mut Flows<i64>) -> Result<(), Error> {
        self.places.clear();
        let months = u32::try_from(self.months).unwrap_or(0);
        let mut sum = 0_u64;
        for ((day, cost), group) in chunk.day.iter().zip(&chunk.cost).zip(groups) {
            let month = month_of(*day).wrapping_sub(self.first).cast_unsigned();
            let inside = (month < months) & (cost.cast_unsigned() < LIMIT);
            let place = group.cast_unsigned().wrapping_mul(months).wrapping_add(month);
            self.places.push(if inside { place } else { NOWHERE });
            sum = sum.saturating_add(if inside { cost.cast_unsigned() } else { 0 });
        }
        if sum > i64::MAX.unsigned_abs() {
            self.places.fill(NOWHERE);
            return Ok(());
        }
        if self.bound.saturating_add(sum) > i64::MAX.unsigned_abs() {
            self.flush(flows)?;
        }
        self.bound = self.bound.saturating_add(sum);
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2^51")]
const LIMIT: u64 = FLOAT_LIMIT_MINOR as u64;

/// Depreciable amounts below 2^51 as the float64 that they are.
#[inline]
fn exact_f64(amount: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "below 2^51, as placed rows are")]
    let exact = amount as f64;
    exact
}

#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "remainders lie between 0 and 4 x 255")]
fn index_of(remainder: f64) -> usize {
    remainder as usize
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "whole quotients of amounts below 2^51")]
fn whole(quotient: f64) -> i64 {
    quotient as i64
}

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
        let Some(specs) = self.specs.get_mut(run) else { return Ok(()) };
        let mut sink = Sink { cells: &mut self.cells, stride: self.stride, months: self.months, enters: run == 0 };
        if chunk.codes.is_empty() {
            let rows = 0..chunk.cost.len();
            match specs.first_mut() {
                Some(Some((spec, patterns))) => sink.add(spec, patterns.as_mut(), chunk, &self.places, rows, leftover),
                _ => leftover.extend(rows),
            }
            return Ok(());
        }
        for (index, code) in chunk.codes.iter().enumerate() {
            match usize::try_from(*code).ok().and_then(|code| specs.get_mut(code)) {
                Some(Some((spec, patterns))) => {
                    sink.add(spec, patterns.as_mut(), chunk, &self.places, index..index.saturating_add(1), leftover);
                }
                _ => leftover.push(index),
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

/// Where rows are added.
struct Sink<'a> {
    cells: &'a mut [i64],
    stride: usize,
    months: usize,
    enters: bool,
}

impl Sink<'_> {
    fn add(
        &mut self,
        spec: &CohortSpec,
        mut patterns: Option<&mut Patterns>,
        chunk: &Prepared<i64>,
        places: &[u32],
        rows: std::ops::Range<usize>,
        leftover: &mut Vec<usize>,
    ) {
        let life = small_float(spec.life);
        let modulus = small_float(spec.modulus());
        let start = rows.start;
        let costs = chunk.cost.get(rows.clone()).unwrap_or_default();
        let marks = chunk.reader.bad.get(rows.clone()).unwrap_or_default();
        let places = places.get(rows).unwrap_or_default();
        for (offset, ((cost, bad), place)) in costs.iter().zip(marks).zip(places).enumerate() {
            if *bad {
                continue;
            }
            let index = start.saturating_add(offset);
            let Some(base) = (if *place == NOWHERE { None } else { spec.depreciable(chunk, index, *cost) }) else {
                leftover.push(index);
                continue;
            };
            let amount = exact_f64(base);
            let place = usize::try_from(*place).unwrap_or(usize::MAX);
            let at = place.saturating_mul(self.stride);
            let Some(cell) = self.cells.get_mut(at..at.saturating_add(self.stride)) else { continue };
            let Some(fields) = cell.get_mut(spec.at..) else { continue };
            let taken = match (&mut patterns, fields) {
                (Some(patterns), [step, ..]) => {
                    let quotient = small_quotient_floor(amount, modulus);
                    *step = step.wrapping_add(whole(quotient).wrapping_mul(2));
                    let group = place.checked_div(self.months).unwrap_or(0);
                    patterns.add(
                        group,
                        place.checked_rem(self.months).unwrap_or(0),
                        index_of(amount - quotient * modulus),
                    );
                    true
                }
                (None, fields) => spec.add_level(fields, base, amount, life),
                _ => false,
            };
            if !taken {
                leftover.push(index);
            } else if self.enters
                && let Some(entered) = cell.first_mut()
            {
                *entered = entered.wrapping_add(*cost);
            }
        }
    }
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

    /// Adds level charges; `false` where they would run out before the last month.
    #[inline]
    fn add_level(&self, fields: &mut [i64], base: i64, amount: f64, life: f64) -> bool {
        let step = small_quotient_half_even(amount, life);
        let early = if self.mid_month { small_quotient_half_even(amount, life * 2.0) } else { 0 };
        let full_months = i64::try_from(self.life).unwrap_or(i64::MAX).saturating_sub(1);
        if step.saturating_mul(full_months).saturating_add(early) > base {
            return false;
        }
        for (field, amount) in fields.iter_mut().zip([step, base, early]).take(self.fields()) {
            *field = field.wrapping_add(amount);
        }
        true
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
