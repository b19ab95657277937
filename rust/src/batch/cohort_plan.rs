//! How the sums of cohorts are laid out, and how charges follow from them (see `cohorts`).
#![forbid(unsafe_code)]

use super::chunk::Prepared;
use super::columns::Fleet;
use super::patterns::{Patterns, small_float};
use super::settings::{PolicySpec, Run, Settings};
use super::survey::Survey;
use crate::calendar::Month;
use crate::depreciation::{Convention, Rounding};
use crate::error::Error;
use crate::money::{nearest_integer, small_f64, small_quotient_floor, small_quotient_half_even};
use crate::rate::Rate;

/// Words of one accumulator at most: 64 MB.
const MAX_WORDS: usize = if cfg!(test) { 3_000 } else { 1 << 23 };
/// Lives up to here have tables; 4 x 255 is inside the bounds of the small quotients.
const MAX_LIFE: i32 = 255;
/// Policies times lives of one run that get cohorts.
const MAX_SPECS: usize = if cfg!(test) { 6 } else { 16 };
/// Accumulators of a group where there are few groups: a power of two.
const LANES: u32 = 16;
/// Up to here groups get lanes.
const FEW_GROUPS: usize = if cfg!(test) { 3 } else { 32 };
/// No cell.
pub(super) const NOWHERE: u32 = u32::MAX;
/// Rows after which a sum of remainders (each below 1,024) might not fit 32 bits.
pub(super) const MAX_ROWS: usize = if cfg!(test) { 30 } else { 1 << 21 };

/// The layout, worked out once for all threads.
pub struct CohortPlan {
    /// First month of service that has cells, and how many follow.
    pub(super) first: Month,
    pub(super) months: usize,
    groups: usize,
    /// Accumulators for each group. Rows of few groups would wait for each other's additions to the same cells.
    pub(super) lanes: u32,
    /// Words in a cell.
    pub(super) width: usize,
    /// The word of the cost that enters, where anyone asks.
    pub(super) cost_at: Option<usize>,
    pub(super) runs: Vec<RunPlan>,
}

/// The policies of one run as cohorts see them: one for each policy and life, and which rows have which.
#[derive(Clone, Default)]
pub(super) struct RunPlan {
    pub specs: Vec<CohortSpec>,
    choices: Vec<Choice>,
}

/// What a policy comes to.
#[derive(Clone)]
enum Choice {
    /// The same for every row.
    Whatever(i32),
    /// By the life a row states (0: none).
    ByLife(Vec<(i32, i32)>),
}

impl RunPlan {
    /// Whether all rows have the first.
    pub fn is_uniform(&self, run_has_codes: bool) -> bool {
        !run_has_codes && matches!(self.choices.first(), Some(Choice::Whatever(0)))
    }

    /// Which one the rows of a chunk have; -1 for none.
    pub fn choose(&self, chunk: &Prepared<i64>, chosen: &mut Vec<i32>) {
        chosen.clear();
        chosen.extend((0..chunk.cost.len()).map(|row| {
            let code = chunk.codes.get(row).copied().unwrap_or(0);
            match usize::try_from(code).ok().and_then(|code| self.choices.get(code)) {
                Some(Choice::Whatever(spec)) => *spec,
                Some(Choice::ByLife(lives)) => {
                    let own = chunk.own_life(row).unwrap_or(0);
                    lives.iter().find(|(life, _)| *life == own).map_or(-1, |(_, spec)| *spec)
                }
                None => -1,
            }
        }));
    }
}

/// Half a word: sums of small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    pub at: usize,
    pub high: bool,
}

impl Half {
    /// The number as an addition to the word.
    #[inline]
    pub fn lift(self, number: i64) -> i64 {
        if self.high { number.wrapping_shl(32) } else { number }
    }

    /// The sum out of its word. A negative sum in the low half has borrowed from the high one.
    fn read(self, cell: &[i64]) -> i64 {
        let word = cell.get(self.at).copied().unwrap_or(0);
        let low = word.wrapping_shl(32) >> 32;
        if self.high { word.wrapping_sub(low) >> 32 } else { low }
    }
}

