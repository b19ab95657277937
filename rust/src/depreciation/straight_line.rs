//! Straight line: accumulated depreciation is the depreciable amount times the share of the life that has passed.
//!
//! `A_k = opening + half-even((base - opening) x units_k / span)` is the whole formula. Where the products are exact
//! doubles each balance is one division; larger amounts carry quotient and remainder along from month to month. Either
//! way every balance is the exact rational rounded once.
//!
//! Headroom: a step is `|amount| x units` with `|amount| <= 2^63` and `units < 2^17` (1,200 months are 36,525 days;
//! 3,600 months x 31 are 111,600), so products stay below 2^80 in `i128`; a quotient never exceeds the amount, a
//! remainder never the span.
#![forbid(unsafe_code)]

use super::{Asset, Rounding, Timing};
use crate::calendar::{Month, days_in_month};
use crate::money::{nearest_integer, small_f64, small_quotient_half_even};

/// A kind of amount that a schedule can be computed in: `i64` minor units, or unrounded `f64`.
pub trait Amount: Copy + Default + Send + Sync {
    /// Writes the charge of each month from `from` on and returns the accumulated depreciation before it.
    fn charges_into(asset: &Asset<Self>, rounding: Rounding, from: Month, charges: &mut [Self]) -> Self;
    /// The accumulated depreciation at the end of `month`.
    fn accumulated_at(asset: &Asset<Self>, rounding: Rounding, month: Month) -> Self;
    /// Sum. Book values and charges are bounded by the cost, so it cannot overflow.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// Difference, bounded likewise.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// An accumulated sum at the end of `month`, freed of float dust once the life is over.
    #[must_use]
    fn settled(self, asset: &Asset<Self>, month: Month) -> Self;
}

impl Amount for f64 {
    fn charges_into(asset: &Asset<f64>, rounding: Rounding, from: Month, charges: &mut [f64]) -> f64 {
        let timing = &asset.timing;
        let left = asset.base - asset.opening;
        let span = exact_f64(timing.span());
        let mut before = timing.charged_units(from.saturating_sub(1));
        for (month, slot) in (from..).zip(charges.iter_mut()) {
            let after = timing.charged_units(month);
            *slot = left * exact_f64(after.saturating_sub(before)) / span;
            before = after;
        }
        Self::accumulated_at(asset, rounding, from.saturating_sub(1))
    }

    fn accumulated_at(asset: &Asset<f64>, _: Rounding, month: Month) -> f64 {
        let timing = &asset.timing;
        let left = asset.base - asset.opening;
        match timing.charged_units(month) {
            units if units == timing.span() => asset.base,
            units => asset.opening + left * exact_f64(units) / exact_f64(timing.span()),
        }
    }

    fn plus(self, other: f64) -> f64 {
        self + other
    }

    fn minus(self, other: f64) -> f64 {
        self - other
    }

    fn settled(self, asset: &Asset<f64>, month: Month) -> f64 {
        if month >= asset.timing.last_month { asset.base } else { self }
    }
}

#[expect(clippy::cast_precision_loss, reason = "units of a life stay below 2^17")]
fn exact_f64(units: i64) -> f64 {
    units as f64
}

impl Amount for i64 {
    fn charges_into(asset: &Asset<i64>, rounding: Rounding, from: Month, charges: &mut [i64]) -> i64 {
        let timing = &asset.timing;
        let left = asset.base.saturating_sub(asset.opening);
        let start = from.max(timing.open_month);
        let skip = usize::try_from(start.saturating_sub(from)).unwrap_or(usize::MAX);
        let months = usize::try_from(timing.last_month.saturating_sub(start).saturating_add(1)).unwrap_or(0);
        let before = charged_before(timing, rounding, left.unsigned_abs().cast_signed(), start);
        let (early, rest) = charges.split_at_mut(skip.min(charges.len()));
        early.fill(0);
        let (active, late) = rest.split_at_mut(months.min(rest.len()));
        late.fill(0);
        if !active.is_empty() {
            match rounding {
                Rounding::Balance => balance_into(timing, left.unsigned_abs().cast_signed(), start, before, active),
                Rounding::Level => level_into(timing, left.unsigned_abs().cast_signed(), start, before, active),
            }
            if left < 0 {
                active.iter_mut().for_each(|charge| *charge = charge.wrapping_neg());
            }
        }
        if from <= timing.open_month {
            return asset.opening;
        }
        asset.opening.saturating_add(if left < 0 { before.wrapping_neg() } else { before })
    }

