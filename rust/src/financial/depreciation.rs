//! SLN, SYD, DB, DDB and VDB as Excel computes them, in closed form: no work grows with the life.
//!
//! The formulas are those of Microsoft's reference pages (<https://support.microsoft.com>, "DB function" and so on).
//! Where the pages are silent, values recorded from Excel decide; each place says which. Where nothing is left to
//! write off (salvage at or above cost) the declining balances charge 0; the linear SLN and SYD go on below 0.
#![forbid(unsafe_code)]

use super::Function;

/// `SLN(cost, salvage, life)`.
pub const SLN: Function<3> = Function {
    arguments: ["cost", "salvage", "life"],
    outside: |[cost, salvage, life]| {
        [cost < 0.0, salvage < 0.0, life <= 0.0 || straight_line(cost, salvage, life).is_infinite()]
    },
    value: |[cost, salvage, life]| Ok(straight_line(cost, salvage, life)),
};

/// `SYD(cost, salvage, life, period)`; broken periods count as they are, as in Excel.
pub const SYD: Function<4> = Function {
    arguments: ["cost", "salvage", "life", "period"],
    outside: |[cost, salvage, life, period]| {
        let infinite = years_digits(cost, salvage, life, period).is_infinite();
        [cost < 0.0, salvage < 0.0, life <= 0.0 || infinite, period <= 0.0 || period > life]
    },
    value: |[cost, salvage, life, period]| Ok(years_digits(cost, salvage, life, period)),
};

/// `DB(cost, salvage, life, period, month)`. A life may end with a broken year after its last whole one, unless the
/// first year was whole ([MS-OI29500] 2.1.924).
pub const DB: Function<5> = Function {
    arguments: ["cost", "salvage", "life", "period", "month"],
    outside: |[cost, salvage, life, period, month]| {
        let too_late = period > life + 1.0 || (period > life && month.trunc() == 12.0);
        [cost < 0.0, salvage < 0.0, life <= 0.0, period <= 0.0 || too_late, !(1.0..13.0).contains(&month)]
    },
    value: |[cost, salvage, life, period, month]| Ok(fixed_declining(cost, salvage, life, period, month.trunc())),
};

/// `DDB(cost, salvage, life, period, factor)`.
pub const DDB: Function<5> = Function {
    arguments: ["cost", "salvage", "life", "period", "factor"],
    outside: |[cost, salvage, life, period, factor]| {
        [cost < 0.0, salvage < 0.0, life <= 0.0, period <= 0.0 || period > life, factor <= 0.0]
    },
    value: |[cost, salvage, life, period, factor]| Ok(double_declining(cost, salvage, factor / life, period)),
};

/// `VDB(cost, salvage, life, start_period, end_period, factor, no_switch)`. Excel has no value for a span that begins
/// with the end of the life, unless it need not ask for the straight line there.
pub const VDB: Function<7> = Function {
    arguments: ["cost", "salvage", "life", "start_period", "end_period", "factor", "no_switch"],
    outside: |[cost, salvage, life, start, end, factor, no_switch]| {
        let nothing_left = start == life && no_switch == 0.0;
        [
            cost < 0.0,
            salvage < 0.0,
            life <= 0.0,
            start < 0.0 || start > life || nothing_left,
            end < start || end > life,
            factor <= 0.0,
            no_switch != 0.0 && no_switch != 1.0 && !no_switch.is_nan(),
        ]
    },
    value: |[cost, salvage, life, start, end, factor, no_switch]| {
        Ok(if salvage >= cost {
            0.0
        } else if no_switch == 0.0 {
            switching(cost, salvage, life, start, end, factor / life)
        } else {
            Declining::new(cost, salvage, factor / life).between(start, end)
        })
    },
};

fn straight_line(cost: f64, salvage: f64, life: f64) -> f64 {
    (cost - salvage) / life
}

/// `(cost - salvage) x (life - period + 1) x 2 / (life x (life + 1))`, in an order that does not overflow on the way.
fn years_digits(cost: f64, salvage: f64, life: f64, period: f64) -> f64 {
    straight_line(cost, salvage, life) * ((life - period + 1.0) * 2.0 / (life + 1.0))
}

/// Excel drops the fractions of `period` and `month`, but a period within the first is the first: recorded from Excel
/// in fsprojects/ExcelFinancialFunctions, testdata/db.test.
fn fixed_declining(cost: f64, salvage: f64, life: f64, period: f64, month: f64) -> f64 {
    if salvage >= cost {
        return 0.0;
    }
    let period = period.trunc().max(1.0);
    let rate = three_decimals(1.0 - (salvage / cost).powf(1.0 / life));
    let first = cost * rate * month / 12.0;
    if period == 1.0 {
        return first;
    }
    let whole = (cost - first) * kept(rate, period - 2.0) * rate;
    if period > life { whole * (12.0 - month) / 12.0 } else { whole }
}

/// ROUND(rate, 3): halves go up, also those that a double misses by its last digits.
fn three_decimals(rate: f64) -> f64 {
    (rate * 1000.0 + 0.5 + 1e-11).floor() / 1000.0
}

