//! The books of a tax return: what MACRS deducts of an asset, and what a sale takes out of it.
//!
//! A sale decides over the deduction of its whole tax year, so an asset is kept as the portions it will be sold in, each
//! with its own last day. Impairments, changes of estimate and idle time mean nothing here: a recovery period is the
//! law's, and what a book writes down a return does not deduct. An addition is property of its own.
#![forbid(unsafe_code)]

use super::Exact;
use super::event::{Event, Fault, Field, Kind};
use super::ledger::{Flow, Holding, Rules, Sink, Turnover};
use super::macrs::{Recovery, TaxAsset};
use crate::error::Rule;

/// Keeps the tax books of one asset; `immediate` is deducted in its year of service, the rest by `recovery`.
///
/// # Errors
/// The first event that cannot be.
pub fn keep_tax<T: Exact>(
    holding: &Holding<'_, T>,
    (recovery, immediate): (&Recovery, i64),
    events: &mut [Event<T>],
    rules: &Rules,
    sink: &mut impl Sink<T>,
) -> Result<(), Fault> {
    let fault = |event: &Event<T>, field, rule, example: &str| {
        Err(Fault { source: event.source, field, rule, example: example.to_owned() })
    };
    events.sort_unstable_by_key(Event::order);
    let service = holding.asset.timing.enter_month;
    let years_after = i32::try_from(recovery.numerators().len()).unwrap_or(i32::MAX).saturating_sub(1);
    let first_end = service.saturating_add(rules.grid.months_to_year_end(service)).saturating_sub(1);
    let mut last = first_end.saturating_add(years_after.saturating_mul(12));
    let mut cost = holding.asset.cost.whole();
    let mut immediate = immediate;
    let mut turnover = Turnover::new(holding.asset.cost);
    sink.flow(service, Flow::CostIn, holding.asset.cost);
    let mut portions = Vec::new();
    let mut gone = false;
    for event in events.iter() {
        if event.kind == Kind::PolicyChange {
            continue;
        }
        if event.date < holding.first_day {
            return fault(event, Field::Date, Rule::DateOrder, "before the asset is in service");
        }
        if gone {
            return fault(event, Field::Date, Rule::DateOrder, "after the asset was disposed of");
        }
        match event.kind {
            Kind::Addition => return fault(event, Field::Kind, Rule::Method, "an addition is property of its own"),
            Kind::Disposal => {
                if event.share.is_zero() {
                    return fault(event, Field::Share, Rule::Range, "a share above 0");
                }
                if !turnover.receive(event.proceeds.unwrap_or_default()) {
                    return fault(event, Field::Proceeds, Rule::Overflow, "beyond 64 bits with what moved before");
                }
                let (cost_out, immediate_out) = (event.share.of(cost), event.share.of(immediate));
                (cost, immediate) = (cost.saturating_sub(cost_out), immediate.saturating_sub(immediate_out));
                let basis = cost_out.saturating_sub(immediate_out);
                let sold = TaxAsset { immediate: immediate_out, basis, service, disposal: Some(event.month) };
                portions.push((sold, event.proceeds));
                gone = event.share.is_whole();
                last = if gone { event.month } else { last.max(event.month) };
            }
            Kind::Transfer => last = if gone { last } else { last.max(event.month) },
            _ => {}
        }
    }
    let kept = TaxAsset { immediate, basis: cost.saturating_sub(immediate), service, disposal: None };
    if !gone {
        portions.push((kept, None));
    }
    let mut transfers = events.iter().filter(|event| event.kind == Kind::Transfer).peekable();
    let (mut held, mut accumulated) = (holding.asset.cost.whole(), 0_i64);
    let mut before: Vec<i64> = vec![0; portions.len()];
    for month in service..=last {
        while let Some(event) = transfers.next_if(|event| event.month <= month) {
            sink.moved(month, event.group, T::of_whole(held), T::of_whole(accumulated));
        }
        let mut charge = 0_i64;
        for ((portion, _), before) in portions.iter().zip(&mut before) {
            let now = portion.deducted(recovery, rules.grid, month);
            charge = charge.saturating_add(now.saturating_sub(*before));
            *before = now;
        }
        accumulated = accumulated.saturating_add(charge);
        if charge != 0 && month <= rules.until {
            sink.charges(month, &[T::of_whole(charge)], T::of_whole(charge));
        }
        for ((portion, proceeds), deducted) in portions.iter().zip(&before) {
            if portion.disposal != Some(month) {
                continue;
            }
            let cost_out = portion.immediate.saturating_add(portion.basis);
            let book_value = T::of_whole(cost_out.saturating_sub(*deducted));
            sink.flow(month, Flow::CostOut, T::of_whole(cost_out));
            sink.flow(month, Flow::AccumulatedOut, T::of_whole(*deducted));
            sink.flow(month, Flow::Gain, proceeds.unwrap_or_default().minus(book_value));
            (held, accumulated) = (held.saturating_sub(cost_out), accumulated.saturating_sub(*deducted));
        }
    }
    sink.ended(last, gone);
    Ok(())
}
