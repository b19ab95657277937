//! Cells of a result: arrays that the caller allocated, cut into the parts that threads fill.
#![forbid(unsafe_code)]

use crate::money::MinorUnits;

pub(super) const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// Where amounts go.
pub enum Amounts<'a> {
    /// Float64 major units.
    Major(&'a mut [f64]),
    /// Integer minor units; unrounded amounts have none.
    Minor(&'a mut [i64]),
}

/// Where dates go.
pub enum Dates<'a> {
    /// Days since 1970-01-01.
    Days(&'a mut [i32]),
    /// Microseconds since 1970-01-01.
    Microseconds(&'a mut [i64]),
}

/// Cuts the first `count` values off a slice, or all there are.
pub(super) fn cut<'a, V>(slice: &mut &'a mut [V], count: usize) -> &'a mut [V] {
    let whole = std::mem::take(slice);
    let at = count.min(whole.len());
    let (head, tail) = whole.split_at_mut(at);
    *slice = tail;
    head
}

impl<'a> Amounts<'a> {
    /// Cuts the first `count` cells off, or all there are.
    pub(super) fn cut(&mut self, count: usize) -> Amounts<'a> {
        match self {
            Self::Major(slice) => Amounts::Major(cut(slice, count)),
            Self::Minor(slice) => Amounts::Minor(cut(slice, count)),
        }
    }
}

impl<'a> Dates<'a> {
    /// Cuts the first `count` cells off, or all there are.
    pub(super) fn cut(&mut self, count: usize) -> Dates<'a> {
        match self {
            Self::Days(slice) => Dates::Days(cut(slice, count)),
            Self::Microseconds(slice) => Dates::Microseconds(cut(slice, count)),
        }
    }
}

/// Copies as far as both reach.
pub(super) fn copy<V: Copy>(out: &mut [V], from: Option<&[V]>) {
    for (slot, value) in out.iter_mut().zip(from.unwrap_or_default()) {
        *slot = *value;
    }
}

/// An amount that can be written as a cell of the result.
pub trait Cell: Sized {
    /// Writes amounts as cells.
    fn convert(values: &[Self], units: MinorUnits, out: Amounts<'_>);
}

impl Cell for i64 {
    fn convert(values: &[i64], units: MinorUnits, out: Amounts<'_>) {
        match out {
            Amounts::Minor(out) => copy(out, Some(values)),
            Amounts::Major(out) => units.to_major_into(values, out),
        }
    }
}

impl Cell for f64 {
    fn convert(values: &[f64], _: MinorUnits, out: Amounts<'_>) {
        match out {
            Amounts::Major(out) => copy(out, Some(values)),
            Amounts::Minor(_) => {}
        }
    }
}