    fn accumulated_at(asset: &Asset<i64>, rounding: Rounding, month: Month) -> i64 {
        let next = month.saturating_add(1);
        if next <= asset.timing.open_month {
            return asset.opening;
        }
        let left = asset.base.saturating_sub(asset.opening);
        let before = charged_before(&asset.timing, rounding, left.unsigned_abs().cast_signed(), next);
        asset.opening.saturating_add(if left < 0 { before.wrapping_neg() } else { before })
    }

    fn plus(self, other: i64) -> i64 {
        self.saturating_add(other)
    }

    fn minus(self, other: i64) -> i64 {
        self.saturating_sub(other)
    }

    fn settled(self, _: &Asset<i64>, _: Month) -> i64 {
        self
    }
}

/// Quotient and remainder of `amount x units / span`.
#[inline]
fn step(amount: i64, units: i64, span: i64) -> (i64, i64) {
    let (whole, rest) = match amount.checked_mul(units) {
        Some(product) => (product.checked_div(span).unwrap_or(0), product.checked_rem(span).unwrap_or(0)),
        None => {
            let product = i128::from(amount).saturating_mul(units.into());
            let whole = product.checked_div(span.into()).unwrap_or(0);
            let rest = product.checked_rem(span.into()).unwrap_or(0);
            // units <= span, so the quotient is at most the amount.
            (i64::try_from(whole).unwrap_or(amount), i64::try_from(rest).unwrap_or(0))
        }
    };
    (whole, rest)
}

/// `amount x units / span`, half-even.
#[must_use]
#[inline]
pub fn share(amount: i64, units: i64, span: i64) -> i64 {
    if let Some(product) = amount.checked_mul(units).filter(|product| (0..SMALL).contains(product)) {
        return nearest_integer(small_quotient_half_even(small_f64(product), small_f64(span))).1;
    }
    let (whole, rest) = step(amount, units, span);
    rounded(whole, rest, span)
}

#[inline]
fn rounded(whole: i64, rest: i64, span: i64) -> i64 {
    let to_next = span.wrapping_sub(rest);
    let up = (rest > to_next) | ((rest == to_next) & (whole & 1 == 1));
    whole.wrapping_add(i64::from(up))
}

/// What was charged of `left` before the month `start`.
fn charged_before(timing: &Timing, rounding: Rounding, left: i64, start: Month) -> i64 {
    let last_before = start.saturating_sub(1);
    if last_before >= timing.last_month {
        return left;
    }
    let units = timing.charged_units(last_before);
    if units == 0 {
        return 0;
    }
    match rounding {
        Rounding::Balance => share(left, units, timing.span()),
        Rounding::Level => {
            let Some((ramp_start, first_months, first, later)) = timing.ramp() else {
                return share(left, units, timing.span());
            };
            // Before the last month each kind of month charges the same, so two products say it all.
            let months = i64::from(start.saturating_sub(timing.open_month).max(0));
            let first_end = ramp_start.saturating_add(first_months);
            let early = i64::from(first_end.min(start).saturating_sub(timing.open_month).max(0));
            let charge = |units, count: i64| i128::from(share(left, units, timing.span())).saturating_mul(count.into());
            let charged = charge(first, early).saturating_add(charge(later, months.saturating_sub(early)));
            i64::try_from(charged).unwrap_or(left).min(left)
        }
    }
}

