//! The loops over a block of scenarios: sums over windows, then each test, tile of scenarios by tile.
//!
//! Amounts are whole minor units held in doubles, so that sums over windows are exact and run along as they stand; a
//! quotient is then off by less than [`NEAR`] of itself. Of a stretch it mostly takes the least quotient alone: only
//! where that is not above the threshold is asked which period it was, and how near any came.
#![forbid(unsafe_code)]

/// Scenarios side by side.
pub const WIDTH: usize = 128;
/// A number of each.
pub type Lane = [f64; WIDTH];
/// Periods that are read, and then tested, at a time: few enough for the second-level cache, and enough that what is
/// kept from one stretch to the next costs little.
pub const STRETCH: usize = 16;
/// A number of each scenario in each of these periods.
pub type Rows = [Lane; STRETCH];
/// Closer than this share of its threshold a double does not decide: five roundings of 2^-53 each, and room.
pub const NEAR: f64 = 1e-15;
/// Later than any period.
pub const NEVER: f64 = 1e9;
/// Scenarios that are looked at more closely together.
pub const TILE: usize = 8;
/// A number of each.
pub type Tile = [f64; TILE];
/// Nothing in any scenario.
static NOTHING: Lane = [0.0; WIDTH];

/// The test of a period that doubles can decide, of what is above the line, below it, or both.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// Which period.
    pub period: usize,
    /// Its number as it goes into the first breach.
    pub at: f64,
    /// The bit that tells of a failure in how far a value is from its threshold: the sign, none where it is no breach.
    pub fails: u64,
    /// What the row is multiplied with to be compared.
    pub factor: f64,
    /// Below this it fails.
    pub wanted: f64,
    /// The maximum itself, where the row is below the line and `wanted` its inverse; 0 where it is not.
    pub most: f64,
    /// How many steps of the stretch from this one on have its threshold.
    pub alike: usize,
}

/// Lowers what is kept to what was found. The sum with zero keeps what is stored from being a plain choice between the
/// old value and another: compilers make a masked store of that, which some processors take a dozen cycles for.
#[inline(always)]
pub fn lower(kept: &mut f64, found: f64) {
    *kept = least(found, *kept) + 0.0;
}

/// The smaller of two numbers.
#[inline(always)]
fn least(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

impl Step {
    /// The first period that fails, of this one and a later one. A value that is 0 off may count as either, being near.
    #[inline(always)]
    fn or_later(self, off: f64, later: f64) -> f64 {
        if (off.to_bits() & self.fails).cast_signed() < 0 { self.at } else { later }
    }

    /// The headroom of an inverse.
    #[inline(always)]
    fn below_most(self, inverse: f64) -> f64 {
        if inverse > 0.0 { self.most - 1.0 / inverse } else { f64::NEG_INFINITY }
    }

    /// The headroom of a quotient.
    pub fn headroom(self, quotient: f64) -> f64 {
        if self.most == 0.0 { quotient - self.wanted } else { self.below_most(quotient) }
    }
}

/// What is compared with thresholds.
pub trait Quotient: Copy {
    /// Lowers what is kept of each scenario to the least quotient of the steps.
    fn lower(self, steps: &[Step], low: &mut Lane);

    /// The quotients of a tile.
    fn of_tile(self, step: Step, tile: usize) -> Tile;
}

/// A row above the line, or below it, over what all scenarios have in common.
#[derive(Clone, Copy, Debug)]
pub struct One<'a>(pub &'a Rows);

/// A row over another; minus infinity over zero or less, where integers have to tell.
#[derive(Clone, Copy, Debug)]
pub struct Both<'a>(pub &'a Rows, pub &'a Rows);

/// The row of a step.
#[inline(always)]
fn row(rows: &Rows, step: Step) -> &Lane {
    rows.get(step.period % STRETCH).unwrap_or(&NOTHING)
}

/// A tile of a row.
#[inline(always)]
fn tile_of(row: &Lane, tile: usize) -> Tile {
    row.as_chunks().0.get(tile).copied().unwrap_or_default()
}

impl Both<'_> {
    #[inline(always)]
    fn quotient(top: f64, bottom: f64, step: Step) -> f64 {
        if bottom > 0.0 { top * step.factor / bottom } else { f64::NEG_INFINITY }
    }
}

impl Quotient for One<'_> {
    #[inline(always)]
    fn lower(self, steps: &[Step], low: &mut Lane) {
        let (fours, rest) = steps.as_chunks();
        for four in fours {
            let [a, b, c, d] = four.map(|step| row(self.0, step).iter());
            let [f, g, h, i] = four.map(|step| step.factor);
            for ((((low, a), b), c), d) in low.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                lower(low, least(least(a * f, b * g), least(c * h, d * i)));
            }
        }
        for step in rest {
            low.iter_mut().zip(row(self.0, *step)).for_each(|(low, value)| lower(low, value * step.factor));
        }
    }

    #[inline(always)]
    fn of_tile(self, step: Step, tile: usize) -> Tile {
        tile_of(row(self.0, step), tile).map(|value| value * step.factor)
    }
}

