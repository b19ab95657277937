//! Natural numbers of any size, only as far as near ties need them: multiplied by a word, and compared.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

/// A natural number, its lowest 64 bits first; no leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Natural {
    words: Vec<u64>,
}

impl Natural {
    /// One.
    #[must_use]
    pub fn one() -> Self {
        Self { words: vec![1] }
    }

    /// Multiplies by a word.
    pub fn multiply(&mut self, factor: u64) {
        let mut carry = 0_u128;
        for word in &mut self.words {
            // Below 2^128: (2^64 - 1)^2 + 2^64 - 1.
            let product = u128::from(*word).wrapping_mul(u128::from(factor)).wrapping_add(carry);
            #[expect(clippy::cast_possible_truncation, reason = "the low word is meant")]
            let low = product as u64;
            *word = low;
            carry = product >> 64;
        }
        if let Ok(high @ 1..) = u64::try_from(carry) {
            self.words.push(high);
        }
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> Ordering {
        self.words.len().cmp(&other.words.len()).then_with(|| self.words.iter().rev().cmp(other.words.iter().rev()))
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_compare_as_integers(a in any::<[u32; 3]>(), b in any::<[u32; 3]>(), same: bool) {
            let b = if same { [a[1], a[2], a[0]] } else { b };
            let natural = |parts: [u32; 3]| {
                let mut product = Natural::one();
                parts.iter().for_each(|part| product.multiply(u64::from(*part)));
                product
            };
            let wide = |parts: [u32; 3]| parts.iter().fold(1_u128, |product, part| product.wrapping_mul(u128::from(*part)));
            prop_assert_eq!(natural(a).cmp(&natural(b)), wide(a).cmp(&wide(b)));
            let huge = |parts: [u32; 3]| {
                let mut product = natural(parts);
                (0..5).for_each(|_| product.multiply(u64::MAX));
                product
            };
            prop_assert_eq!(huge(a).cmp(&huge(b)), wide(a).cmp(&wide(b)));
        }
    }
}
