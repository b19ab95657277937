//! The books of a chunk's assets: from a row, its policy and its events to what a sink takes down.
#![forbid(unsafe_code)]

use super::chunk::Prepared;
use super::reader::Money;
use super::settings::{Run, Settings};
use crate::calendar::{Date, Month, month_of, month_start};
use crate::depreciation::{Asset, Event, Exact, Field, Flow, Holding, Kind, Rounding, Rules, Sink, Terms};
use crate::depreciation::{Method, keep_posted, keep_tax};
use crate::error::Column;
use crate::rate::Rate;

/// A row under a run: an asset that straight-line kernels can charge at once, or one whose books must be kept.
pub enum Row<'c, T> {
    /// Straight line from service to the end of its life.
    Plain(&'c Asset<T>),
    /// Another method, or something happens on the way.
    Eventful(&'c Asset<T>),
}

impl<T: Money + Exact> Prepared<T> {
    /// The row under the run last assigned; `None` where it is left out or wrong, and then noted.
    #[inline]
    pub fn row(&mut self, run: &Run<'_>, settings: &Settings, index: usize) -> Option<Row<'_, T>> {
        let spec = self.resolve(run, settings, index)?;
        let plain = run.changes.is_empty() && spec.method.is_straight_line() && !self.happenings.has_events(index);
        let asset = self.asset.as_ref()?;
        Some(if plain { Row::Plain(asset) } else { Row::Eventful(asset) })
    }

    /// Keeps the books of the row last resolved; `null_group` stands for transfers to no group. Where an event cannot be,
    /// it is noted and the row is bad.
    pub fn keep_books(
        &mut self,
        run: &Run<'_>,
        settings: &Settings,
        index: usize,
        null_group: usize,
        until: Month,
        sink: &mut impl Sink<T>,
    ) -> Option<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        let outcome = {
            let this = &*self;
            let spec = this.spec(run, settings, index)?;
            this.happenings.events(index, null_group, &mut events);
            let first_day = this.entered(index)?;
            let mut terms = Vec::new();
            if !run.changes.is_empty() {
                this.changes(run, settings, (index, first_day), &mut terms, &mut events);
            }
            let holding = Holding {
                asset: this.asset.as_ref()?,
                in_service: *this.day.get(index)?,
                convention: spec.convention,
                method: &spec.method,
                usage: this.happenings.usage(index),
                first_day,
                terms: &terms,
                own_residual: this.own_residual(index).is_some(),
            };
            let rules = Rules {
                rounding: settings.rounding.unwrap_or(Rounding::Balance),
                grid: settings.grid,
                by_days: settings.by_days(),
                framework: settings.framework,
                disposal_convention: settings.disposal_convention,
                until,
            };
            if let Method::Macrs(recovery) = &spec.method {
                let recovered = (recovery, this.immediate(index));
                keep_tax(&holding, recovered, &mut events, &rules, sink)
            } else {
                keep_posted(&holding, &mut events, &rules, settings.posted_through, sink, &mut scratch)
            }
        };
        (self.scratch, self.events) = (scratch, events);
        match outcome {
            Ok(()) => Some(()),
            Err(fault) => {
                let column = match fault.field {
                    Field::Date => Column::EventDate,
                    Field::Kind => Column::EventKind,
                    Field::Amount => Column::EventAmount,
                    Field::Share => Column::EventShare,
                    Field::RemainingMonths => Column::EventRemainingMonths,
                    Field::Proceeds => Column::EventProceeds,
                };
                self.reader.note_elsewhere(index, fault.source, column, fault.rule, fault.example);
                None
            }
        }
    }

    /// Appends the changes of policy that an asset in service lives through, and those that its books learn of later
    /// than they began: these count from their first month.
    fn changes<'r>(
        &self,
        run: &'r Run<'_>,
        settings: &Settings,
        (index, first_day): (usize, Date),
        terms: &mut Vec<Terms<'r>>,
        events: &mut Vec<Event<T>>,
    ) {
        let at_entry = self.change_at_entry(run, settings, index).map_or(0, |(number, _)| number.saturating_add(1));
        for (number, change) in run.changes.iter().enumerate().skip(at_entry) {
            let date = month_start(change.month.max(month_of(first_day)));
            let Some(spec) = self.changed(run, number, index) else { continue };
            let Some(life_months) = spec.life(None).or(spec.life(self.own_life(index))) else { continue };
            events.push(Event {
                date,
                month: month_of(date),
                kind: Kind::PolicyChange,
                amount: None,
                share: Rate::ZERO,
                remaining_months: 0,
                proceeds: None,
                group: 0,
                terms: terms.len(),
                posted: change.posted,
                source: number,
            });
            terms.push(Terms {
                method: &spec.method,
                life_months,
                convention: spec.convention,
                residual_rate: Some(spec.residual_rate),
            });
        }
    }
}

/// Notes what cannot be, and nothing else.
#[derive(Debug, Default)]
pub struct Judge;

impl<T> Sink<T> for Judge {
    fn charges(&mut self, _: Month, _: &[T], _: T) {}
    fn flow(&mut self, _: Month, _: Flow, _: T) {}
    fn moved(&mut self, _: Month, _: usize, _: T, _: T) {}
    fn ended(&mut self, _: Month, _: bool) {}
}

/// Takes down when an asset was in the books.
#[derive(Debug)]
pub struct Extent {
    /// The last month in which anything happened.
    pub last: Month,
    /// Whether nothing was left then.
    pub gone: bool,
}

impl Default for Extent {
    fn default() -> Self {
        Self { last: Month::MIN, gone: false }
    }
}

impl<T> Sink<T> for Extent {
    fn charges(&mut self, _: Month, _: &[T], _: T) {}
    fn flow(&mut self, _: Month, _: Flow, _: T) {}
    fn moved(&mut self, _: Month, _: usize, _: T, _: T) {}
    fn ended(&mut self, last: Month, gone: bool) {
        (self.last, self.gone) = (last, gone);
    }
}