impl Quotient for Both<'_> {
    #[inline(always)]
    fn lower(self, steps: &[Step], low: &mut Lane) {
        for step in steps {
            let (tops, bottoms) = (row(self.0, *step), row(self.1, *step));
            for ((low, top), bottom) in low.iter_mut().zip(tops).zip(bottoms) {
                lower(low, Self::quotient(*top, *bottom, *step));
            }
        }
    }

    #[inline(always)]
    fn of_tile(self, step: Step, tile: usize) -> Tile {
        let mut quotients = tile_of(row(self.0, step), tile);
        let bottoms = tile_of(row(self.1, step), tile);
        quotients.iter_mut().zip(bottoms).for_each(|(slot, bottom)| *slot = Self::quotient(*slot, bottom, step));
        quotients
    }
}

/// What is known of each scenario.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The first period that fails.
    pub first: Lane,
    /// The least headroom.
    pub headroom: Lane,
}

impl Found {
    /// Before the first period.
    pub const START: Self = Self { first: [NEVER; WIDTH], headroom: [f64::INFINITY; WIDTH] };

    /// The headroom with that of steps, and marks at the scenarios that have to be looked at more closely: those
    /// that fail or come near, unless they had failed before by more than `settled`. Such have their first breach, and
    /// what comes near a threshold is not their least headroom. Marks are as wide as numbers, to go side by side.
    #[inline(always)]
    pub fn scan<Q: Quotient>(&self, quotients: Q, steps: &[Step], (near, settled): (f64, f64)) -> (Lane, [u64; WIDTH]) {
        let Self { first, headroom } = self;
        let (mut marks, mut rooms) = ([0; WIDTH], *headroom);
        let mut rest = steps;
        while let Some(step) = rest.first() {
            let (run, after) = rest.split_at_checked(step.alike.max(1)).unwrap_or((rest, &[]));
            rest = after;
            let mut low = [f64::INFINITY; WIDTH];
            quotients.lower(run, &mut low);
            for (((mark, low), first), room) in marks.iter_mut().zip(&low).zip(first).zip(headroom) {
                let above = low - step.wanted;
                let is_settled = (*first < NEVER) & (*room < settled) & (above >= f64::MIN);
                *mark |= if (above <= near) & !is_settled { 1 } else { 0 };
            }
            // Steps of one threshold have the headroom of their least quotient.
            if step.most == 0.0 {
                rooms.iter_mut().zip(&low).for_each(|(room, low)| lower(room, low - step.wanted));
            } else {
                rooms.iter_mut().zip(&low).for_each(|(room, low)| lower(room, step.below_most(*low)));
            }
        }
        (rooms, marks)
    }
}

/// The first of the steps that a tile fails, and how near any quotient came to its threshold.
#[inline(always)]
pub fn first_of(quotients: impl Quotient, steps: &[Step], tile: usize) -> (Tile, Tile) {
    let (mut first, mut nearest) = ([NEVER; TILE], [f64::INFINITY; TILE]);
    for step in steps.iter().rev() {
        let step = *step;
        for ((quotient, first), nearest) in quotients.of_tile(step, tile).iter().zip(&mut first).zip(&mut nearest) {
            let off = quotient - step.wanted;
            *first = step.or_later(off, *first);
            *nearest = least(if off < f64::MIN { 0.0 } else { off.abs() }, *nearest);
        }
    }
    (first, nearest)
}

/// Sums a measure over windows of so many periods: whole numbers, so that what is taken off leaves no trace. `slots`
/// has the stretches so far, the latest instead of those that no window reaches any more.
#[inline(always)]
pub fn run_sums(slots: &[Rows], stretch: usize, count: usize, sums: &mut Lane, out: &mut Rows) {
    let row = |period: usize| {
        let slot = (period / STRETCH).checked_rem(slots.len()).and_then(|slot| slots.get(slot));
        slot.and_then(|rows| rows.get(period % STRETCH)).unwrap_or(&NOTHING)
    };
    let start = stretch.saturating_mul(STRETCH);
    let new: [&Lane; STRETCH] = std::array::from_fn(|at| row(start.saturating_add(at)));
    let old: [&Lane; STRETCH] =
        std::array::from_fn(|at| start.saturating_add(at).checked_sub(count).map_or(&NOTHING, row));
    for ((new, old), out) in new.into_iter().zip(old).zip(out) {
        for (((new, old), sum), out) in new.iter().zip(old).zip(&mut *sums).zip(out) {
            *sum += new - old;
            *out = *sum;
        }
    }
}

/// Adds rows, times the weight of each period, to others.
#[inline(always)]
pub fn mix_in(rows: &Rows, weights: impl Iterator<Item = f64>, out: &mut Rows) {
    for ((row, weight), out) in rows.iter().zip(weights).zip(out) {
        for (value, out) in row.iter().zip(out) {
            *out += weight * value;
        }
    }
}