/// Hands out places in a cell.
#[derive(Default)]
struct Layout {
    width: usize,
    open: Option<Half>,
}

impl Layout {
    fn word(&mut self) -> usize {
        let at = self.width;
        self.width = self.width.saturating_add(1);
        at
    }

    fn half(&mut self) -> Half {
        if let Some(half) = self.open.take() {
            return half;
        }
        let at = self.word();
        self.open = Some(Half { at, high: true });
        Half { at, high: false }
    }
}

/// One policy of one run, as cohorts see it.
#[derive(Clone)]
pub(super) struct CohortSpec {
    pub life: usize,
    /// Months from service to the first charge.
    pub shift: Month,
    /// Half a month in the first month (and in the last).
    pub mid_month: bool,
    /// Whether the depreciable amount is the cost, for every row.
    whole_cost: bool,
    pub residual_rate: Rate,
    pub rounding: Rounding,
    /// Where in a cell stand the depreciable amounts, their remainders, and (level, mid month) those of the first charge.
    pub base_at: usize,
    pub remainder_at: Half,
    pub first_at: Option<Half>,
}

impl CohortPlan {
    /// `None` where cohorts cannot or would not help; `forced` ignores the latter.
    pub(super) fn new(
        found: &Survey,
        fleet: &Fleet<'_>,
        runs: &[Run<'_>],
        settings: &Settings,
        groups: usize,
        entries: bool,
        forced: bool,
    ) -> Option<Self> {
        let (rounding, services) = (settings.rounding?, found.services?);
        if runs.iter().any(|run| !run.changes.is_empty()) {
            return None;
        }
        let mut layout = Layout::default();
        let cost_at = entries.then(|| layout.word());
        // Runs with one policy for all rows share the sums of depreciable amounts where those are the same.
        let mut shared: Vec<(Rate, usize)> = Vec::new();
        let mut plans = Vec::new();
        for run in runs {
            let mut plan = RunPlan::default();
            for policy in &run.specs {
                let decided = fleet.life_months.is_none() || policy.decides();
                let of_all = run.codes.is_none() && decided;
                let base_at = |whole_cost: bool, layout: &mut Layout| {
                    let known = shared.iter().find(|(rate, _)| of_all && *rate == policy.residual_rate);
                    match (known, cost_at) {
                        (Some((_, at)), _) => *at,
                        (None, Some(at)) if whole_cost && of_all => at,
                        (None, _) => layout.word(),
                    }
                };
                let mut lives = Vec::new();
                for own in std::iter::once(0).chain(found.lives.iter().copied().filter(|_| !decided)) {
                    let number = i32::try_from(plan.specs.len()).unwrap_or(-1);
                    let life = policy.life((own > 0).then_some(own));
                    let full = plan.specs.len() >= MAX_SPECS;
                    if let (false, Some(life)) = (full, life.filter(|life| (1..=MAX_LIFE).contains(life)))
                        && let Some(spec) = CohortSpec::new(policy, life, fleet, rounding, &mut layout, base_at)
                    {
                        plan.specs.push(spec);
                        lives.push((own, number));
                    }
                }
                if let (true, Some(spec)) = (of_all, plan.specs.first()) {
                    shared.push((spec.residual_rate, spec.base_at));
                }
                plan.choices.push(match lives.first() {
                    Some((_, number)) if decided => Choice::Whatever(*number),
                    _ => Choice::ByLife(lives),
                });
                if run.codes.is_none() {
                    break;
                }
            }
            plans.push(plan);
        }
        if plans.iter().all(|plan| plan.specs.is_empty()) {
            return None;
        }
        let lanes = if groups <= FEW_GROUPS { LANES } else { 1 };
        let accumulators = times(groups, lanes);
        let fits = MAX_WORDS.checked_div(accumulators.saturating_mul(layout.width)).unwrap_or(0);
        // Later months are the likelier ones where not all fit.
        let months = services.months().min(fits);
        let worth_it = fleet.len > accumulators.saturating_mul(months);
        if months == 0 || !(forced || worth_it) {
            return None;
        }
        let first = services.end.saturating_sub(i32::try_from(months).unwrap_or(i32::MAX)).saturating_add(1);
        Some(Self { first, months, groups, lanes, width: layout.width, cost_at, runs: plans })
    }
}

impl CohortPlan {
    /// Groups times lanes.
    pub fn accumulators(&self) -> usize {
        times(self.groups, self.lanes)
    }
}

fn times(groups: usize, lanes: u32) -> usize {
    groups.saturating_mul(usize::try_from(lanes).unwrap_or(1))
}

impl CohortSpec {
    fn new(
        spec: &PolicySpec,
        life: i32,
        fleet: &Fleet<'_>,
        rounding: Rounding,
        layout: &mut Layout,
        base_at: impl Fn(bool, &mut Layout) -> usize,
    ) -> Option<Self> {
        if !spec.method.is_straight_line() {
            return None;
        }
        let (shift, mid_month) = match spec.convention {
            Convention::FullMonth => (0, false),
            Convention::NextMonth => (1, false),
            Convention::MidMonth => (0, true),
            Convention::HalfYear | Convention::ActualDays => return None,
        };
        let whole_cost = fleet.residual.is_none() && spec.residual_rate.is_zero();
        Some(Self {
            life: usize::try_from(life).ok()?,
            shift,
            mid_month,
            whole_cost,
            residual_rate: spec.residual_rate,
            rounding,
            base_at: base_at(whole_cost, layout),
            remainder_at: layout.half(),
            first_at: (mid_month && rounding == Rounding::Level).then(|| layout.half()),
        })
    }

