//! Sums of charges that are the same month after month but for a minor unit here and there.
//!
//! What an asset charges in every month is added as two differences, where it begins and where it ends, whatever lies
//! between; its odd minor units are added as bytes, eight months at a time.
#![forbid(unsafe_code)]

use super::flows::Sum;
use super::pool::filled;
use crate::error::Error;

/// Months whose odd minor units are added at a time: bytes of a word, none of which overflows into its neighbour.
pub const WORD: usize = 8;

/// Sums of a plane by row and slot.
#[derive(Clone, Default)]
pub struct Levels<T> {
    slots: usize,
    /// By how much each slot is above the one before it: for each row one more than it has slots.
    rises: Vec<T>,
    /// The odd minor units of each row's slots, and room for the rest of a word.
    odd: Vec<u8>,
    /// How often was added to them.
    added: Vec<u8>,
}

/// How the charges of one asset go on: an amount in each month, and a minor unit more in some.
#[derive(Clone, Copy)]
pub struct Level<'a, T> {
    /// What each month is charged.
    pub amount: T,
    /// 1 where a month is charged a minor unit more, 0 elsewhere, by month, and as many bytes more as fill a word.
    pub odd: &'a [u8],
    /// How many months there are.
    pub months: usize,
}

impl<T: Sum> Levels<T> {
    /// Bytes for so many rows.
    #[must_use]
    pub fn bytes(rows: usize, slots: usize) -> usize {
        let each = slots.saturating_add(1).saturating_mul(size_of::<T>());
        rows.saturating_mul(each.saturating_add(odd_len(slots)).saturating_add(1))
    }

    /// All zero.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(rows: usize, slots: usize) -> Result<Self, Error> {
        Ok(Self {
            slots,
            rises: filled(rows.saturating_mul(slots.saturating_add(1)), T::default())?,
            odd: filled(rows.saturating_mul(odd_len(slots)), 0)?,
            added: filled(rows, 0)?,
        })
    }

    /// Whether it has room for nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots == 0
    }

    /// Adds to a row from the slot `from` on; `sums` is the row into which the odd minor units go when they are many.
    #[inline]
    pub fn add(&mut self, row: usize, from: usize, level: &Level<'_, T>, sums: &mut [T]) {
        let start = row.wrapping_mul(self.slots.wrapping_add(1)).wrapping_add(from);
        if let Some([first, .., after]) = self.rises.get_mut(start..=start.wrapping_add(level.months)) {
            *first = first.sum(level.amount);
            *after = after.less(level.amount);
        }
        let start = row.wrapping_mul(odd_len(self.slots)).wrapping_add(from);
        let (bytes, _) = self.odd.get_mut(start..).unwrap_or_default().as_chunks_mut::<WORD>();
        let (words, _) = level.odd.as_chunks::<WORD>();
        let (whole, rest) = (level.months.wrapping_shr(3), level.months & (WORD - 1));
        let add = |sum: &mut [u8; WORD], word: u64| {
            *sum = u64::from_le_bytes(*sum).wrapping_add(word).to_le_bytes();
        };
        for (sum, word) in bytes.iter_mut().zip(words).take(whole) {
            add(sum, u64::from_le_bytes(*word));
        }
        if rest > 0
            && let (Some(sum), Some(word)) = (bytes.get_mut(whole), words.get(whole))
        {
            let bits = u32::try_from(rest).unwrap_or(0).wrapping_mul(8);
            add(sum, u64::from_le_bytes(*word) & !u64::MAX.wrapping_shl(bits));
        }
        if let Some(added) = self.added.get_mut(row) {
            *added = added.wrapping_add(1);
            if *added == u8::MAX {
                self.empty(row, sums);
            }
        }
    }

    /// Moves the odd minor units of a row into its sums.
    fn empty(&mut self, row: usize, sums: &mut [T]) {
        let start = row.wrapping_mul(odd_len(self.slots));
        let odd = self.odd.get_mut(start..start.wrapping_add(self.slots)).unwrap_or_default();
        for (sum, odd) in sums.iter_mut().zip(odd) {
            *sum = sum.sum(T::of_byte(std::mem::take(odd)));
        }
        if let Some(added) = self.added.get_mut(row) {
            *added = 0;
        }
    }

    /// Moves all into the sums of a plane, whose rows follow each other.
    pub fn settle(&mut self, plane: &mut [T]) {
        if self.is_empty() {
            return;
        }
        for (row, sums) in plane.chunks_mut(self.slots).enumerate() {
            self.empty(row, sums);
            let start = row.wrapping_mul(self.slots.wrapping_add(1));
            let rises = self.rises.get_mut(start..=start.wrapping_add(self.slots)).unwrap_or_default();
            let mut level = T::default();
            for (rise, sum) in rises.iter_mut().zip(sums) {
                level = level.sum(std::mem::take(rise));
                *sum = sum.sum(level);
            }
            // What ends with the last slot falls after it.
            if let Some(last) = rises.last_mut() {
                *last = T::default();
            }
        }
    }
}

/// Bytes of a row: a word may begin in its last slot.
const fn odd_len(slots: usize) -> usize {
    slots.saturating_add(WORD)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against adding month by month, with a settlement now and then.
        #[test]
        fn levels_are_sums_month_by_month(
            slots in 1_usize..40, amount in -1_000_i64..1_000, ones in any::<u64>(),
            adds in prop::collection::vec((0_usize..2, 0_usize..40, 0_usize..40, 1_usize..200), 1..30),
        ) {
            let mut levels = Levels::<i64>::new(2, slots).unwrap();
            let (mut got, mut want) = (vec![0; 2 * slots], vec![0; 2 * slots]);
            let odd: Vec<u8> = (0..64).map(|bit| u8::try_from(ones >> bit & 1).unwrap()).collect();
            for (row, from, months, times) in adds {
                let from = from.min(slots - 1);
                let level = Level { amount, odd: &odd, months: months.clamp(1, slots - from) };
                for _ in 0..times {
                    levels.add(row, from, &level, &mut got[row * slots..(row + 1) * slots]);
                    for month in 0..level.months {
                        want[row * slots + from + month] += amount + i64::from(odd[month]);
                    }
                }
                if times % 3 == 0 {
                    levels.settle(&mut got);
                    prop_assert_eq!(&got, &want);
                }
            }
            levels.settle(&mut got);
            prop_assert_eq!(&got, &want);
            levels.settle(&mut got);
            prop_assert_eq!(got, want);
        }
    }
}