/// Charges whose running total is the rounded balance; `left >= 0`, all months within the life.
fn balance_into(timing: &Timing, left: i64, start: Month, before: i64, charges: &mut [i64]) {
    let span = timing.span();
    let units = timing.charged_units(start.saturating_sub(1));
    let walk = || {
        let (whole, rest) = step(left, units, span);
        Walk { whole, rest, span, balance: before }
    };
    let mut month = start;
    if let Some((ramp_start, first_months, first, later)) = timing.ramp() {
        let first_end = ramp_start.saturating_add(first_months);
        let early = usize::try_from(first_end.saturating_sub(start)).unwrap_or(0).min(charges.len());
        let (head, tail) = charges.split_at_mut(early);
        if is_small(left, span) {
            let after_head = units.saturating_add(first.saturating_mul(i64::try_from(early).unwrap_or(i64::MAX)));
            let before = small_balances_into(left, span, ramp(units, first, span), before, head);
            small_balances_into(left, span, ramp(after_head, later, span), before, tail);
            return;
        }
        let mut walk = walk();
        let by_first = step(left, first, span);
        head.iter_mut().for_each(|slot| *slot = walk.charge(by_first));
        let by_later = step(left, later, span);
        tail.iter_mut().for_each(|slot| *slot = walk.charge(by_later));
        month = month.saturating_add(i32::try_from(charges.len()).unwrap_or(i32::MAX));
    } else if let (true, Some(days)) = (is_small(left, span), timing.charged_days(start)) {
        let days = days.map(f64::from);
        small_balances_into(left, span, days, before, charges);
        return;
    } else {
        let mut walk = walk();
        let by_days = [28, 29, 30, 31].map(|days| step(left, days, span));
        let mut before = units;
        for slot in charges.iter_mut() {
            let after = timing.charged_units(month);
            let days = after.saturating_sub(before);
            let whole_month = i64::from(days_in_month(month)) == days;
            let ready = usize::try_from(days.saturating_sub(28)).ok().and_then(|index| by_days.get(index));
            let by = match ready {
                Some(ready) if whole_month => *ready,
                _ => step(left, days, span),
            };
            *slot = walk.charge(by);
            before = after;
            month = month.saturating_add(1);
        }
    }
    // The last month's step may overshoot the cap of the ramp: the life ends at exactly `left`.
    if month > timing.last_month
        && let Some((last, others)) = charges.split_last_mut()
    {
        let charged_here = others.iter().fold(share(left, units, span), |sum, charge| sum.saturating_add(*charge));
        *last = left.saturating_sub(charged_here);
    }
}

/// Products below this are exact doubles, and so are the quotients that `small_quotient_half_even` decides by.
const SMALL: i64 = 1 << 51;

pub(super) fn is_small(left: i64, span: i64) -> bool {
    left.checked_mul(span).is_some_and(|largest| largest < SMALL)
}

/// `units` plus `by` for each month, at most the span.
fn ramp(units: i64, by: i64, span: i64) -> impl Iterator<Item = f64> {
    let (units, by, span) = (small_f64(units), small_f64(by), small_f64(span));
    (1_i32..).map(move |months| (units + by * f64::from(months)).min(span))
}

/// Charges of months at whose ends so many units have passed; every balance is worked out on its own, several at a
/// time. Returns the last balance.
pub(super) fn small_balances_into(
    left: i64,
    span: i64,
    units: impl Iterator<Item = f64>,
    before: i64,
    charges: &mut [i64],
) -> i64 {
    let (amount, span) = (small_f64(left), small_f64(span));
    for (slot, passed) in charges.iter_mut().zip(units) {
        (_, *slot) = nearest_integer(small_quotient_half_even(amount * passed, span));
    }
    let mut before = before;
    for slot in charges {
        let balance = *slot;
        *slot = balance.wrapping_sub(before);
        before = balance;
    }
    before
}

/// An exact rational balance, stepped along month by month.
struct Walk {
    whole: i64,
    rest: i64,
    span: i64,
    balance: i64,
}

impl Walk {
    /// Steps one month on and returns the difference of the rounded balances. `rest < span < 2^18`; `whole` may pass the amount
    /// only in the capped last month, whose charge is replaced, hence the wrapping.
    #[inline]
    fn charge(&mut self, (whole, rest): (i64, i64)) -> i64 {
        self.rest = self.rest.wrapping_add(rest);
        let carry = self.rest >= self.span;
        self.rest = self.rest.wrapping_sub(if carry { self.span } else { 0 });
        self.whole = self.whole.wrapping_add(whole).wrapping_add(i64::from(carry));
        let balance = rounded(self.whole, self.rest, self.span);
        let charge = balance.wrapping_sub(self.balance);
        self.balance = balance;
        charge
    }
}

/// Level charges of some months of a life: at most three amounts.
struct Level {
    /// Months with the first weight.
    early: usize,
    by_first: i64,
    by_later: i64,
    /// What the life's last month charges, where it is among these months.
    last: Option<i64>,
}

impl Level {
    /// The charges of so many months from `start` on, of which `charged` has been used up before; `None` where rounding
    /// up uses `left` up before the last month, and where days count.
    #[inline]
    fn of(timing: &Timing, left: i64, start: Month, charged: i64, months: usize) -> Option<Self> {
        let (ramp_start, first_months, first, later) = timing.ramp()?;
        let first_end = ramp_start.saturating_add(first_months);
        let early = usize::try_from(first_end.saturating_sub(start)).unwrap_or(0).min(months);
        let by_first = share(left, first, timing.span());
        let by_later = if later == first { by_first } else { share(left, later, timing.span()) };
        let remaining = left.saturating_sub(charged);
        let regular = |charge: i64, months: usize| charge.checked_mul(i64::try_from(months).ok()?);
        let tail = months.saturating_sub(early);
        let due = regular(by_first, early)?.checked_add(regular(by_later, tail)?)?;
        // The months given never reach beyond the last.
        let ends = start.saturating_add(i32::try_from(months).unwrap_or(i32::MAX)) > timing.last_month;
        let last_regular = match (ends, tail) {
            (false, _) => 0,
            (true, 0) => by_first,
            (true, _) => by_later,
        };
        let due = due.checked_sub(last_regular)?;
        let last = ends.then(|| remaining.saturating_sub(due));
        (due <= remaining).then_some(Self { early, by_first, by_later, last })
    }