/// A period within the first is the first, and later ones have the exponents that they state. So Excel is described by
/// the compatibility notes of ExcelFinancialFunctions (DDB), and so Microsoft's own `Financial.DDB` is written.
fn double_declining(cost: f64, salvage: f64, rate: f64, period: f64) -> f64 {
    let before = cost * kept(rate, period.max(1.0) - 1.0);
    (before * rate).min(before - salvage).max(0.0)
}

/// `(1 - rate) ^ periods`; a rate of one or more leaves nothing.
fn kept(rate: f64, periods: f64) -> f64 {
    let rate = rate.min(1.0);
    // 1 - rate is rounded, and the exponent multiplies that error; for large ones the logarithm does better.
    if periods <= 1024.0 { (1.0 - rate).powf(periods) } else { (periods * (-rate).ln_1p()).exp() }
}

/// `1 - kept(rate, periods)` for whole periods, without cancellation.
fn lost(rate: f64, periods: f64) -> f64 {
    if periods <= 1.0 {
        rate.min(1.0) * periods
    } else if rate * periods > 0.1 {
        1.0 - kept(rate, periods)
    } else {
        -(periods * (-rate).ln_1p()).exp_m1()
    }
}

/// A book value that loses `rate` of itself each period until it has come down to the salvage value.
struct Declining {
    book: f64,
    salvage: f64,
    rate: f64,
    /// How many whole periods are charged at the full rate; the next takes what is left above salvage.
    full: f64,
}

impl Declining {
    /// `book > salvage`.
    fn new(book: f64, salvage: f64, rate: f64) -> Self {
        let full = if rate >= 1.0 {
            0.0
        } else if salvage == 0.0 || rate == 0.0 {
            f64::INFINITY
        } else {
            // The logarithms may be off by a step where the book value meets the salvage value.
            let near = ((salvage / book).ln() / (-rate).ln_1p()).floor().max(0.0);
            let is_full = |periods: f64| book * kept(rate, periods) >= salvage;
            if is_full(near + 1.0) { near + 1.0 } else { near - if is_full(near) { 0.0 } else { 1.0 } }
        };
        Self { book, salvage, rate, full: full.max(0.0) }
    }

    fn book_after(&self, periods: f64) -> f64 {
        self.book * kept(self.rate, periods)
    }

    /// What the period after `n` whole ones is charged.
    fn charge(&self, n: f64) -> f64 {
        if n < self.full {
            self.book_after(n) * self.rate
        } else if n == self.full {
            (self.book_after(n) - self.salvage).max(0.0)
        } else {
            0.0
        }
    }

    /// What the whole periods after `from` are charged, up to `to`.
    fn whole(&self, from: f64, to: f64) -> f64 {
        let at_full_rate = (to.min(self.full) - from).max(0.0);
        let last = if from <= self.full && self.full < to { self.charge(self.full) } else { 0.0 };
        if at_full_rate > 0.0 { self.book_after(from) * lost(self.rate, at_full_rate) + last } else { last }
    }

    /// What is charged from `start` to `end`; a broken period has its share of the whole one.
    fn between(&self, start: f64, end: f64) -> f64 {
        let (first, last) = (start.floor(), end.floor());
        if first == last {
            return (end - start) * self.charge(first);
        }
        let head = if start > first { (first + 1.0 - start) * self.charge(first) } else { 0.0 };
        let tail = if end > last { (end - last) * self.charge(last) } else { 0.0 };
        head + self.whole(start.ceil(), last) + tail
    }

    /// The straight line over what is left of the life.
    fn level(&self, n: f64, life: f64) -> f64 {
        (self.book_after(n) - self.salvage) / (life - n)
    }

    /// After how many whole periods the straight line charges more; a life that ends within a period ends straight.
    ///
    /// The straight line is ahead where `1 - salvage / book(n) - rate x (life - n) > 0`. That is concave in `n`, so it
    /// can only turn positive before its peak, and there it rises: a bisection finds the first such `n`.
    fn switch(&self, life: f64) -> Option<f64> {
        let whole = life.floor();
        let last = whole.min(self.full) - 1.0;
        let ahead = |n: f64| self.level(n, life) > self.charge(n);
        let slope = -(-self.rate).ln_1p();
        let peak = ((self.rate * self.book / (self.salvage * slope)).ln() / slope).floor();
        // NaN where there is no salvage value or no rate: it rises to the end.
        let peak = if peak.is_nan() { last } else { peak.clamp(0.0, last.max(0.0)) };
        let mut found = if last < 0.0 {
            None
        } else if ahead(peak) {
            Some(peak)
        } else if peak < last && ahead(peak + 1.0) {
            return Some(peak + 1.0);
        } else {
            None
        };
        if let Some(mut high) = found {
            let mut low = -1.0_f64;
            while high - low > 1.0 {
                let middle = ((low + high) / 2.0).floor();
                if middle <= low || middle >= high {
                    break; // beyond 2^53 not every whole number is a double
                }
                if ahead(middle) { high = middle } else { low = middle }
            }
            found = Some(high);
        }
        found.or_else(|| (whole <= self.full).then_some(whole))
    }
}

