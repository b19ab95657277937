//! What the sums of a loan of equal periods depend on, as one number, and loans in the order of it.
#![forbid(unsafe_code)]

use super::lanes::Equal;
use crate::calendar::Month;
use crate::debt::ProfileKind;

/// A loan's key, and its place among those that are added up together.
pub(super) type Keyed = (u64, u32);

/// What a key holds of a loan, from the highest bits down: profile 2, group 30, months of a period 8, month of the start
/// 12, payments 12. Loans that agree in all but the last pay in the same months.
pub(super) const SHARED: u64 = !0xFFF;
const PROFILE: u32 = 62;
const GROUP: u32 = 32;
const STEP: u32 = 24;
const START: u32 = 12;
/// Months are counted from before 1900.
const MONTHS_FROM: i32 = 1_000;

/// Whether two loans are repaid alike.
pub(super) fn same_profile(one: u64, other: u64) -> bool {
    one >> PROFILE == other >> PROFILE
}

pub(super) fn group_of(key: u64) -> usize {
    usize::try_from(key >> GROUP & 0x3FFF_FFFF).unwrap_or(0)
}

/// The month of the first advance, and the months from payment to payment.
pub(super) fn months_of(key: u64) -> (Month, i32) {
    let part = |low: u32, mask: u64| i32::try_from(key >> low & mask).unwrap_or(0);
    (part(START, 0xFFF).saturating_sub(MONTHS_FROM), part(STEP, 0xFF))
}

/// The key of a loan; `None` where it has no room.
#[inline]
pub(super) fn key_of(equal: &Equal, group: usize) -> Option<u64> {
    let profile = match equal.loan.profile() {
        ProfileKind::LevelPayment => 0_u64,
        ProfileKind::LevelPrincipal => 1,
        _ => 2,
    };
    let part = |value: i32, bits: u32| u64::try_from(value).ok().filter(|value| value >> bits == 0);
    let (step, start) = (part(equal.step, 8)?, part(equal.start.saturating_add(MONTHS_FROM), 12)?);
    let payments = Some(u64::from(equal.loan.payments())).filter(|count| count >> 12 == 0)?;
    let group = u64::try_from(group).ok().filter(|group| group >> 30 == 0)?;
    Some(profile << PROFILE | group << GROUP | step << STEP | start << START | payments)
}

/// [`key_of`] a loan of level payments a month apart, of which it is known that it has a key.
#[inline]
pub(super) fn monthly_key(start: Month, payments: i32, group: i32) -> u64 {
    let start = u64::from(start.wrapping_add(MONTHS_FROM).cast_unsigned());
    u64::from(group.cast_unsigned()) << GROUP | 1 << STEP | start << START | u64::from(payments.cast_unsigned())
}

/// Where keys lie that differ in nothing but start and payments, and in few of those.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    first: u64,
    starts: (u64, u64),
    payments: (u64, u64),
}

impl Table {
    const MOST: usize = 16_384;

    pub fn of(keys: &[u64]) -> Option<Self> {
        let first = *keys.first()?;
        let (mut differing, mut starts, mut payments) = (0, (i32::MAX, 0), (i32::MAX, 0));
        for key in keys {
            // Signed, for that is what any processor compares side by side.
            let (start, count) = (low_half(Self::start(*key)).cast_signed(), payments_of(*key).cast_signed());
            differing |= key ^ first;
            starts = (starts.0.min(start), starts.1.max(start));
            payments = (payments.0.min(count), payments.1.max(count));
        }
        let bits = |(least, most): (i32, i32)| (u64::from(least.cast_unsigned()), u64::from(most.cast_unsigned()));
        let (starts, payments) = (bits(starts), bits(payments));
        let table = Self { first, starts, payments };
        (differing >> STEP == 0 && table.cells() <= Self::MOST).then_some(table)
    }

    /// The least table in which the keys of both lie.
    pub fn with(&self, other: &Self) -> Option<Self> {
        let hull = |one: (u64, u64), other: (u64, u64)| (one.0.min(other.0), one.1.max(other.1));
        let (starts, payments) = (hull(self.starts, other.starts), hull(self.payments, other.payments));
        let table = Self { starts, payments, ..*self };
        ((self.first ^ other.first) >> STEP == 0 && table.cells() <= Self::MOST).then_some(table)
    }

