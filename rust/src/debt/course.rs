//! The days of a loan, one after the other: from a resolved loan to its rows.
//!
//! On one day the scheduled payment comes first, on the balance before; then a new rate, principal agreed for the day,
//! prepayments, and advances last. Movements on a payment date share its row; on other days they have one of their
//! own, so that balances are right on every day.
#![forbid(unsafe_code)]

use super::loan::Run;
use super::steps::{Movement, Period, Span, Step};
use super::{Amount, Entry, Fault, Profile, ResolvedLoan, Rider, Sink};
use crate::calendar::{Date, YearFraction};

/// Runs a loan to its end.
///
/// # Errors
/// Any [`Fault`]; rows up to it have been written.
pub fn amortize<A: Amount>(
    loan: &ResolvedLoan<'_, A>,
    rider: impl Rider<A>,
    sink: &mut impl Sink<A>,
) -> Result<(), Fault> {
    let mut course = Course::new(loan, rider);
    course.begin(course.steps_on(loan.start), sink)?;
    while let Some(day) = course.day() {
        let steps = course.steps_on(day.date());
        course.go_on(day, steps, sink)?;
    }
    course.finish()?;
    course.refuse_agreed()
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Day<'l> {
    /// Movements within a period.
    Between(Date, &'l Period),
    /// The payment that ends one.
    Payment(&'l Period),
}

impl Day<'_> {
    /// The day up to which interest accrues.
    pub fn date(&self) -> Date {
        match self {
            Self::Between(date, _) => *date,
            Self::Payment(period) => period.end,
        }
    }
}

/// A loan and how far it has come.
pub(super) struct Course<'l, A: Amount, R> {
    pub run: Run<'l, A, R>,
    steps: &'l [Step<A>],
    done: usize,
    over: bool,
}

impl<'l, A: Amount, R: Rider<A>> Course<'l, A, R> {
    pub fn new(loan: &'l ResolvedLoan<'l, A>, rider: R) -> Self {
        Self { run: Run::new(loan, rider), steps: loan.steps, done: 0, over: false }
    }

    /// The movements up to and on a day that were not made yet.
    pub fn steps_on(&self, date: Date) -> &'l [Step<A>] {
        let count = self.steps.iter().take_while(|step| step.date <= date).count();
        self.steps.get(..count).unwrap_or_default()
    }

    /// Leaves what was made behind: as many steps from the front.
    fn made(&mut self, count: usize) {
        self.steps = self.steps.get(count..).unwrap_or_default();
    }

    /// The first day: what is lent, and `steps`, which stand for the next ones of the loan.
    pub fn begin(&mut self, steps: &[Step<A>], sink: &mut impl Sink<A>) -> Result<(), Fault> {
        let run = &mut self.run;
        let loan = run.loan;
        let mut entry = Entry::on(0, loan.start, &run.ledger);
        run.draw(loan.principal, &mut entry)?;
        entry.fee = loan.upfront;
        run.happen(steps, loan.periods.first(), &mut entry)?;
        run.close(&mut entry, false, sink)?;
        self.made(steps.len());
        Ok(())
    }

    /// The next day on which anything happens.
    #[inline]
    pub fn day(&self) -> Option<Day<'l>> {
        let period = self.run.loan.periods.get(self.done).filter(|_| !self.over)?;
        match self.steps.first() {
            Some(step) if step.date < period.end => Some(Day::Between(step.date, period)),
            _ if self.run.is_over() => None,
            _ => Some(Day::Payment(period)),
        }
    }

    /// Runs that day, with `steps` for the movements of the loan.
    #[inline]
    pub fn go_on(&mut self, day: Day<'l>, steps: &[Step<A>], sink: &mut impl Sink<A>) -> Result<(), Fault> {
        match day {
            Day::Between(date, period) => {
                self.made(steps.len());
                let run = &mut self.run;
                if run.is_still(steps) {
                    if steps.iter().any(|step| matches!(step.movement, Movement::Observe)) {
                        run.look(date, period, sink)?;
                    }
                    return run.happen_beside(steps, date, period);
                }
                let (before, accrued) = (run.ledger, run.accrued);
                run.pass_to(date, period)?;
                let mut entry = Entry::on(run.next, date, &run.ledger);
                run.happen(steps, Some(period), &mut entry)?;
                // Movements that cancel out leave what interest is computed on as it was: its period goes on.
                let as_it_was = (before.balance(), before.rate()) == (run.ledger.balance(), run.ledger.rate());
                if as_it_was && !entry.settles {
                    run.ledger.resume(*before.interest());
                    run.accrued = accrued;
                }
                run.close(&mut entry, false, sink)
            }
            Day::Payment(period) => {
                self.done = self.done.saturating_add(1);
                let run = &mut self.run;
                run.pass_to(period.end, period)?;
                let mut entry = Entry::on(self.done, period.paid, &run.ledger);
                run.pay(period, &mut entry)?;
                let following = run.loan.periods.get(self.done);
                if following.is_some() {
                    run.happen(steps, following, &mut entry)?;
                }
                run.close(&mut entry, true, sink)?;
                if following.is_some() {
                    self.made(steps.len());
                }
                self.over = self.run.is_over();
                Ok(())
            }
        }
    }

    /// Refuses movements that were never made.
    pub fn finish(&self) -> Result<(), Fault> {
        self.run.refuse_rest(self.steps)
    }

    /// Refuses principal that was agreed for payments and days on which nothing was left.
    fn refuse_agreed(&self) -> Result<(), Fault> {
        let Run { loan, next, ahead, .. } = self.run;
        let (Profile::Custom(amounts), false) = (loan.profile, ahead) else { return Ok(()) };
        let nothing = A::zero();
        let later = amounts.get(next..).unwrap_or_default().iter().any(|amount| *amount != nothing);
        let between = |step: &Step<A>| matches!(step.movement, Movement::Principal(amount) if amount != nothing);
        if later || self.steps.iter().any(between) {
            return Err(Fault::BeyondBalance { number: next.saturating_add(1) });
        }
        Ok(())
    }
}