/// Declining balance that goes over to the straight line, from `start` to `end`.
///
/// Excel counts whole periods from the broken part of `start`: an asset bought in the middle of a year has years that
/// begin in the middle, which is how VDB yields the half-year tables of the IRS. Values of Excel:
/// <https://bz.apache.org/ooo/show_bug.cgi?id=109420> (IRS Publication 946, table A-14, 7 years).
fn switching(cost: f64, salvage: f64, life: f64, start: f64, end: f64, rate: f64) -> f64 {
    let base = cost - salvage;
    let (first, broken) = (start.floor(), start - start.floor());
    let head = (broken * (cost * rate).min(base)).max(base * (broken / life));
    let (book, life, end) = (cost - head, life - broken, end - broken);
    if book <= salvage {
        return 0.0;
    }
    let balance = Declining::new(book, salvage, rate);
    let Some(switch) = balance.switch(life) else { return balance.between(first, end) };
    let declining = if first < switch { balance.between(first, end.min(switch)) } else { 0.0 };
    let straight_from = first.max(switch);
    if end > straight_from {
        declining + (balance.book_after(switch) - salvage).max(0.0) * ((end - straight_from) / (life - switch))
    } else {
        declining
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "the value zero and whole numbers of periods are exact")]
    use super::*;
    use proptest::prelude::*;

    fn vdb(cost: f64, salvage: f64, life: f64, start: f64, end: f64, factor: f64) -> f64 {
        (VDB.value)([cost, salvage, life, start, end, factor, 0.0]).unwrap_or(f64::NAN)
    }

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 1e-9 * expected.abs().max(1e-6)
    }

    /// Period by period as the definition says it; `start` is a whole number.
    fn stepped(cost: f64, salvage: f64, life: f64, start: f64, end: f64, factor: f64) -> f64 {
        let (mut book, mut n, mut charged) = (cost, 0.0_f64, 0.0);
        while n < end {
            let declining = (book * factor / life).min(book - salvage);
            let charge = declining.max((book - salvage) / (life - n));
            if n >= start {
                charged += charge * (end - n).min(1.0);
            }
            book -= charge;
            n += 1.0;
        }
        charged
    }

    #[test]
    fn half_years_as_excel_has_them() {
        // Recorded from Excel: https://bz.apache.org/ooo/show_bug.cgi?id=109420; 1.5/7 of 10,000, then of what is left.
        let spans = [0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.0];
        let excel = [1071.43, 1913.27, 1503.28, 1224.89, 1224.89, 1224.89, 1224.89, 612.45];
        for (span, expected) in spans.windows(2).zip(excel) {
            if let [start, end] = span {
                assert!((vdb(10_000.0, 0.0, 7.0, *start, *end, 1.5) - expected).abs() < 0.005);
            }
        }
    }

    #[test]
    fn huge_lives_take_no_time() {
        let whole = vdb(2400.0, 300.0, 1e9, 0.0, 1e9, 2.0);
        assert!(near(whole, 2100.0));
        // 2400 x (1 - 2e-9)^(10^9 - 1) x 2e-9, which is e^-2 to nine places.
        assert!(near(double_declining(2400.0, 0.0, 2e-9, 1e9), 2400.0 * 2e-9 * (-2.0_f64).exp()));
        assert!(vdb(2400.0, 300.0, 1e300, 1e299, 1e300, 2.0) > 0.0);
        assert!(vdb(2400.0, 300.0, 1e-300, 0.0, 1e-300, 2.0) > 0.0);
    }

    proptest! {
        #[test]
        fn closed_form_is_the_definition(
            cost in 1.0..1e6_f64, share in 0.0..0.999_f64, life in 0.3..200.0_f64, from in 0.0..1.0_f64,
            to in 0.0..=1.0_f64, factor in 0.05..6.0_f64,
        ) {
            let start = (from * life * 0.99).floor();
            let end = start + (life - start) * to;
            let expected = stepped(cost, cost * share, life, start, end, factor);
            let found = vdb(cost, cost * share, life, start, end, factor);
            prop_assert!((found - expected).abs() <= 1e-9 * expected.abs() + 1e-11 * cost, "{found} {expected}");
        }

        #[test]
        fn nothing_is_ever_missing_or_charged_twice(
            cost in 0.0..1e12_f64, salvage in 0.0..1e12_f64, life in 1e-3..1e12_f64, from in 0.0..0.999_f64,
            factor in 1e-6..1e6_f64,
        ) {
            let start = from * life;
            let (before, after) = (vdb(cost, salvage, life, 0.0, start, factor), vdb(cost, salvage, life, start, life, factor));
            prop_assert!(before >= 0.0 && after >= 0.0 && before.is_finite() && after.is_finite());
            if start == start.floor() {
                prop_assert!(near(before + after, (cost - salvage).max(0.0)));
            }
            prop_assert!(near(vdb(cost, salvage, life, 0.0, life, factor), (cost - salvage).max(0.0)));
        }
    }
}
