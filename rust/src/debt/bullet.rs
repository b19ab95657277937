//! Bullet: interest only, and the whole loan at the end.
#![forbid(unsafe_code)]

use super::Amount;

/// Nothing before the last payment.
pub fn principal<A: Amount>() -> A {
    A::zero()
}
