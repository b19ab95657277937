//! The loops over a block of scenarios: sums over windows, then each test with what it keeps of a lane in registers.
//!
//! Amounts are whole minor units held in doubles, so that sums over windows are exact and run along as they stand; a
//! quotient is then off by less than [`NEAR`] of itself.
#![forbid(unsafe_code)]

/// Scenarios side by side.
pub const WIDTH: usize = 256;
/// A number of each.
pub type Lane = [f64; WIDTH];
/// Periods that are read, and then tested, at a time: few enough for the second-level cache, and enough that what is
/// kept from one stretch to the next costs little.
pub const STRETCH: usize = 8;
/// A number of each scenario in each of these periods.
pub type Rows = [Lane; STRETCH];
/// Closer than this share of its threshold a double does not decide: five roundings of 2^-53 each, and room.
pub const NEAR: f64 = 1e-15;
/// Later than any period.
pub const NEVER: f64 = 1e9;
/// Scenarios whose state stays in registers over a stretch.
const TILE: usize = 8;
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
    /// The maximum itself, where the row is below the line and `wanted` its inverse.
    pub most: f64,
}

/// What a stretch came to, lane by lane.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// The first period that fails.
    pub first: Lane,
    /// The least headroom.
    pub headroom: Lane,
    /// How near any value came to its threshold.
    pub nearest: Lane,
}

impl Kept {
    /// Before the first period.
    pub const START: Self =
        Self { first: [NEVER; WIDTH], headroom: [f64::INFINITY; WIDTH], nearest: [f64::INFINITY; WIDTH] };

    /// The places of each tile.
    #[inline(always)]
    fn tiles(&mut self) -> impl Iterator<Item = (usize, [&mut [f64; TILE]; 3])> {
        let Self { first, headroom, nearest } = self;
        let [first, headroom, nearest] = [first, headroom, nearest].map(|lane| lane.as_chunks_mut::<TILE>().0);
        first
            .iter_mut()
            .zip(headroom)
            .zip(nearest)
            .map(|((first, headroom), nearest)| [first, headroom, nearest])
            .enumerate()
    }

    /// Whether any lane came so near.
    #[inline(always)]
    #[must_use]
    pub fn is_near(&self, near: f64) -> bool {
        self.nearest.iter().fold(false, |is_near, nearest| is_near | (*nearest <= near))
    }
}

/// The smaller of two numbers.
#[inline(always)]
fn least(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// Lowers what is kept to what was found. The sum with zero keeps what is stored from being a plain choice between the
/// old value and another: compilers make a masked store of that, which some processors take a dozen cycles for.
#[inline(always)]
pub fn lower(kept: &mut Lane, found: &Lane) {
    kept.iter_mut().zip(found).for_each(|(kept, found)| *kept = least(*found, *kept) + 0.0);
}

/// How far what is above the line, over what is the same in all lanes, is from its threshold.
#[inline(always)]
pub fn off_top(top: f64, step: Step) -> f64 {
    top * step.factor - step.wanted
}

/// The same for both; over zero or less as near as can be, to be looked at.
#[inline(always)]
pub fn off_both(top: f64, bottom: f64, step: Step) -> f64 {
    if bottom > 0.0 { top * step.factor / bottom - step.wanted } else { 0.0 }
}

impl Step {
    /// The first period that fails, of this one and a later one. A value that is 0 off may count as either, being near.
    #[inline(always)]
    fn or_later(self, off: f64, later: f64) -> f64 {
        if (off.to_bits() & self.fails).cast_signed() < 0 { self.at } else { later }
    }
}

/// The lanes of a tile in the period of a step.
#[inline(always)]
fn of_tile(rows: &Rows, step: Step, tile: usize) -> &[f64; TILE] {
    let row = rows.get(step.period % STRETCH).unwrap_or(&NOTHING);
    row.as_chunks::<TILE>().0.get(tile).unwrap_or(&[0.0; TILE])
}

/// Scans rows above the line.
#[inline(always)]
pub fn scan_top(rows: &Rows, steps: &[Step], kept: &mut Kept) {
    for (tile, places) in kept.tiles() {
        let [mut first, mut headroom, mut nearest] = [[NEVER; TILE], [f64::INFINITY; TILE], [f64::INFINITY; TILE]];
        for step in steps.iter().rev() {
            let step = *step;
            for (((value, first), headroom), nearest) in
                of_tile(rows, step, tile).iter().zip(&mut first).zip(&mut headroom).zip(&mut nearest)
            {
                let off = off_top(*value, step);
                *first = step.or_later(off, *first);
                *headroom = least(off, *headroom);
                *nearest = least(off.abs(), *nearest);
            }
        }
        let [a, b, c] = places;
        (*a, *b, *c) = (first, headroom, nearest);
    }
}

/// Scans rows below the line against a maximum: the headroom of the least inverse is worked out when the maximum
/// changes.
#[inline(always)]
pub fn scan_bottom(rows: &Rows, steps: &[Step], kept: &mut Kept) {
    for (tile, places) in kept.tiles() {
        let [mut first, mut headroom, mut nearest] = [[NEVER; TILE], [f64::INFINITY; TILE], [f64::INFINITY; TILE]];
        let mut inverse = [f64::INFINITY; TILE];
        // Without a step there is nothing to be far from.
        let mut most = steps.last().map_or(f64::INFINITY, |step| step.most);
        for step in steps.iter().rev() {
            let step = *step;
            #[expect(clippy::float_cmp, reason = "the same number or another one")]
            if step.most != most {
                settle(&mut inverse, &mut headroom, most);
                most = step.most;
            }
            for (((value, first), inverse), nearest) in
                of_tile(rows, step, tile).iter().zip(&mut first).zip(&mut inverse).zip(&mut nearest)
            {
                let quotient = value * step.factor;
                let off = quotient - step.wanted;
                *first = step.or_later(off, *first);
                *inverse = least(quotient, *inverse);
                *nearest = least(off.abs(), *nearest);
            }
        }
        settle(&mut inverse, &mut headroom, most);
        let [a, b, c] = places;
        (*a, *b, *c) = (first, headroom, nearest);
    }
}

/// Turns the least inverse quotients into headroom below a maximum.
#[inline(always)]
fn settle(inverse: &mut [f64; TILE], headroom: &mut [f64; TILE], most: f64) {
    for (inverse, headroom) in inverse.iter_mut().zip(headroom) {
        let found = if *inverse > 0.0 { most - 1.0 / *inverse } else { f64::NEG_INFINITY };
        *headroom = least(found, *headroom);
        *inverse = f64::INFINITY;
    }
}

/// Scans rows over others.
#[inline(always)]
pub fn scan_both(tops: &Rows, bottoms: &Rows, steps: &[Step], kept: &mut Kept) {
    for (tile, places) in kept.tiles() {
        let [mut first, mut headroom, mut nearest] = [[NEVER; TILE], [f64::INFINITY; TILE], [f64::INFINITY; TILE]];
        for step in steps.iter().rev() {
            let step = *step;
            let sides = of_tile(tops, step, tile).iter().zip(of_tile(bottoms, step, tile));
            for ((top, bottom), ((first, headroom), nearest)) in
                sides.zip(first.iter_mut().zip(&mut headroom).zip(&mut nearest))
            {
                let off = off_both(*top, *bottom, step);
                *first = step.or_later(off, *first);
                *headroom = least(if *bottom > 0.0 { off } else { f64::INFINITY }, *headroom);
                *nearest = least(off.abs(), *nearest);
            }
        }
        let [a, b, c] = places;
        (*a, *b, *c) = (first, headroom, nearest);
    }
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