    /// Months with a charge.
    fn charged_months(&self) -> usize {
        self.life.saturating_add(self.mid_month.into())
    }

    /// What a depreciable amount is divided by: the life, or under balance `2N`, `4N` where half months count.
    fn modulus(&self) -> usize {
        self.life.saturating_mul(match (self.rounding, self.mid_month) {
            (Rounding::Level, _) => 1,
            (Rounding::Balance, false) => 2,
            (Rounding::Balance, true) => 4,
        })
    }

    pub fn patterns(&self, groups: usize, months: usize) -> Result<Patterns, Error> {
        // In units of the life (mid month: of half months), capped at its end.
        let total = self.life.saturating_mul(if self.mid_month { 2 } else { 1 });
        let units = (1..=self.charged_months()).map(|month| {
            let units = if self.mid_month { month.saturating_mul(2).saturating_sub(1) } else { month };
            units.min(total)
        });
        Patterns::new(&units.collect::<Vec<_>>(), total, self.modulus(), groups, months)
    }

    /// Depreciable amounts of the rows that are `mine`, else 0; rows with a residual value out of range are let go.
    pub fn depreciable(
        &self,
        chunk: &Prepared<i64>,
        mine: Option<impl Fn(usize) -> bool>,
        bases: &mut Vec<i64>,
        places: &mut [u32],
    ) {
        bases.clear();
        // A sign bit anywhere is a row to let go; there are hardly ever any, so they are looked for all at once.
        let mut signs = 0;
        if self.whole_cost {
            bases.extend_from_slice(&chunk.cost);
        } else if let Some((residual, null)) = chunk.residuals() {
            bases.extend(chunk.cost.iter().zip(residual).map(|(cost, residual)| cost.wrapping_sub(*residual)));
            signs = bases.iter().zip(residual).fold(0, |signs, (base, residual)| signs | base | residual);
            if signs < 0 {
                for (base, residual) in bases.iter_mut().zip(residual) {
                    *base = if *residual < 0 { -1 } else { *base };
                }
            }
            if null.iter().fold(false, |any, null| any | null) {
                for ((base, cost), null) in bases.iter_mut().zip(&chunk.cost).zip(null) {
                    *base = if *null { cost.wrapping_sub(self.residual_rate.of(*cost)) } else { *base };
                }
            }
        } else {
            bases.extend(chunk.cost.iter().map(|cost| cost.wrapping_sub(self.residual_rate.of(*cost))));
        }
        if let Some(mine) = mine {
            // Rows under other policies take part as nothing at all.
            for (row, base) in bases.iter_mut().enumerate() {
                *base = if mine(row) { *base } else { 0 };
            }
        }
        if signs < 0 {
            for (place, base) in places.iter_mut().zip(bases) {
                *place = if *base < 0 { NOWHERE } else { *place };
            }
        }
    }