    /// Writes them as `cell` makes them.
    #[inline]
    fn write<C: Copy>(&self, cell: impl Fn(i64) -> C, cells: &mut [C]) {
        let (head, tail) = cells.split_at_mut(self.early.min(cells.len()));
        if !head.is_empty() {
            head.fill(cell(self.by_first));
        }
        if !tail.is_empty() {
            tail.fill(cell(self.by_later));
        }
        if let (Some(last), Some(slot)) = (self.last, cells.last_mut()) {
            *slot = cell(last);
        }
    }
}

/// Level charges, never above what is left, the remainder in the last month.
fn level_into(timing: &Timing, left: i64, start: Month, charged: i64, charges: &mut [i64]) {
    if let Some(level) = Level::of(timing, left, start, charged, charges.len()) {
        return level.write(|charge| charge, charges);
    }
    let Some((ramp_start, first_months, first, later)) = timing.ramp() else {
        return;
    };
    let early = usize::try_from(ramp_start.saturating_add(first_months).saturating_sub(start)).unwrap_or(0);
    let (head, tail) = charges.split_at_mut(early.min(charges.len()));
    head.fill(share(left, first, timing.span()));
    tail.fill(share(left, later, timing.span()));
    let mut remaining = left.saturating_sub(charged);
    for (month, slot) in (start..).zip(charges.iter_mut()) {
        *slot = if month >= timing.last_month { remaining } else { (*slot).min(remaining) };
        remaining = remaining.saturating_sub(*slot);
    }
}

/// Writes the level charge of each month from `from` on as `cell` makes it, which is asked but a few times; `false`, and
/// nothing of use written, for credits and where rounding up uses the amount up early.
#[inline]
pub fn level_cells<C: Copy>(asset: &Asset<i64>, from: Month, cell: impl Fn(i64) -> C, cells: &mut [C]) -> bool {
    let timing = &asset.timing;
    let left = asset.base.saturating_sub(asset.opening);
    let start = from.max(timing.open_month);
    let skip = usize::try_from(start.saturating_sub(from)).unwrap_or(usize::MAX);
    let months = usize::try_from(timing.last_month.saturating_sub(start).saturating_add(1)).unwrap_or(0);
    let (early, rest) = cells.split_at_mut(skip.min(cells.len()));
    let (active, late) = rest.split_at_mut(months.min(rest.len()));
    let charged = charged_before(timing, Rounding::Level, left, start);
    let Some(level) = Level::of(timing, left, start, charged, active.len()).filter(|_| left >= 0) else {
        return false;
    };
    early.fill(cell(0));
    level.write(&cell, active);
    late.fill(cell(0));
    true
}

