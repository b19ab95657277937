//! Repayment profiles: how much principal is due at a payment. Each has a file of its own.
#![forbid(unsafe_code)]

use super::{Amount, Fault, bullet, custom, level_payment, level_principal, percent_schedule, sculpted};

/// How a loan is repaid. What is left at the last payment is due with it, whatever the profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Profile<'a, A: Amount> {
    /// One amount for interest and principal together.
    LevelPayment,
    /// One amount of principal, interest on top.
    LevelPrincipal,
    /// All at the last payment.
    Bullet,
    /// By the share of what was drawn that is to be repaid through each payment, in 10^-12, from the first on.
    PercentSchedule(&'a [i64]),
    /// By the principal of each payment, from the first on.
    Custom(&'a [A]),
    /// By what each payment may take of a cash flow, interest and principal together, from the first on.
    Sculpted(&'a [A]),
}

/// The profiles by name; some take a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileKind {
    /// [`Profile::LevelPayment`].
    LevelPayment,
    /// [`Profile::LevelPrincipal`].
    LevelPrincipal,
    /// [`Profile::Bullet`].
    Bullet,
    /// [`Profile::PercentSchedule`].
    PercentSchedule,
    /// [`Profile::Custom`].
    Custom,
    /// [`Profile::Sculpted`].
    Sculpted,
    /// [`Profile::Bullet`] under a borrowing base, which others may have too.
    BorrowingBase,
}

impl ProfileKind {
    /// Every profile, by its public name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("level_payment", Self::LevelPayment),
        ("level_principal", Self::LevelPrincipal),
        ("bullet", Self::Bullet),
        ("percent_schedule", Self::PercentSchedule),
        ("custom", Self::Custom),
        ("sculpted", Self::Sculpted),
        ("borrowing_base", Self::BorrowingBase),
    ];

    /// Reads a public name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind)
    }

    /// Whether the principal of each payment comes from a schedule.
    #[must_use]
    pub fn is_scheduled(self) -> bool {
        matches!(self, Self::PercentSchedule | Self::Custom)
    }
}

/// What a profile may know when a payment is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due<A: Amount> {
    /// The number of the payment, from 1.
    pub number: usize,
    /// What is owed before it.
    pub balance: A,
    /// The interest due with it.
    pub interest: A,
    /// What shares are of: all that was lent, or what was owed when later payments became smaller.
    pub basis: A,
    /// How many payments came before that.
    pub since: usize,
    /// Whether more was repaid than agreed: the last payments are smaller or fall away.
    pub ahead: bool,
    /// The level amount in force.
    pub payment: A,
    /// Whether that amount was agreed rather than worked out.
    pub agreed: bool,
}

impl<A: Amount> Profile<'_, A> {
    /// The principal due, before the last payment. Negative where an agreed payment does not cover the interest.
    ///
    /// # Errors
    /// [`Fault::Overflow`], [`Fault::BeyondBalance`].
    #[inline]
    pub fn principal(&self, due: &Due<A>) -> Result<A, Fault> {
        match self {
            Self::LevelPayment => level_payment::principal(due),
            Self::LevelPrincipal => Ok(level_principal::principal(due)),
            Self::Bullet => Ok(bullet::principal()),
            Self::PercentSchedule(shares) => percent_schedule::principal(due, shares),
            Self::Custom(amounts) => custom::principal(due, amounts),
            Self::Sculpted(amounts) => sculpted::principal(due, amounts),
        }
    }
}