    /// Balance: `R = modulus x a + b` for each row, the remainder `b`.
    pub fn remainders(&self, bases: &[i64], remainders: &mut [i64]) {
        let modulus = small_float(self.modulus());
        for (base, remainder) in bases.iter().zip(remainders) {
            let amount = small_f64(*base);
            let quotient = small_quotient_floor(amount, modulus);
            (_, *remainder) = nearest_integer(amount - quotient * modulus);
        }
    }

    /// Level: `R = N x c + r` for each row, where `c` is the monthly charge and `r` the last month's correction, and the
    /// same for the charge of half a month; the corrections are added to their words. Rows whose charges would run out
    /// before the last month are let go.
    pub fn corrections(&self, bases: &[i64], words: &mut [Vec<i64>], places: &mut [u32]) {
        let life = small_float(self.life);
        let full_months = life - 1.0;
        let half_months = life * 2.0;
        let mut exhausted = self.mid_month;
        let mut add = |half: Half, divisor: f64| {
            let Some(word) = words.get_mut(half.at) else { return };
            for (base, sum) in bases.iter().zip(word) {
                let amount = small_f64(*base);
                let charge = small_quotient_half_even(amount, divisor);
                *sum = sum.wrapping_add(half.lift(nearest_integer(amount - charge * divisor).1));
                exhausted |= charge * full_months > amount;
            }
        };
        add(self.remainder_at, life);
        if let Some(half) = self.first_at {
            add(half, half_months);
        }
        // The charge of a half month comes on top, so then each row is looked at.
        if exhausted {
            for (base, place) in bases.iter().zip(places) {
                let amount = small_f64(*base);
                let early = if self.mid_month { small_quotient_half_even(amount, half_months) } else { 0.0 };
                let charged = small_quotient_half_even(amount, life) * full_months + early;
                *place = if charged > amount { NOWHERE } else { *place };
            }
        }
    }

    /// The charges of a group's cohorts by month, from the first month of service plus the shift.
    pub fn charges(&self, cells: &[i64], width: usize) -> Vec<i64> {
        let months = cells.len().checked_div(width).unwrap_or(0);
        let mut steps = vec![0_i64; months.saturating_add(self.charged_months()).saturating_add(1)];
        let mut change = |at: usize, by: i64| {
            if let Some(step) = steps.get_mut(at) {
                *step = step.wrapping_add(by);
            }
        };
        let full_months = i64::try_from(self.life).unwrap_or(i64::MAX).wrapping_sub(1);
        for (month, cell) in cells.chunks(width.max(1)).enumerate() {
            let base = cell.get(self.base_at).copied().unwrap_or(0);
            // Sums of multiples are multiples: these divisions leave nothing.
            let share = |rest: i64, divisor: usize| {
                i64::try_from(divisor)
                    .ok()
                    .and_then(|divisor| base.wrapping_sub(rest).checked_div(divisor))
                    .unwrap_or(0)
            };
            let step = share(self.remainder_at.read(cell), self.modulus());
            let end = month.saturating_add(self.life);
            match (self.rounding, self.mid_month) {
                (Rounding::Balance, false) => {
                    let step = step.wrapping_mul(2);
                    change(month, step);
                    change(end, step.wrapping_neg());
                }
                (Rounding::Balance, true) => {
                    // Half a month counts once, a full month twice.
                    let step = step.wrapping_mul(2);
                    change(month, step);
                    change(month.saturating_add(1), step);
                    change(end, step.wrapping_neg());
                    change(end.saturating_add(1), step.wrapping_neg());
                }
                (Rounding::Level, false) => {
                    let last = base.wrapping_sub(step.wrapping_mul(full_months));
                    change(month, step);
                    change(end.saturating_sub(1), last.wrapping_sub(step));
                    change(end, last.wrapping_neg());
                }
                (Rounding::Level, true) => {
                    let first = share(self.first_at.map_or(0, |at| at.read(cell)), self.life.saturating_mul(2));
                    let last = base.wrapping_sub(first).wrapping_sub(step.wrapping_mul(full_months));
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