/// `base` for a cost and a residual value; `None` where the residual lies outside 0 to cost (mirrored for credits).
#[must_use]
pub fn depreciable_amount(cost: i64, residual: i64) -> Option<i64> {
    let inside = if cost < 0 { (cost..=0).contains(&residual) } else { (0..=cost).contains(&residual) };
    inside.then(|| cost.saturating_sub(residual))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::calendar::{Frequency, PeriodGrid};
    use crate::depreciation::{Convention, Service};
    use crate::money::round_half_even;
    use proptest::prelude::*;

    fn asset(
        base: i64,
        day: i32,
        life: i32,
        convention: Convention,
        rounding: Rounding,
        opening: Option<(i32, i64)>,
    ) -> Asset<i64> {
        let grid = PeriodGrid::new(Frequency::Month, 12).unwrap();
        let service = Service { in_service: day, life_months: life, opening: opening.map(|(date, _)| date) };
        let timing = Timing::new(&service, convention, grid, rounding == Rounding::Balance);
        Asset { cost: base, base, opening: opening.map_or(0, |(_, amount)| amount), timing }
    }

    fn whole(asset: &Asset<i64>, rounding: Rounding) -> Vec<i64> {
        let months = usize::try_from(asset.timing.last_month - asset.timing.open_month + 1).unwrap();
        let mut charges = vec![0; months];
        i64::charges_into(asset, rounding, asset.timing.open_month, &mut charges);
        charges
    }

    #[test]
    fn ties_of_the_balance_go_to_even() {
        let of = |base, life| {
            whole(&asset(base, 0, life, Convention::FullMonth, Rounding::Balance, None), Rounding::Balance)
        };
        assert_eq!(of(1, 2), [0, 1]); // 1/2 -> 0
        assert_eq!(of(3, 2), [2, 1]); // 3/2 -> 2
        assert_eq!(of(-3, 2), [-2, -1]);
        assert_eq!(of(100, 3), [33, 34, 33]); // 33 1/3, 66 2/3, 100
    }

    #[test]
    fn level_charges_end_with_the_remainder() {
        let of =
            |base, life, convention| whole(&asset(base, 14, life, convention, Rounding::Level, None), Rounding::Level);
        assert_eq!(of(100, 3, Convention::FullMonth), [33, 33, 34]);
        assert_eq!(of(15, 10, Convention::FullMonth), [2, 2, 2, 2, 2, 2, 2, 1, 0, 0]); // 1.5 -> 2, never above what is left
        assert_eq!(of(5, 10, Convention::FullMonth), [0, 0, 0, 0, 0, 0, 0, 0, 0, 5]); // 0.5 -> 0
        assert_eq!(of(1200, 12, Convention::MidMonth), [50, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 50]);
        // 15 January: 17 of 31 days, 1200/12 x 17/31 = 54.8
        assert_eq!(of(1200, 12, Convention::ActualDays)[..2], [55, 100]);
    }

    proptest! {
        /// Against the formula itself, divided anew for every month; I1, I2 and I8 on the way.
        #[test]
        fn balance_is_the_rounded_rational(
            base in prop_oneof![-1000_i64..1000, any::<i64>().prop_map(|b| b / 2)], day in -20_000_i32..60_000, life in 1_i32..400,
            which in 0_usize..5, brought in proptest::option::of((0_i32..9_000, 0.0..=1.0_f64)), from in -3_i32..420,
        ) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
            let opening = brought.map(|(after, part)| (day + after, (base as f64 * part * 0.999) as i64));
            let a = asset(base, day, life, Convention::ALL[which].1, Rounding::Balance, opening);
            let left = i128::from(a.base - a.opening);
            let mut charges = vec![0; 500];
            let first = a.timing.open_month + from;
            let mut sum = i64::charges_into(&a, Rounding::Balance, first, &mut charges);
            for (month, charge) in (first..).zip(&charges) {
                sum += charge;
                let sign = left.signum();
                let exact = sign * round_half_even(left.abs() * i128::from(a.timing.charged_units(month)), a.timing.span().into());
                prop_assert_eq!(i128::from(sum), i128::from(a.opening) + exact);
                prop_assert_eq!(sum, i64::accumulated_at(&a, Rounding::Balance, month));
            }
        }

        #[test]
        fn level_sums_to_the_base_and_resumes_anywhere(base in -3_000_i64..100_000, day in 0_i32..3_000, life in 1_i32..80, which in 0_usize..5, from in 0_i32..90) {
            let a = asset(base, day, life, Convention::ALL[which].1, Rounding::Level, None);
            let all = whole(&a, Rounding::Level);
            prop_assert_eq!(all.iter().sum::<i64>(), base);
            let mut cells = vec![-1.0; all.len() + 7];
            let first = a.timing.open_month - 3 + from;
            if level_cells(&a, first, small_f64, &mut cells) {
                let mut charges = vec![0; cells.len()];
                i64::charges_into(&a, Rounding::Level, first, &mut charges);
                prop_assert_eq!(cells, charges.into_iter().map(small_f64).collect::<Vec<_>>());
            } else {
                prop_assert!(base < 32 * i64::from(life * life)); // half a cent a month uses up a last fraction of one
            }
            prop_assert!(all.iter().all(|charge| charge.signum() * base.signum() >= 0));
            let mut tail = vec![0; 3];
            let before = i64::charges_into(&a, Rounding::Level, a.timing.open_month + from, &mut tail);
            let cut = usize::try_from(from).unwrap().min(all.len());
            prop_assert_eq!(before, all[..cut].iter().sum::<i64>());
            for (offset, charge) in tail.iter().enumerate() {
                prop_assert_eq!(*charge, all.get(cut + offset).copied().unwrap_or(0));
            }
        }
    }
}
