//! Rates as roots: where what comes in and what goes out are worth the same.
//!
//! With `u = ln(1 + rate)` the worth of dated flows is `f(u) = sum a e^(-u t)`, finite for every rate above -100 %. By
//! Descartes' rule as Laguerre extended it, `f` has at most as many roots as its flows change sign, and at most as many
//! above `u0` as the partial sums of `a e^(-u0 t)` do (G. J. O. Jameson, "Counting zeros of generalised polynomials", The
//! Mathematical Gazette 90, 2006). Norstrom's criterion is the latter at a rate of 0.
//!
//! One change of sign, the usual case, has exactly one root: [`descend`] finds it by Halley's steps inside a bracket.
//! Otherwise [`isolate`] halves until each stretch of `u` is decided: it has no root where `f` keeps its sign, and at
//! most one where `f'` does. Two bounds say so. What comes in and what goes out both fall as `u` rises, so their values
//! at the ends bound `f` inside. And `f` and its derivatives at the lower end give a polynomial that is off by no more
//! than the third derivative of all flows taken positive, which is largest there.
//! Only positive `u` are searched; a negative rate is a positive one with time running backwards.
#![forbid(unsafe_code)]

mod flows;
mod lanes;
mod start;

pub use flows::{Answer, Flows, Trouble};
pub use lanes::{Kernel, ORDERS, PLAIN_ORDERS, Survey, moments, plain_moments, survey, years_of_365_days};

use crate::batch::Poll;
use crate::error::Error;

/// `ln` of the largest growth that is a double.
pub const TOP: f64 = 709.78;
/// `-ln` of the smallest growth whose rate is not -1 as a double.
pub const BOTTOM: f64 = 36.73;

/// A sum of discounted flows and its derivatives, all times one positive factor.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// `f(u)`.
    pub value: f64,
    /// `f'(u)`.
    pub slope: f64,
    /// `f''(u)`, or 0 where it is not known.
    pub bend: f64,
    /// The third to fifth derivative, or 0 where they are not known.
    pub further: [f64; 3],
}

impl Look {
    fn of([value, slope, bend, third, fourth, fifth]: [f64; ORDERS]) -> Self {
        Self { value, slope, bend, further: [third, fourth, fifth] }
    }

    /// Halley's step to where the sum is 0.
    fn halley(self) -> f64 {
        let Self { value, slope, bend, .. } = self;
        -2.0 * value * slope / (2.0 * slope * slope - value * bend)
    }

    /// The same sum a step further by Taylor's series, with two derivatives.
    fn further_by(self, step: f64) -> Self {
        let Self { value, slope, bend, further: [third, fourth, fifth] } = self;
        let x = step;
        Self {
            value: value
                + x * (slope + x * (bend / 2.0 + x * (third / 6.0 + x * (fourth / 24.0 + x * (fifth / 120.0))))),
            slope: slope + x * (bend + x * (third / 2.0 + x * (fourth / 6.0 + x * (fifth / 24.0)))),
            bend: bend + x * (third + x * (fourth / 2.0 + x * (fifth / 6.0))),
            further: [0.0; 3],
        }
    }
}

/// What comes in and what goes out, discounted.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    /// What comes in.
    pub plus: f64,
    /// What goes out, as a positive number.
    pub minus: f64,
    /// `f'(u)`.
    pub slope: f64,
    /// `f''(u)`.
    pub bend: f64,
    /// As much as the third derivative has anywhere from here on, or more.
    pub third: f64,
    /// `f(u)`: the last partial sum.
    pub value: f64,
    /// At most so many roots lie above: how often the partial sums change sign, where that is known.
    pub above: Option<usize>,
    /// Amounts are the ones here times `e` to this.
    pub log_scale: f64,
}

impl Sides {
    /// Whether `f` has one sign from here to `width` on.
    fn keeps_its_sign(self, width: f64) -> bool {
        let noise = 1e-13 * (self.plus + self.minus);
        let sign = self.value.signum();
        let least =
            self.value.abs() + (sign * self.slope).min(0.0) * width + (sign * self.bend).min(0.0) * width * width / 2.0
                - self.third * width * width * width / 6.0;
        least > noise
    }

    /// Whether `f'` has.
    fn goes_one_way(self, width: f64) -> bool {
        let sign = self.slope.signum();
        let least = self.slope.abs() + (sign * self.bend).min(0.0) * width - self.third * width * width / 2.0;
        least > 1e-13 * self.slope.abs()
    }
}

/// Flows as seen from the first of them; `u` is never negative.
pub trait Discounted {
    /// The sum and how it changes.
    fn look(&self, u: f64) -> Look;
    /// Its parts.
    fn sides(&self, u: f64) -> Sides;
    /// From the first flow to the last.
    fn span(&self) -> f64;
}

/// Where a search without a root came nearest to one: `ln(1 + rate)`, and the sum as a share of what flows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// The log rate.
    pub at: f64,
    /// `f / (plus + minus)`.
    pub share: f64,
}

impl Nearest {
    /// Nothing seen.
    pub const NONE: Self = Self { at: f64::NAN, share: f64::INFINITY };

    fn see(&mut self, at: f64, sides: Sides) {
        let share = sides.value / (sides.plus + sides.minus);
        if share.abs() < self.share.abs() {
            *self = Self { at, share };
        }
    }
}

/// How steps end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sureness {
    /// One change of sign: the sum times `e^(u pivot)` falls or rises all the way, for a pivot between the flows of either
    /// sign. [`Discounted::look`] gives that and five derivatives.
    OneChange,
    /// A root among others: until the last digits stand still.
    Isolated,
}

