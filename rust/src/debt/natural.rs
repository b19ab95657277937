//! Whole numbers of any length, only as far as near ties need them.
#![forbid(unsafe_code)]

use std::cmp::Ordering;

/// A whole number of any length, its least digit (of 64 bits) first and its greatest not 0.
#[derive(Clone, Debug)]
pub(super) struct Natural {
    pub(super) digits: Vec<u64>,
}

impl Natural {
    pub fn of(value: u128) -> Self {
        let mut found = Self { digits: vec![low(value), high(value)] };
        found.trim();
        found
    }

    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn trim(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
    }

    pub fn multiply(&mut self, factor: u128) {
        let upper = (high(factor) != 0).then(|| {
            let mut upper = self.clone();
            upper.multiply_digit(high(factor));
            upper.digits.insert(0, 0);
            upper
        });
        self.multiply_digit(low(factor));
        if let Some(upper) = upper {
            self.add(&upper);
        }
        self.trim();
    }

    fn multiply_digit(&mut self, factor: u64) {
        let mut carry = 0;
        for digit in &mut self.digits {
            // At most (2^64 - 1)^2 + 2^64 - 1 < 2^128.
            let product = u128::from(*digit).wrapping_mul(factor.into()).wrapping_add(carry);
            *digit = low(product);
            carry = high(product).into();
        }
        self.digits.push(low(carry));
        self.trim();
    }

    pub fn add(&mut self, other: &Self) {
        if self.digits.len() < other.digits.len() {
            self.digits.resize(other.digits.len(), 0);
        }
        let mut carry = false;
        let others = other.digits.iter().copied().chain(std::iter::repeat(0));
        for (digit, theirs) in self.digits.iter_mut().zip(others) {
            let (sum, over) = digit.overflowing_add(theirs);
            let (sum, over_again) = sum.overflowing_add(carry.into());
            (*digit, carry) = (sum, over | over_again);
        }
        if carry {
            self.digits.push(1);
        }
    }

    /// Adds; what would be negative becomes 0.
    pub fn add_signed(&mut self, value: i128) {
        let other = Self::of(value.unsigned_abs());
        if value >= 0 {
            return self.add(&other);
        }
        if self.compare(&other) == Ordering::Less {
            return self.digits.clear();
        }
        let mut borrow = false;
        let others = other.digits.into_iter().chain(std::iter::repeat(0));
        for (digit, theirs) in self.digits.iter_mut().zip(others) {
            let (rest, under) = digit.overflowing_sub(theirs);
            let (rest, under_again) = rest.overflowing_sub(borrow.into());
            (*digit, borrow) = (rest, under | under_again);
        }
        self.trim();
    }

    pub fn compare(&self, other: &Self) -> Ordering {
        let lengths = self.digits.len().cmp(&other.digits.len());
        lengths.then_with(|| self.digits.iter().rev().cmp(other.digits.iter().rev()))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a number")]
fn low(value: u128) -> u64 {
    value as u64
}

fn high(value: u128) -> u64 {
    (value >> 64) as u64
}
