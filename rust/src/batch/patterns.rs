//! The charges of every remainder, and their sums by group and month.
#![forbid(unsafe_code)]

use super::pool::filled;
use crate::error::Error;
use crate::money::{nearest_integer, small_quotient_half_even};

/// Bytes are added eight at a time as one word, none ever overflows into its neighbour; two words make a vector.
const LANES: usize = 16;

/// A table of charges, one row for each remainder, and running sums of its rows.
pub(super) struct Patterns {
    table: Vec<u8>,
    row_len: usize,
    /// For each group a row of months: sums in bytes, how often they were added to, and what was emptied out of them
    /// (taken long before 2^30 rows of at most 4 would fill it).
    sums: Vec<u8>,
    added: Vec<u8>,
    /// How often may be added before a byte could overflow.
    room: u8,
    emptied: Vec<u32>,
    width: usize,
}

impl Patterns {
    /// For remainders below `modulus` of an amount spread over `total` units, of which `units` have passed at the end of
    /// each month; sums for `groups` groups and cohorts of `months` months.
    pub fn new(units: &[usize], total: usize, modulus: usize, groups: usize, months: usize) -> Result<Self, Error> {
        let row_len = units.len().next_multiple_of(LANES);
        let width = months.saturating_add(row_len);
        let mut table = Vec::new();
        for remainder in 0..modulus {
            let mut before = 0;
            for units in units {
                let product = small_float(remainder.saturating_mul(*units));
                let (_, balance) = nearest_integer(small_quotient_half_even(product, small_float(total)));
                table.push(u8::try_from(balance.saturating_sub(before)).unwrap_or(0));
                before = balance;
            }
            table.resize(table.len().next_multiple_of(row_len), 0);
        }
        let cells = groups.saturating_mul(width);
        let largest = table.iter().copied().max().unwrap_or(1).max(1);
        Ok(Self {
            room: u8::MAX.checked_div(largest).unwrap_or(1),
            table,
            row_len,
            sums: filled(cells, 0)?,
            added: filled(groups, 0)?,
            emptied: filled(cells, 0)?,
            width,
        })
    }

    /// Adds the charges of `remainder` for an asset of `group` that belongs to the cohort of month `at`.
    #[inline]
    pub fn add(&mut self, group: usize, at: usize, remainder: usize) {
        let from = remainder.wrapping_mul(self.row_len);
        let Some(charges) = self.table.get(from..from.wrapping_add(self.row_len)) else { return };
        let to = group.wrapping_mul(self.width).wrapping_add(at);
        let Some(sums) = self.sums.get_mut(to..to.wrapping_add(self.row_len)) else { return };
        let (sums, _) = sums.as_chunks_mut::<LANES>();
        let (charges, _) = charges.as_chunks::<LANES>();
        for (sums, charges) in sums.iter_mut().zip(charges) {
            let (sums, _) = sums.as_chunks_mut::<8>();
            let (charges, _) = charges.as_chunks::<8>();
            for (sum, charge) in sums.iter_mut().zip(charges) {
                *sum = u64::from_ne_bytes(*sum).wrapping_add(u64::from_ne_bytes(*charge)).to_ne_bytes();
            }
        }
        let Some(added) = self.added.get_mut(group) else { return };
        *added = added.wrapping_add(1);
        if *added >= self.room {
            self.empty(group);
        }
    }

    fn empty(&mut self, group: usize) {
        let start = group.saturating_mul(self.width);
        let range = start..start.saturating_add(self.width);
        let (Some(sums), Some(emptied)) = (self.sums.get_mut(range.clone()), self.emptied.get_mut(range)) else {
            return;
        };
        for (wide, sum) in emptied.iter_mut().zip(sums.iter()) {
            *wide = wide.wrapping_add(u32::from(*sum));
        }
        sums.fill(0);
        if let Some(added) = self.added.get_mut(group) {
            *added = 0;
        }
    }

    /// The sums of a group by month since the first cohort, leaving zeros.
    pub fn take(&mut self, group: usize) -> impl Iterator<Item = i64> {
        self.empty(group);
        let start = group.saturating_mul(self.width);
        let row = self.emptied.get_mut(start..start.saturating_add(self.width)).unwrap_or_default();
        row.iter_mut().map(|sum| i64::from(std::mem::take(sum)))
    }
}

/// Products of remainders and units: far below 2^32.
pub(super) fn small_float(value: usize) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn sums_outlive_their_bytes() {
        // 5 over 3 months of a life of 3: balances 1 2/3 -> 2, 3 1/3 -> 3, 5.
        let mut patterns = Patterns::new(&[1, 2, 3], 3, 6, 2, 4).unwrap();
        for _ in 0..1_000 {
            patterns.add(1, 2, 5);
        }
        let sums: Vec<i64> = patterns.take(1).collect();
        assert_eq!(sums.get(..7), Some([0, 0, 2_000, 1_000, 2_000, 0, 0].as_slice()));
        assert!(patterns.take(1).all(|sum| sum == 0));
        assert!(patterns.take(0).all(|sum| sum == 0));
    }
}