/// Time passes.
impl<A: Amount, R: Rider<A>> Run<'_, A, R> {
    /// Interest accrues up to a day of the period.
    pub fn pass_to(&mut self, date: Date, period: &Period) -> Result<(), Fault> {
        let time = self.time_between(self.accrued, date, period);
        self.pass_riders(date, period)?;
        self.accrued = date;
        self.ledger.accrue_to(date, time)
    }

    /// Riders are asked up to a day on which something of theirs changes, and nothing of the loan's own interest.
    pub fn pass_beside(&mut self, date: Date, period: &Period) -> Result<(), Fault> {
        self.pass_riders(date, period)?;
        self.ledger.pass_to(date);
        Ok(())
    }

    fn pass_riders(&mut self, date: Date, period: &Period) -> Result<(), Fault> {
        let drawn = self.drawn.plus(self.elsewhere).ok_or(Fault::Overflow)?;
        self.rider.pass(&self.ledger, drawn, &self.span(date, period))
    }

    /// Writes a row of what the books show on a day. Nothing accrues by it: day counts of 30 days a month count more or
    /// less where a period is cut, and looking must not change what is owed.
    pub fn look(&mut self, date: Date, period: &Period, sink: &mut impl Sink<A>) -> Result<(), Fault> {
        let mut then = self.ledger;
        then.accrue_to(date, self.time_between(self.accrued, date, period))?;
        let mut entry = Entry::on(self.next, date, &then);
        entry.observed = true;
        self.rider.look(&self.ledger, &then, &self.span(date, period), &mut entry)?;
        entry.closing = then.balance();
        entry.draw_number = self.loan.draw_number;
        entry.clock = date;
        sink.entry(&entry);
        Ok(())
    }

    pub fn time_to(&self, date: Date, period: &Period) -> YearFraction {
        self.time_between(self.ledger.clock(), date, period)
    }

    fn time_between(&self, from: Date, date: Date, period: &Period) -> YearFraction {
        period.time_between(from, date, self.loan.day_count)
    }

    fn span<'p>(&self, to: Date, period: &'p Period) -> Span<'p> {
        let (accrued, day_count) = (self.accrued, self.loan.day_count);
        Span { from: self.ledger.clock(), to, accrued, period, day_count }
    }
}