/// The root between `low` and `high`, above which the sum is positive if `above`.
///
/// The bracket shrinks with each step, and a step that leaves it halves it instead, so this ends.
pub fn descend(
    sum: &impl Discounted,
    (mut low, mut high): (f64, f64),
    start: f64,
    above: bool,
    sureness: Sureness,
) -> f64 {
    let span = sum.span();
    let mut u = if start > low && start < high { start } else { middle(low, high) };
    for step_number in 0..200_u32 {
        let look = sum.look(u);
        let Look { value, slope, .. } = look;
        if value == 0.0 {
            return u;
        }
        if (value > 0.0) == above {
            high = u
        } else {
            low = u
        }
        let halley = look.halley();
        let inside = |next: f64| next > low && next < high;
        let slow = step_number > 8 && step_number % 2 == 0;
        if sureness == Sureness::OneChange && halley.abs() * span <= NEAR && !slow {
            let step = halley + look.further_by(halley).halley();
            let is_still = step.abs() <= f64::EPSILON * u.abs();
            if step.abs() * span <= SMALL && (inside(u + step) || is_still) {
                return u + step;
            }
            if inside(u + step) {
                u += step;
                continue;
            }
        }
        let next = if inside(u + halley) && !slow {
            u + halley
        } else if inside(u - value / slope) && !slow {
            u - value / slope
        } else {
            middle(low, high)
        };
        if (next - u).abs() <= f64::EPSILON * u.abs() || high - low <= f64::EPSILON * high.abs() {
            return next;
        }
        u = next;
    }
    u
}

/// Times the span of the flows: a step of Taylor's series to the fifth derivative that ends a search. `|t - pivot|` is at
/// most the span, and all flows change `f e^(u pivot)` the same way; so of this step the series leaves out at most its
/// sixth power / 720, which is 6e-17.
const SMALL: f64 = 6e-3;
/// The same, of a step of Halley's that the series may better.
const NEAR: f64 = 0.5;

/// Half way, in the logarithm where the ends are far apart.
fn middle(low: f64, high: f64) -> f64 {
    if low < 0.0 || high <= 4.0 * low {
        low + (high - low) / 2.0
    } else if low == 0.0 {
        high / 16.0
    } else {
        (low * high).sqrt()
    }
}

/// Adds to `roots` all those above 0 and up to `top`, in no order.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn isolate(
    sum: &impl Discounted,
    top: f64,
    roots: &mut Vec<f64>,
    nearest: &mut Nearest,
    poll: Poll<'_>,
) -> Result<(), Error> {
    let mut node = |u: f64| {
        let sides = sum.sides(u);
        nearest.see(u, sides);
        (u, sides)
    };
    let mut open = vec![(node(0.0), node(top))];
    while let Some((low, high)) = open.pop() {
        if poll() {
            return Err(Error::Interrupted);
        }
        let width = high.0 - low.0;
        if low.1.above == Some(0) || one_outweighs(low.1, high.1) || low.1.keeps_its_sign(width) {
            continue;
        }
        let differ = low.1.value * high.1.value < 0.0;
        if low.1.goes_one_way(width) || (differ && low.1.above == Some(1)) {
            if high.1.value == 0.0 {
                roots.push(high.0);
            } else if differ {
                let start = middle(low.0, high.0);
                roots.push(descend(sum, (low.0, high.0), start, high.1.value > 0.0, Sureness::Isolated));
            }
            continue;
        }
        let half = middle(low.0, high.0);
        let is_point = (high.0 - low.0) * sum.span() <= 1e-13 || high.0 - low.0 <= 4.0 * f64::EPSILON * high.0;
        if is_point || half <= low.0 || half >= high.0 {
            // Two roots in one place touch 0 without crossing it.
            let touches = high.1.value.abs() <= 64.0 * f64::EPSILON * (high.1.plus + high.1.minus);
            if low.1.value * high.1.value < 0.0 || touches {
                roots.push(half);
            }
            continue;
        }
        let half = node(half);
        open.push((low, half));
        open.push((half, high));
    }
    Ok(())
}

/// Both sides fall with `u`: where the one's least is above the other's most, there is no root between.
fn one_outweighs(low: Sides, high: Sides) -> bool {
    const MARGIN: f64 = 1.0 + 1e-13; // more than rounding can do
    let factor = (high.log_scale - low.log_scale).exp();
    high.plus * factor > low.minus * MARGIN || high.minus * factor > low.plus * MARGIN
}

/// All log rates, ascending; `forward` and `backward` are the same flows with time running either way.
///
/// # Errors
/// [`Error::Interrupted`].
pub fn all_log_rates<S: Discounted>(
    forward: &S,
    backward: &S,
    nearest: &mut Nearest,
    poll: Poll<'_>,
) -> Result<Vec<f64>, Error> {
    let mut roots = Vec::new();
    let mut backwards = *nearest;
    isolate(backward, BOTTOM, &mut roots, &mut backwards, poll)?;
    roots.iter_mut().for_each(|root| *root = -*root);
    if backwards.share.abs() < nearest.share.abs() {
        *nearest = Nearest { at: -backwards.at, ..backwards };
    }
    let now = forward.sides(0.0);
    if now.value.abs() <= 4.0 * f64::EPSILON * (now.plus + now.minus) {
        roots.push(0.0);
    }
    isolate(forward, TOP, &mut roots, nearest, poll)?;
    roots.sort_by(f64::total_cmp);
    // Roots that float64 cannot tell apart are one.
    let apart = 1e-7 / forward.span().max(f64::MIN_POSITIVE);
    roots.dedup_by(|next, kept| (*next - *kept).abs() <= apart.min(1e-7));
    Ok(roots)
}
