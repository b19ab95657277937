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
use super::patterns::{Patterns, small_float};
use super::pool::filled;
use super::settings::{Horizon, PolicySpec, Run, Settings};
use crate::calendar::{Date, Month, days_in_month, month_start};
use crate::depreciation::{Convention, Rounding};
use crate::error::Error;
use crate::money::{FLOAT_LIMIT_MINOR, nearest_integer, small_f64, small_quotient_floor, small_quotient_half_even};
use crate::rate::Rate;

/// Cells of one accumulator at most: 32 MB.
const MAX_CELLS: usize = if cfg!(test) { 400 } else { 1 << 22 };
/// Lives up to here have tables; 4 x 255 is inside the bounds of the small quotients.
const MAX_LIFE: i32 = 255;
const NOWHERE: u32 = u32::MAX;

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
    fn deposit(&mut self, run: usize, chunk: &Prepared<T>, groups: &[i32]);

    /// Adds the rest and lists the rows that are left over.
    fn settle(&mut self, chunk: &Prepared<T>, leftover: &mut Vec<usize>);

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
    /// Where in a cell its sums stand: the steps, (level) the depreciable amounts, (mid month) the first charges.
    step_at: usize,
    base_at: usize,
    first_at: usize,
}

/// The place of the cost that enters, in every cell.
const COST_AT: usize = 0;

impl CohortSpec {
    fn new(spec: &PolicySpec, fleet: &Fleet<'_>, rounding: Rounding) -> Option<Self> {
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
            life_wins: spec.life_wins || fleet.life_months.is_none(),
            rounding,
            step_at: COST_AT,
            base_at: COST_AT,
            first_at: COST_AT,
        })
    }

    fn is_level(&self) -> bool {
        self.rounding == Rounding::Level
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
        let mut stride = COST_AT.saturating_add(1);
        let mut place = || {
            let at = stride;
            stride = stride.saturating_add(1);
            at
        };
        // Runs with one policy for all rows share the sums of depreciable amounts where those are the same.
        let mut shared: Vec<(Rate, usize)> = Vec::new();
        let mut plans = Vec::new();
        for run in runs {
            let mut specs = Vec::new();
            for spec in &run.specs {
                let mut plan = CohortSpec::new(spec, fleet, rounding);
                if let Some(plan) = &mut plan {
                    plan.step_at = place();
                    let known = shared.iter().find(|(rate, _)| run.codes.is_none() && *rate == plan.residual_rate);
                    plan.base_at = match known {
                        _ if !plan.is_level() || (plan.whole_cost && run.codes.is_none()) => COST_AT,
                        Some((_, at)) => *at,
                        None => place(),
                    };
                    if run.codes.is_none() {
                        shared.push((plan.residual_rate, plan.base_at));
                    }
                    if plan.is_level() && plan.mid_month {
                        plan.first_at = place();
                    }
                }
                specs.push(plan);
                if run.codes.is_none() {
                    break;
                }
            }
            plans.push(specs);
        }
        if plans.iter().flatten().all(Option::is_none) {
            return None;
        }
        let fits = MAX_CELLS.checked_div(groups.saturating_mul(stride)).unwrap_or(0);
        // Later months are the likelier ones where not all fit.
        let months = services.months().min(fits);
        let worth_it = fleet.len > groups.saturating_mul(months);
        if months == 0 || !(forced || worth_it) {
            return None;
        }
        let first = services.end.saturating_sub(i32::try_from(months).unwrap_or(i32::MAX)).saturating_add(1);
        Some(Self { first, months, groups, stride, runs: plans })
    }
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
    /// What the rows add to each field of their cells; the first is left empty, since that is the chunk's cost.
    fields: Vec<Vec<i64>>,
    /// The depreciable amounts last worked out, and at which rate; negative for rows that are not for cohorts.
    bases: Vec<i64>,
    bases_at: Option<Rate>,
    /// What follows from them: the step, and the remainder (balance) or first charge (level).
    steps: Vec<i64>,
    extras: Vec<i64>,
    /// The remainders of each run, kept until it is known which rows all runs take.
    remainders: Vec<Vec<i64>>,
}