    /// Whether the keys of another lie in it.
    pub fn holds(&self, other: &Self) -> bool {
        let inside = |one: (u64, u64), other: (u64, u64)| one.0 <= other.0 && other.1 <= one.1;
        let differing = (self.first ^ other.first) >> STEP;
        differing == 0 && inside(self.starts, other.starts) && inside(self.payments, other.payments)
    }

    #[inline]
    fn start(key: u64) -> u64 {
        key >> START & 0xFFF
    }

    /// Starts.
    pub fn rows(&self) -> usize {
        width(self.starts)
    }

    /// Numbers of payments.
    pub fn columns(&self) -> usize {
        width(self.payments)
    }

    /// Cells, row by row.
    pub fn cells(&self) -> usize {
        self.rows().saturating_mul(self.columns())
    }

    /// The most payments.
    pub fn longest(&self) -> usize {
        usize::try_from(self.payments.1).unwrap_or(0)
    }

    /// The cell of a key.
    #[inline]
    pub fn place(&self, key: u64) -> u32 {
        let row = low_half(Self::start(key)).wrapping_sub(low_half(self.starts.0));
        let column = payments_of(key).wrapping_sub(low_half(self.payments.0));
        let columns = low_half(self.payments.1).wrapping_sub(low_half(self.payments.0)).wrapping_add(1);
        row.wrapping_mul(columns).wrapping_add(column)
    }

    /// What the loans of a row share.
    pub fn key(&self, row: usize) -> u64 {
        let start = u64::try_from(row).unwrap_or(0).wrapping_add(self.starts.0);
        self.first >> STEP << STEP | start << START
    }
}

/// The payments of a loan.
#[inline]
pub(super) fn payments_of(key: u64) -> u32 {
    low_half(key & !SHARED)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "parts of keys have few bits")]
fn low_half(part: u64) -> u32 {
    part as u32
}

fn width((least, most): (u64, u64)) -> usize {
    usize::try_from(most.saturating_sub(least)).unwrap_or(0).saturating_add(1)
}

/// Loans that pay in the same months: what their keys share, and how many there are.
pub(super) type Run = (u64, usize);

/// Puts what belongs to each key in the order of keys, and of what belongs to one key in the order it has; loans that pay
/// in the same months are told. With the table in which all keys lie, if there is one, it takes less time.
pub(super) fn arrange<T: Copy + Default>(
    table: Option<&Table>,
    keys: &[u64],
    of: &[T],
    sorted: &mut Vec<T>,
    runs: &mut Vec<Run>,
    (keyed, spare): (&mut Vec<Keyed>, &mut Vec<Keyed>),
) {
    runs.clear();
    if let Some(table) = table {
        return arrange_in(table, keys, of, sorted, runs);
    }
    keyed.clear();
    keyed.extend(keys.iter().copied().zip(0..));
    sort(keyed, spare);
    let find = |place: u32| usize::try_from(place).ok().and_then(|place| of.get(place)).copied();
    sorted.clear();
    sorted.extend(keyed.iter().map(|(_, place)| find(*place).unwrap_or_default()));
    let same = keyed.chunk_by(|one, next| one.0 & SHARED == next.0 & SHARED);
    runs.extend(same.filter_map(|same| Some((same.first()?.0 & SHARED, same.len()))));
}

/// The same by counting how many there are of each key.
fn arrange_in<T: Copy + Default>(table: &Table, keys: &[u64], of: &[T], sorted: &mut Vec<T>, runs: &mut Vec<Run>) {
    let mut places = [0_usize; Table::MOST];
    for key in keys {
        if let Some(count) = places.get_mut(place_in(table, *key)) {
            *count = count.wrapping_add(1);
        }
    }
    let mut before = 0_usize;
    for (row, places) in places.chunks_mut(table.columns()).take(table.rows()).enumerate() {
        let first = before;
        for place in places {
            let count = std::mem::replace(place, before);
            before = before.wrapping_add(count);
        }
        if before > first {
            runs.push((table.key(row), before.wrapping_sub(first)));
        }
    }
    sorted.resize(of.len(), T::default());
    for (key, value) in keys.iter().zip(of) {
        if let Some(place) = places.get_mut(place_in(table, *key))
            && let Some(slot) = sorted.get_mut(*place)
        {
            *slot = *value;
            *place = place.wrapping_add(1);
        }
    }
}

