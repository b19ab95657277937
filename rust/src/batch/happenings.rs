//! Events and usage of a chunk's assets: sorted by asset, found by offsets, read with the chunk.
//!
//! The caller's frames have been matched, sorted and copied before; what is judged here is judged by the ledger.
#![forbid(unsafe_code)]

use std::ops::Range;

use super::columns::{Load, MoneyColumn};
use super::reader::Money;
use crate::calendar::{Date, Month, month_of};
use crate::depreciation::{Event, Kind, Usage};
use crate::rate::Rate;

/// Events by asset: those of row `n` are the ones from `offsets[n]` to `offsets[n + 1]`.
#[derive(Clone, Copy)]
pub struct Events<'a> {
    /// One more than there are assets.
    pub offsets: &'a dyn Load<i64>,
    /// Days since 1970.
    pub date: &'a dyn Load<i32>,
    /// Places in [`Kind::ALL`].
    pub kind: &'a dyn Load<i8>,
    /// Amounts; the least integer or NaN for none.
    pub amount: MoneyColumn<'a>,
    /// Proceeds, likewise; without the column there are none.
    pub proceeds: Option<MoneyColumn<'a>>,
    /// Shares disposed of, 0 to 1; by default all.
    pub share: Option<&'a dyn Load<f64>>,
    /// Remaining months; 0 for none.
    pub months: Option<&'a dyn Load<i32>>,
    /// Months in whose books they stand; the least integer, and the default, for their own.
    pub posted: Option<&'a dyn Load<i32>>,
    /// Groups after a transfer; by default none.
    pub group: Option<&'a dyn Load<i32>>,
    /// Rows of the frame they come from; by default their own place.
    pub source: Option<&'a dyn Load<i32>>,
}

/// Usage by asset: months in ascending order and cumulative millionths of a unit.
#[derive(Clone, Copy)]
pub struct UsageColumns<'a> {
    /// One more than there are assets.
    pub offsets: &'a dyn Load<i64>,
    /// Months.
    pub months: &'a dyn Load<i32>,
    /// Units used by the end of each.
    pub cumulative: &'a dyn Load<i64>,
}

/// What a chunk's assets went through and produced.
#[derive(Default)]
pub struct Happenings<T> {
    event_offsets: Vec<i64>,
    dates: Vec<Date>,
    calendar_months: Vec<Month>,
    kinds: Vec<i8>,
    amounts: Vec<Option<T>>,
    proceeds: Vec<Option<T>>,
    shares: Vec<f64>,
    months: Vec<i32>,
    posted: Vec<i32>,
    groups: Vec<i32>,
    sources: Vec<i32>,
    first_event: usize,
    /// Where each comes among its asset's, and its place.
    order: Vec<(u64, usize)>,
    usage_offsets: Vec<i64>,
    usage_months: Vec<Month>,
    usage: Vec<i64>,
}

impl<T: Money> Happenings<T> {
    /// Reads what belongs to the assets of `range`.
    pub fn read(&mut self, events: Option<&Events<'_>>, usage: Option<&UsageColumns<'_>>, range: &Range<usize>) {
        self.event_offsets.clear();
        self.usage_offsets.clear();
        if let Some(events) = events {
            let part = offsets(events.offsets, range, &mut self.event_offsets);
            stretch(events.date, &part, &mut self.dates);
            self.calendar_months.clear();
            self.calendar_months.extend(self.dates.iter().map(|date| month_of(*date)));
            stretch(events.kind, &part, &mut self.kinds);
            T::load_optional(&events.amount, &part, &mut self.amounts);
            self.proceeds.clear();
            if let Some(proceeds) = &events.proceeds {
                T::load_optional(proceeds, &part, &mut self.proceeds);
            }
            stretch_of(events.share, &part, &mut self.shares);
            stretch_of(events.months, &part, &mut self.months);
            stretch_of(events.posted, &part, &mut self.posted);
            stretch_of(events.group, &part, &mut self.groups);
            stretch_of(events.source, &part, &mut self.sources);
            self.first_event = part.start;
            self.arrange();
        }
        if let Some(usage) = usage {
            let part = offsets(usage.offsets, range, &mut self.usage_offsets);
            stretch(usage.months, &part, &mut self.usage_months);
            stretch(usage.cumulative, &part, &mut self.usage);
        }
    }

