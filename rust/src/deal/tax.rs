//! Income tax with losses carried forward, accrued over the tax year.
//!
//! The tax of a year to date is the rate times the income to date, less losses of earlier years as far as they may be
//! used; a month is charged the difference of two such amounts, so the months of a year sum to the tax of the year. A
//! loss to date takes back what the year was charged before. Losses may offset a share of the income of a year only: 80 %
//! in the United States (Internal Revenue Code 172(a)(2)), half of what exceeds a million pounds in Britain, all in
//! many countries.
#![forbid(unsafe_code)]

use super::{Fault, minus, plus};
use crate::rate::Rate;

/// What a tax is.
#[derive(Clone, Copy, Debug)]
pub struct TaxTerms {
    /// Of taxable income.
    pub rate: Rate,
    /// The share of a year's income that losses carried forward may offset.
    pub loss_limit: Rate,
}

/// A tax year so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaxYear {
    /// Losses of earlier years at the start of the year.
    losses: i64,
    /// Income of the year to date.
    income: i64,
    /// Tax of the year to date.
    charged: i64,
}

/// A month of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaxMonth {
    /// The tax charged for the month; negative where income to date has fallen.
    pub charge: i64,
    /// Losses that may still be used, with that of the year to date.
    pub losses: i64,
}

impl TaxYear {
    /// A year that begins with losses of earlier ones.
    #[must_use]
    pub fn starting(losses: i64) -> Self {
        Self { losses, ..Self::default() }
    }

    /// Adds a month's taxable income; `first` says that the month begins a tax year.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    pub fn add(&mut self, terms: TaxTerms, income: i64, first: bool) -> Result<TaxMonth, Fault> {
        if first {
            *self = Self::starting(self.losses_left(terms)?);
        }
        self.income = plus(self.income, income)?;
        let taxable = minus(self.income.max(0), self.used(terms))?;
        let tax = terms.rate.of(taxable);
        let charge = minus(tax, self.charged)?;
        self.charged = tax;
        Ok(TaxMonth { charge, losses: self.losses_left(terms)? })
    }

    /// The losses of earlier years that the income to date uses up.
    fn used(&self, terms: TaxTerms) -> i64 {
        terms.loss_limit.of(self.income.max(0)).min(self.losses)
    }

    fn losses_left(&self, terms: TaxTerms) -> Result<i64, Fault> {
        let own = minus(0, self.income.min(0))?;
        plus(minus(self.losses, self.used(terms))?, own)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn terms(rate: f64, limit: f64) -> TaxTerms {
        TaxTerms { rate: Rate::new(rate).unwrap(), loss_limit: Rate::new(limit).unwrap() }
    }

    #[test]
    fn a_loss_is_used_up_to_its_limit() {
        let terms = terms(0.21, 0.8);
        let mut year = TaxYear::starting(0);
        assert_eq!(year.add(terms, -1_000, true), Ok(TaxMonth { charge: 0, losses: 1_000 }));
        // 21 % of 600 x 20 %, with 480 of the losses used.
        assert_eq!(year.add(terms, 600, true), Ok(TaxMonth { charge: 25, losses: 520 }));
        // To date 1,200, of which 960 are offset: 21 % of 240 is 50.4.
        assert_eq!(year.add(terms, 600, false), Ok(TaxMonth { charge: 50 - 25, losses: 40 }));
        // A loss of the year takes its tax back and is carried forward with those of before.
        assert_eq!(year.add(terms, -1_500, false), Ok(TaxMonth { charge: -50, losses: 1_300 }));
    }

    proptest! {
        #[test]
        fn months_sum_to_the_year_and_losses_are_neither_made_nor_lost(
            incomes in prop::collection::vec(-1_000_000_i64..1_000_000, 1..40), rate in 0_u32..=100, limit in 0_u32..=100,
            opening in 0_i64..2_000_000,
        ) {
            let terms = terms(f64::from(rate) / 100.0, f64::from(limit) / 100.0);
            let mut year = TaxYear::starting(opening);
            let mut losses = opening;
            for incomes in incomes.chunks(12) {
                let (mut charged, mut left) = (0, losses);
                for (at, income) in incomes.iter().enumerate() {
                    let month = year.add(terms, *income, at == 0).unwrap();
                    charged += month.charge;
                    left = month.losses;
                }
                let income: i64 = incomes.iter().sum();
                let used = losses + (-income).max(0) - left;
                prop_assert!(0 <= used && used <= terms.loss_limit.of(income.max(0)));
                prop_assert_eq!(charged, terms.rate.of(income.max(0) - used));
                losses = left;
            }
        }
    }
}