fn place_in(table: &Table, key: u64) -> usize {
    usize::try_from(table.place(key)).unwrap_or(usize::MAX)
}

/// Bits of a key that one pass sorts by.
const DIGIT: u32 = 10;
const DIGITS: usize = 1 << DIGIT;

/// Sorts by key, those of one key by place, in which order they must come: digit by digit, of bits in which keys differ.
pub(super) fn sort(keys: &mut Vec<Keyed>, spare: &mut Vec<Keyed>) {
    const FEW: usize = 256;
    let first = keys.first().map_or(0, |(key, _)| *key);
    if keys.len() < FEW {
        keys.sort_unstable();
        return;
    }
    let differing = keys.iter().fold(0, |differing, (key, _)| differing | (key ^ first));
    let mut low = differing.trailing_zeros();
    while low < u64::BITS {
        sort_by_digit(keys, low, spare);
        std::mem::swap(keys, spare);
        low = low.saturating_add(DIGIT);
        let left = differing.checked_shr(low).unwrap_or(0);
        low = low.saturating_add(left.trailing_zeros());
    }
}

fn sort_by_digit(keys: &[Keyed], low: u32, out: &mut Vec<Keyed>) {
    let digit = |key: u64| usize::try_from(key.wrapping_shr(low)).unwrap_or(0) & (DIGITS - 1);
    let mut places = [0_usize; DIGITS];
    for (key, _) in keys {
        if let Some(count) = places.get_mut(digit(*key)) {
            *count = count.wrapping_add(1);
        }
    }
    let mut before = 0_usize;
    for place in &mut places {
        let count = std::mem::replace(place, before);
        before = before.wrapping_add(count);
    }
    out.clear();
    out.resize(keys.len(), (0, 0));
    for keyed in keys {
        if let Some(place) = places.get_mut(digit(keyed.0))
            && let Some(slot) = out.get_mut(*place)
        {
            *slot = *keyed;
            *place = place.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn loans_are_arranged_as_if_sorted(
            terms in prop::collection::vec((0..3_i32, -3..9_i32, 1..70_i32), 0..600), groups in 1..3_i32,
        ) {
            let key = |(group, start, payments): &(i32, i32, i32)| monthly_key(*start, *payments, group % groups);
            let keys: Vec<u64> = terms.iter().map(key).collect();
            let values: Vec<(u64, usize)> = keys.iter().copied().zip(0..).collect();
            let (mut sorted, mut runs) = (vec![(9, 9)], vec![(9, 9)]);
            let table = Table::of(&keys);
            arrange(table.as_ref(), &keys, &values, &mut sorted, &mut runs, (&mut Vec::new(), &mut Vec::new()));
            let mut wanted = values;
            wanted.sort_unstable();
            let same = wanted.chunk_by(|one, next| one.0 & SHARED == next.0 & SHARED);
            let same: Vec<Run> = same.map(|same| (same.first().map_or(0, |(key, _)| key & SHARED), same.len())).collect();
            prop_assert_eq!((sorted, runs), (wanted, same));
        }

        #[test]
        fn digits_sort_as_comparisons(seeds in prop::collection::vec(any::<u64>(), 0..1_000), mask in any::<u64>(), few: bool) {
            let mask = if few { mask & mask.rotate_left(7) & mask.rotate_left(23) } else { mask };
            let keys: Vec<Keyed> = seeds.iter().zip(0..).map(|(seed, place)| (seed & mask, place)).collect();
            let (mut found, mut wanted) = (keys.clone(), keys);
            sort(&mut found, &mut Vec::new());
            wanted.sort_unstable();
            prop_assert_eq!(found, wanted);
        }
    }
}