    /// Puts each asset's events in order, which moves less here than once they are whole.
    fn arrange(&mut self) {
        self.order.clear();
        let months = self.calendar_months.iter();
        let events = self.dates.iter().zip(months).zip(&self.kinds).enumerate();
        self.order.extend(
            events.map(|(place, ((date, month), kind))| {
                (kind_at(*kind).map_or(0, |kind| kind.order(*month, *date)), place)
            }),
        );
        for ends in self.event_offsets.windows(2) {
            let [start, end] = ends else { continue };
            let (Ok(start), Ok(end)) = (usize::try_from(*start), usize::try_from(*end)) else { continue };
            match self.order.get_mut(start..end).unwrap_or_default() {
                [] | [_] => {}
                [first, second] => {
                    if second < first {
                        std::mem::swap(first, second);
                    }
                }
                many => many.sort_unstable(),
            }
        }
    }

    /// Whether the asset at `index` has events.
    #[inline]
    pub fn has_events(&self, index: usize) -> bool {
        !part(&self.event_offsets, index).is_empty()
    }

    /// Whether any of the assets may have events.
    pub fn any(&self) -> bool {
        self.event_offsets.last() > self.event_offsets.first()
    }

    /// Appends the events of the asset at `index`; `null_group` stands for no group.
    pub fn events(&self, index: usize, null_group: usize, out: &mut Vec<Event<T>>) {
        let part = part(&self.event_offsets, index);
        for (_, at) in self.order.get(part).unwrap_or_default() {
            let at = *at;
            let stated = (self.dates.get(at), self.calendar_months.get(at), self.kinds.get(at));
            let (Some(date), Some(month), Some(kind)) = stated else { continue };
            let Some(kind) = kind_at(*kind) else { continue };
            let share = match self.shares.get(at) {
                None => Rate::WHOLE,
                Some(share) if *share == 1.0 => Rate::WHOLE,
                Some(share) => match Rate::new(*share) {
                    Ok(share) => share,
                    Err(_) => continue,
                },
            };
            let source = self.sources.get(at).and_then(|source| usize::try_from(*source).ok());
            out.push(Event {
                date: *date,
                month: *month,
                kind,
                amount: self.amounts.get(at).copied().flatten(),
                share,
                remaining_months: self.months.get(at).copied().unwrap_or(0),
                proceeds: self.proceeds.get(at).copied().flatten(),
                group: self.groups.get(at).and_then(|group| usize::try_from(*group).ok()).unwrap_or(null_group),
                terms: 0,
                posted: self.posted.get(at).copied().filter(|month| *month != i32::MIN),
                source: source.unwrap_or(self.first_event.saturating_add(at)),
            });
        }
    }

    /// What the asset at `index` produced.
    pub fn usage(&self, index: usize) -> Usage<'_> {
        let part = part(&self.usage_offsets, index);
        Usage {
            months: self.usage_months.get(part.clone()).unwrap_or_default(),
            cumulative: self.usage.get(part).unwrap_or_default(),
        }
    }
}

/// The kind at a place of [`Kind::ALL`].
fn kind_at(place: i8) -> Option<Kind> {
    Kind::ALL.get(usize::try_from(place).ok()?).map(|(_, kind)| *kind)
}

/// Reads the offsets of some assets, made to count from the first; returns the stretch they span.
fn offsets(column: &dyn Load<i64>, range: &Range<usize>, out: &mut Vec<i64>) -> Range<usize> {
    out.resize(range.len().saturating_add(1), 0);
    column.load(range.start, out);
    let first = out.first().copied().unwrap_or(0);
    let last = out.last().copied().unwrap_or(0);
    for offset in out.iter_mut() {
        *offset = offset.saturating_sub(first);
    }
    let at = |offset: i64| usize::try_from(offset).unwrap_or(0);
    at(first)..at(last).max(at(first))
}

fn part(offsets: &[i64], index: usize) -> Range<usize> {
    let at = |index: usize| offsets.get(index).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
    let start = at(index);
    start..at(index.saturating_add(1)).max(start)
}

fn stretch_of<V: Clone + Default>(column: Option<&dyn Load<V>>, part: &Range<usize>, out: &mut Vec<V>) {
    match column {
        Some(column) => stretch(column, part, out),
        None => out.clear(),
    }
}

fn stretch<V: Clone + Default>(column: &dyn Load<V>, part: &Range<usize>, out: &mut Vec<V>) {
    out.clear();
    out.resize(part.len(), V::default());
    column.load(part.start, out);
}
