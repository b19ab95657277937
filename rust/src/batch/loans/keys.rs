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