impl Cohorts {
    /// Empty sums.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(plan: &CohortPlan) -> Result<Self, Error> {
        let mut specs = Vec::new();
        for run in &plan.runs {
            let mut kernels = Vec::new();
            for spec in run {
                kernels.push(match spec {
                    None => None,
                    Some(spec) if spec.is_level() => Some((spec.clone(), None)),
                    Some(spec) => Some((spec.clone(), Some(spec.patterns(plan.groups, plan.months)?))),
                });
            }
            specs.push(kernels);
        }
        let cells = plan.groups.saturating_mul(plan.months).saturating_mul(plan.stride);
        Ok(Self {
            first: plan.first,
            months: plan.months,
            stride: plan.stride,
            days: DayTable::new(plan.first, plan.months),
            stage: Stage {
                remainders: vec![Vec::new(); specs.len()],
                fields: vec![Vec::new(); plan.stride],
                ..Stage::default()
            },
            specs,
            cells: filled(cells, 0)?,
            bound: 0,
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
        let Stage { places, months, fields, bases_at, .. } = &mut self.stage;
        *bases_at = None;
        places.clear();
        months.clear();
        for field in fields.iter_mut().skip(1) {
            field.clear();
            field.resize(chunk.day.len(), 0);
        }
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

    fn weigh(&mut self, run: usize, chunk: &Prepared<i64>) {
        let Some(specs) = self.specs.get(run) else { return };
        if chunk.codes.is_empty() {
            match specs.first() {
                Some(Some((spec, _))) => self.stage.weigh(run, spec, chunk, None),
                _ => self.stage.places.fill(NOWHERE),
            }
            return;
        }
        // A pass for each policy: there are few, and a pass over a chunk is short.
        for (code, kernel) in (0_i32..).zip(specs) {
            if let Some((spec, _)) = kernel {
                self.stage.weigh(run, spec, chunk, Some(code));
            }
        }
        for (place, code) in self.stage.places.iter_mut().zip(&chunk.codes) {
            if !specs.get(index(*code)).is_some_and(Option::is_some) {
                *place = NOWHERE;
            }
        }
    }

    fn deposit(&mut self, run: usize, chunk: &Prepared<i64>, groups: &[i32]) {
        let (Some(specs), Some(remainders)) = (self.specs.get_mut(run), self.stage.remainders.get(run)) else { return };
        let rows = self.stage.places.iter().zip(remainders).zip(&self.stage.months).zip(groups);
        if chunk.codes.is_empty() {
            let Some(Some((_, Some(patterns)))) = specs.first_mut() else { return };
            for (((place, remainder), month), group) in rows {
                if *place != NOWHERE {
                    patterns.add(index(*group), usize::from(*month), index(*remainder));
                }
            }
        } else {
            for ((((place, remainder), month), group), code) in rows.zip(&chunk.codes) {
                if let (true, Some(Some((_, Some(patterns))))) = (*place != NOWHERE, specs.get_mut(index(*code))) {
                    patterns.add(index(*group), usize::from(*month), index(*remainder));
                }
            }
        }
    }

    fn settle(&mut self, chunk: &Prepared<i64>, leftover: &mut Vec<usize>) {
        let Stage { places, fields, .. } = &self.stage;
        let columns: Vec<&[i64]> =
            std::iter::once(chunk.cost.as_slice()).chain(fields.iter().skip(1).map(Vec::as_slice)).collect();
        // Widths known to the compiler: nothing in these loops waits for anything but memory.
        match self.stride {
            2 => scatter::<2>(&columns, places, &mut self.cells),
            3 => scatter::<3>(&columns, places, &mut self.cells),
            4 => scatter::<4>(&columns, places, &mut self.cells),
            5 => scatter::<5>(&columns, places, &mut self.cells),
            width => {
                for (at, column) in columns.iter().enumerate() {
                    for (amount, place) in column.iter().zip(places) {
                        if let Some(sum) = self.cells.get_mut(index(*place).saturating_mul(width).saturating_add(at)) {
                            *sum = sum.wrapping_add(*amount);
                        }
                    }
                }
            }
        }
        for (row, (place, bad)) in places.iter().zip(&chunk.reader.bad).enumerate() {
            if (*place == NOWHERE) & !*bad {
                leftover.push(row);
            }
        }
    }

    fn flush(&mut self, flows: &mut Flows<i64>) -> Result<(), Error> {
        flows.reserve(self.bound)?;
        self.bound = 0;
        let group_cells = self.months.saturating_mul(self.stride).max(1);
        for (group, cells) in self.cells.chunks_mut(group_cells).enumerate() {
            for (month, cell) in (self.first..).zip(cells.chunks(self.stride)) {
                if let (Some(slot), Some(cost)) = (flows.slot(month), cell.get(COST_AT)) {
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

/// Adds each row's fields to its cell; a row without one lies past the end of all cells.
#[inline]
fn scatter<const WIDTH: usize>(columns: &[&[i64]], places: &[u32], cells: &mut [i64]) {
    let Ok(columns) = <[&[i64]; WIDTH]>::try_from(columns) else { return };
    for (row, place) in places.iter().enumerate() {
        let at = index(*place).wrapping_mul(WIDTH);
        let Some(cell) = cells.get_mut(at..at.wrapping_add(WIDTH)) else { continue };
        for (sum, column) in cell.iter_mut().zip(columns) {
            *sum = sum.wrapping_add(column.get(row).copied().unwrap_or(0));
        }
    }
}

/// A number known to be no negative one as an index.
#[inline]
fn index<N: TryInto<usize>>(number: N) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

impl Stage {
    /// Works out the fields of the rows that have the policy (those with the code, or all).
    fn weigh(&mut self, run: usize, spec: &CohortSpec, chunk: &Prepared<i64>, code: Option<i32>) {
        if code.is_some() || self.bases_at != Some(spec.residual_rate) || !spec.life_wins {
            spec.depreciable(chunk, code, &mut self.bases);
            self.bases_at = (code.is_none() && spec.life_wins).then_some(spec.residual_rate);
        }
        self.steps.resize(self.bases.len(), 0);
        self.extras.resize(self.bases.len(), 0);
        match spec.rounding {
            Rounding::Balance => spec.split(&self.bases, &mut self.steps, &mut self.extras),
            Rounding::Level => spec.level(&self.bases, &mut self.steps, &mut self.extras, &mut self.places),
        }
        for (place, base) in self.places.iter_mut().zip(&self.bases) {
            *place = if *base < 0 { NOWHERE } else { *place };
        }
        // Rows under other policies keep what those gave them.
        let mine = |row: usize| code.is_none_or(|code| chunk.codes.get(row) == Some(&code));
        let keep = |values: &[i64], kept: Option<&mut Vec<i64>>| match (kept, code) {
            (Some(kept), None) => {
                kept.clear();
                kept.extend_from_slice(values);
            }
            (Some(kept), Some(_)) => {
                kept.resize(values.len(), 0);
                for (row, (kept, value)) in kept.iter_mut().zip(values).enumerate() {
                    *kept = if mine(row) { *value } else { *kept };
                }
            }
            (None, _) => {}
        };
        keep(&self.steps, self.fields.get_mut(spec.step_at));
        if spec.base_at != COST_AT {
            keep(&self.bases, self.fields.get_mut(spec.base_at));
        }
        if spec.first_at != COST_AT {
            keep(&self.extras, self.fields.get_mut(spec.first_at));
        }
        if !spec.is_level() {
            keep(&self.extras, self.remainders.get_mut(run));
        }
    }
}

impl CohortSpec {
    fn patterns(&self, groups: usize, months: usize) -> Result<Patterns, Error> {
        // In units of the life (mid month: of half months), capped at its end.
        let total = self.life.saturating_mul(if self.mid_month { 2 } else { 1 });
        let units = (1..=self.charged_months()).map(|month| {
            let units = if self.mid_month { month.saturating_mul(2).saturating_sub(1) } else { month };
            units.min(total)
        });
        Patterns::new(&units.collect::<Vec<_>>(), total, self.modulus(), groups, months)
    }

    /// Depreciable amounts: negative where the row has a life of its own or a residual value out of range.
    fn depreciable(&self, chunk: &Prepared<i64>, code: Option<i32>, bases: &mut Vec<i64>) {
        bases.clear();
        if self.whole_cost {
            bases.extend_from_slice(&chunk.cost);
        } else if let Some((residual, null)) = chunk.residuals() {
            let inside = |cost: i64, residual: i64| (residual >= 0) & (residual <= cost);
            bases.extend(
                chunk
                    .cost
                    .iter()
                    .zip(residual)
                    .map(|(cost, residual)| if inside(*cost, *residual) { cost.wrapping_sub(*residual) } else { -1 }),
            );
            for ((base, cost), null) in bases.iter_mut().zip(&chunk.cost).zip(null) {
                if *null {
                    let residual = self.residual_rate.of(*cost);
                    *base = if inside(*cost, residual) { cost.wrapping_sub(residual) } else { -1 };
                }
            }
        } else {
            bases.extend(chunk.cost.iter().map(|cost| cost.wrapping_sub(self.residual_rate.of(*cost))));
        }
        if let Some(code) = code {
            // Rows under other policies take part as nothing at all.
            for (base, other) in bases.iter_mut().zip(&chunk.codes) {
                *base = if *other == code { *base } else { 0 };
            }
        }
        if !self.life_wins {
            for (row, base) in bases.iter_mut().enumerate() {
                let mine = code.is_none_or(|code| chunk.codes.get(row) == Some(&code));
                *base = if mine && chunk.own_life(row).is_some() { -1 } else { *base };
            }
        }
    }

    /// `R = modulus x a + b` for each row: the step `2a` and the remainder `b`.
    fn split(&self, bases: &[i64], steps: &mut [i64], remainders: &mut [i64]) {
        let modulus = small_float(self.modulus());
        for ((base, step), remainder) in bases.iter().zip(steps).zip(remainders) {
            let amount = small_f64(*base);
            let (quotient, whole) = small_quotient_floor(amount, modulus);
            *step = whole.wrapping_mul(2);
            (_, *remainder) = nearest_integer(amount - quotient * modulus);
        }
    }

    /// The level charge, and that of the first month where it differs. Rows whose charges would run out before the last
    /// month are let go.
    fn level(&self, bases: &[i64], steps: &mut [i64], firsts: &mut [i64], places: &mut [u32]) {
        let life = small_float(self.life);
        let full_months = life - 1.0;
        // Without half months the first charge is none of its own: half-even(R / infinity).
        let first_divisor = if self.mid_month { life * 2.0 } else { f64::INFINITY };
        for (((base, step), first), place) in bases.iter().zip(steps).zip(firsts).zip(places) {
            let amount = small_f64(*base);
            let (charge, whole) = small_quotient_half_even(amount, life);
            let (early, early_whole) = small_quotient_half_even(amount, first_divisor);
            (*step, *first) = (whole, early_whole);
            *place = if charge * full_months + early > amount { NOWHERE } else { *place };
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
            let field = |at: usize| cell.get(at).copied().unwrap_or(0);
            let step = field(self.step_at);
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
                    let last = field(self.base_at).wrapping_sub(step.wrapping_mul(full_months));
                    change(month, step);
                    change(end.saturating_sub(1), last.wrapping_sub(step));
                    change(end, last.wrapping_neg());
                }
                (Rounding::Level, true) => {
                    let first = field(self.first_at);
                    let last = field(self.base_at).wrapping_sub(first).wrapping_sub(step.wrapping_mul(full_months));
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
