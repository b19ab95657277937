//! A resolved loan, its rows, and what a payment of it is; [`super::course`] runs the days in order.
//!
//! On one day the scheduled payment comes first, on the balance before; then a new rate, principal agreed for the day,
//! prepayments, and advances last. Movements on a payment date share its row; on other days they have one of their
//! own, so that balances are right on every day. Interest accrues exactly over the pieces between steps and is rounded
//! once, when a payment settles it.
//!
//! What accrues beside the loan and is paid with it (fees, interest in kind, hedges) is a [`Rider`].
#![forbid(unsafe_code)]

use super::fees::Undrawn;
use super::floating::Stretch;
use super::hedge::HedgeStep;
use super::prepayment::Call;
use super::steps::{Movement, PaymentHoliday, Period, Span, Step};
use super::{Amount, Due, Fault, Ledger, Profile, borrowing_base};
use crate::calendar::{Date, DayCount, YearFraction};
use crate::rate::AnnualRate;

/// A loan with dates and integers: all that an engine needs and nothing it would have to look up.
#[derive(Clone, Copy, Debug)]
pub struct ResolvedLoan<'a, A: Amount> {
    /// What is lent on the first day.
    pub principal: A,
    /// That day.
    pub start: Date,
    /// The rate until a step changes it.
    pub rate: AnnualRate,
    /// How parts of a year are counted.
    pub day_count: DayCount,
    /// The periods, each ended by a payment.
    pub periods: &'a [Period],
    /// The periods that a level amount is spread over, in parts of a year: from the first, and beyond the last where
    /// a loan ends with a balloon.
    pub times: &'a [YearFraction],
    /// How it is repaid.
    pub profile: Profile<'a, A>,
    /// How many payments at the start are of interest alone.
    pub interest_only: usize,
    /// The level amount, where it was agreed.
    pub payment: Option<A>,
    /// Whether level payments count whole periods, whatever their days ([`ResolvedLoan::times`] has them).
    pub nominal: bool,
    /// Leave to add unpaid interest to the balance, up to this.
    pub balance_cap: Option<A>,
    /// Payments that are not made.
    pub holidays: &'a [PaymentHoliday],
    /// What else happens, in order ([`super::steps::sort`]).
    pub steps: &'a [Step<A>],
    /// Its rates over its life, where more than the steps must know of them: interest in kind, hedges.
    pub path: &'a [Stretch],
    /// Hedges of its rate, along that path.
    pub hedges: &'a [HedgeStep<A>],
    /// The share of a draw that is received.
    pub issue_price: AnnualRate,
    /// Fees paid at the start.
    pub upfront: A,
    /// What the fee on the undrawn commitment is computed from.
    pub undrawn: Option<Undrawn<A>>,
    /// The loan goes on up to this day even while nothing is owed.
    pub open_until: Date,
    /// What may be owed at most from each date on, in order of date: a borrowing base. None before the first.
    pub limits: &'a [(Date, A)],
    /// What a prepayment costs.
    pub call: Call<'a>,
    /// Whether some of its draws are left out, so that what is agreed may be more than what is owed.
    pub partial: bool,
    /// The number of the draw that it is, where a loan's draws have terms of their own.
    pub draw_number: usize,
}

impl<A: Amount> ResolvedLoan<'_, A> {
    /// Whether nothing but a rate, equal terms and payments makes the loan: those that a faster lane may take.
    #[must_use]
    pub fn is_simple(&self) -> bool {
        let plain = matches!(self.profile, Profile::LevelPayment | Profile::LevelPrincipal | Profile::Bullet);
        let bare = self.undrawn.is_none() && self.limits.is_empty() && self.upfront == A::zero();
        let still = self.steps.is_empty() && self.holidays.is_empty() && self.path.is_empty();
        plain && bare && still && self.balance_cap.is_none()
    }

    /// How many payments there are before nothing is left: fewer than periods where a level amount repays earlier.
    #[must_use]
    pub fn payments(&self) -> usize {
        self.periods.len().min(self.times.len())
    }
}

/// A row: what moved on one day, and the balances around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Entry<A: Amount> {
    /// The number of the payment, or of the last one before; 0 for the first advance.
    pub number: usize,
    /// The day of payment.
    pub date: Date,
    /// The first day whose interest is settled here; the day itself where none is.
    pub accrual_start: Date,
    /// The rate in force before anything of this day.
    pub rate: AnnualRate,
    /// What was owed before.
    pub opening: A,
    /// Lent.
    pub draw: A,
    /// Interest paid.
    pub interest: A,
    /// Interest added to the balance.
    pub pik: A,
    /// Principal paid as agreed.
    pub principal: A,
    /// Principal paid beyond that.
    pub prepayment: A,
    /// Fees paid, premiums included.
    pub fee: A,
    /// The part of a draw that is received: less than it where it is issued below par.
    pub proceeds: A,
    /// The part of `fee` that is a premium for prepayment.
    pub premium: A,
    /// The part of `interest` that a hedge added (or, negative, took off).
    pub hedge: A,
    /// Cash: interest, principal, prepayment and fees.
    pub payment: A,
    /// The level amount in force before anything of this day.
    pub level: A,
    /// What is owed after.
    pub closing: A,
    /// The day up to which interest has accrued.
    pub clock: Date,
    /// Whether interest is settled.
    pub settles: bool,
    /// Whether it is the row of a scheduled payment.
    pub scheduled: bool,
    /// Whether the books are looked at on this day ([`Movement::Observe`]).
    pub observed: bool,
    /// Noted by a rider that keeps books: interest that has accrued and is not settled.
    pub accrued: A,
    /// The part of a year since the row before.
    pub time: f64,
    /// What the contract charged on a balance of one over that time.
    pub growth: f64,
    /// All that was paid on this day to repay the loan in full, where that was agreed.
    pub payoff: A,
    /// The number of the draw that the row belongs to, where draws have terms of their own.
    pub draw_number: usize,
}

impl<A: Amount> Entry<A> {
    pub(super) fn on(number: usize, date: Date, ledger: &Ledger<A>) -> Self {
        Self {
            number,
            date,
            accrual_start: ledger.clock(),
            rate: ledger.rate(),
            opening: ledger.balance(),
            level: ledger.payment(),
            ..Self::default()
        }
    }
}

impl<A: Amount> Entry<A> {
    /// Whether a day that is no payment date has a row.
    pub(super) fn is_shown(&self) -> bool {
        let moved = [self.draw, self.interest, self.pik, self.principal, self.prepayment, self.fee];
        self.observed || moved.iter().any(|amount| *amount != A::zero())
    }
}

/// Where rows go.
pub trait Sink<A: Amount> {
    /// Takes the next row, in order of date.
    fn entry(&mut self, entry: &Entry<A>);
}

impl<A: Amount, S: Sink<A>> Sink<A> for &mut S {
    fn entry(&mut self, entry: &Entry<A>) {
        S::entry(self, entry);
    }
}

/// What accrues beside a loan's interest and is paid with it.
pub trait Rider<A: Amount> {
    /// Time passes, from the ledger's clock on, on the balances of the ledger; `drawn` was lent so far. It may pass in
    /// more parts than the rider's own terms cut it into.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    fn pass(&mut self, ledger: &Ledger<A>, drawn: A, span: &Span<'_>) -> Result<(), Fault>;

    /// A payment is due: adds to its row what is settled with it, before principal is worked out. What it capitalises
    /// goes to the ledger and to [`Entry::pik`]. `interest` is the loan's own, which the rider may change.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    fn pay(&mut self, ledger: &mut Ledger<A>, interest: &mut A, entry: &mut Entry<A>) -> Result<(), Fault>;

    /// A movement other than a scheduled payment has been applied to the ledger; of a prepayment, what was paid.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    fn moved(&mut self, _: &Movement<A>, _: &mut Ledger<A>, _: &mut Entry<A>) -> Result<(), Fault> {
        Ok(())
    }

    /// The books are looked at after `span`, when the ledger will be as it is `then`.
    ///
    /// # Errors
    /// [`Fault::Overflow`].
    fn look(&mut self, _: &Ledger<A>, _: &Ledger<A>, _: &Span<'_>, _: &mut Entry<A>) -> Result<(), Fault> {
        Ok(())
    }
}

/// A rider that its owner looks at afterwards.
impl<A: Amount, R: Rider<A>> Rider<A> for &mut R {
    #[inline]
    fn pass(&mut self, ledger: &Ledger<A>, drawn: A, span: &Span<'_>) -> Result<(), Fault> {
        R::pass(self, ledger, drawn, span)
    }

    #[inline]
    fn pay(&mut self, ledger: &mut Ledger<A>, interest: &mut A, entry: &mut Entry<A>) -> Result<(), Fault> {
        R::pay(self, ledger, interest, entry)
    }

    #[inline]
    fn moved(&mut self, what: &Movement<A>, ledger: &mut Ledger<A>, entry: &mut Entry<A>) -> Result<(), Fault> {
        R::moved(self, what, ledger, entry)
    }

    #[inline]
    fn look(
        &mut self,
        ledger: &Ledger<A>,
        then: &Ledger<A>,
        span: &Span<'_>,
        entry: &mut Entry<A>,
    ) -> Result<(), Fault> {
        R::look(self, ledger, then, span, entry)
    }
}

/// No rider.
impl<A: Amount> Rider<A> for () {
    #[inline]
    fn pass(&mut self, _: &Ledger<A>, _: A, _: &Span<'_>) -> Result<(), Fault> {
        Ok(())
    }

    #[inline]
    fn pay(&mut self, _: &mut Ledger<A>, _: &mut A, _: &mut Entry<A>) -> Result<(), Fault> {
        Ok(())
    }
}

/// A rider, or none.
impl<A: Amount, R: Rider<A>> Rider<A> for Option<R> {
    fn pass(&mut self, ledger: &Ledger<A>, drawn: A, span: &Span<'_>) -> Result<(), Fault> {
        self.as_mut().map_or(Ok(()), |rider| rider.pass(ledger, drawn, span))
    }

    fn pay(&mut self, ledger: &mut Ledger<A>, interest: &mut A, entry: &mut Entry<A>) -> Result<(), Fault> {
        self.as_mut().map_or(Ok(()), |rider| rider.pay(ledger, interest, entry))
    }

    fn moved(&mut self, what: &Movement<A>, ledger: &mut Ledger<A>, entry: &mut Entry<A>) -> Result<(), Fault> {
        self.as_mut().map_or(Ok(()), |rider| rider.moved(what, ledger, entry))
    }
}

/// Two riders, one after the other.
impl<A: Amount, R: Rider<A>, S: Rider<A>> Rider<A> for (R, S) {
    fn pass(&mut self, ledger: &Ledger<A>, drawn: A, span: &Span<'_>) -> Result<(), Fault> {
        self.0.pass(ledger, drawn, span)?;
        self.1.pass(ledger, drawn, span)
    }

    fn pay(&mut self, ledger: &mut Ledger<A>, interest: &mut A, entry: &mut Entry<A>) -> Result<(), Fault> {
        self.0.pay(ledger, interest, entry)?;
        self.1.pay(ledger, interest, entry)
    }

    fn moved(&mut self, what: &Movement<A>, ledger: &mut Ledger<A>, entry: &mut Entry<A>) -> Result<(), Fault> {
        self.0.moved(what, ledger, entry)?;
        self.1.moved(what, ledger, entry)
    }

    fn look(
        &mut self,
        ledger: &Ledger<A>,
        then: &Ledger<A>,
        span: &Span<'_>,
        entry: &mut Entry<A>,
    ) -> Result<(), Fault> {
        self.0.look(ledger, then, span, entry)?;
        self.1.look(ledger, then, span, entry)
    }
}

/// A loan on its way.
#[derive(Clone)]
pub(super) struct Run<'l, A: Amount, R> {
    pub loan: &'l ResolvedLoan<'l, A>,
    pub ledger: Ledger<A>,
    pub rider: R,
    /// All that was lent.
    pub drawn: A,
    /// Lent under the same commitment by loans of their own.
    pub elsewhere: A,
    /// What shares are of, and how many payments came before: all that was lent and none, until a prepayment makes
    /// later payments smaller.
    pub basis: A,
    pub since: usize,
    /// Whether more was repaid than agreed.
    pub ahead: bool,
    /// How many payments were made, which is the place of the next.
    pub next: usize,
    /// The day up to which interest is settled.
    pub settled: Date,
    /// The day up to which interest has accrued: the clock, unless only riders were asked since.
    pub accrued: Date,
    /// Whether the level amount must be worked out anew.
    pub fixing: bool,
    /// How many advances are still to come.
    pub later: usize,
    /// The principal of the coming payment, where it is decided for several loans together.
    pub told: Option<A>,
    /// What is repaid with it beyond that.
    pub extra: A,
}

impl<'l, A: Amount, R: Rider<A>> Run<'l, A, R> {
    pub fn new(loan: &'l ResolvedLoan<'l, A>, rider: R) -> Self {
        Self {
            loan,
            ledger: Ledger::new(loan.start, loan.rate),
            rider,
            drawn: A::zero(),
            elsewhere: A::zero(),
            basis: A::zero(),
            since: 0,
            ahead: loan.partial,
            next: 0,
            settled: loan.start,
            accrued: loan.start,
            fixing: true,
            later: loan
                .steps
                .iter()
                .filter(|step| matches!(step.movement, Movement::Draw(amount) if amount != A::zero()))
                .count(),
            told: None,
            extra: A::zero(),
        }
    }

    pub fn is_over(&self) -> bool {
        self.later == 0 && self.ledger.balance() == A::zero() && self.ledger.clock() >= self.loan.open_until
    }

    /// Makes the payment that ends a period.
    pub fn pay(&mut self, period: &Period, entry: &mut Entry<A>) -> Result<(), Fault> {
        entry.accrual_start = self.settled;
        (entry.settles, entry.scheduled) = (true, true);
        self.settled = period.end;
        let holiday = self.holiday(period);
        if self.next >= self.loan.interest_only && holiday.is_none() {
            self.fix(YearFraction::ZERO)?;
        }
        entry.level = self.ledger.payment();
        let mut interest = self.ledger.settle()?;
        self.rider.pay(&mut self.ledger, &mut interest, entry)?;
        let number = self.next.saturating_add(1);
        let last = number >= self.loan.payments();
        let mut principal = A::zero();
        if last {
            principal = self.ledger.balance();
            self.refuse_more(number)?;
        } else if let Some(holiday) = holiday {
            self.fixing = true;
            if holiday.capitalised && interest > A::zero() {
                self.capitalise(interest, entry)?;
                interest = A::zero();
            }
        } else if number > self.loan.interest_only {
            let due = Due {
                number,
                balance: self.ledger.balance(),
                interest,
                basis: self.basis,
                since: self.since,
                ahead: self.ahead,
                payment: self.ledger.payment(),
                agreed: self.loan.payment.is_some() || matches!(self.loan.profile, Profile::Sculpted(_)),
            };
            principal = match self.told.take() {
                Some(told) => told,
                None => {
                    let principal = self.loan.profile.principal(&due)?;
                    self.judge(&due, principal, period)?;
                    principal
                }
            };
            if principal < A::zero() {
                let unpaid = self.room().lesser(A::zero().minus(principal).ok_or(Fault::Overflow)?);
                self.capitalise(unpaid, entry)?;
                interest = interest.minus(unpaid).ok_or(Fault::Overflow)?;
                principal = A::zero();
            }
        }
        if let Some(limit) = self.loan.limit_on(period.paid) {
            let excess = borrowing_base::excess(self.ledger.balance(), limit)?;
            self.ahead |= excess > principal;
            principal = principal.greater(excess);
        }
        let extra = std::mem::take(&mut self.extra);
        self.ahead |= extra > A::zero();
        principal = principal.plus(extra).ok_or(Fault::Overflow)?;
        entry.interest = entry.interest.plus(interest).ok_or(Fault::Overflow)?;
        entry.principal = self.ledger.repay(principal)?;
        self.next = number;
        Ok(())
    }

    pub fn holiday(&self, period: &Period) -> Option<&'l PaymentHoliday> {
        self.loan.holidays.iter().find(|holiday| holiday.covers(period.scheduled))
    }

    /// Refuses an agreed payment that leaves interest unpaid, or the balance as it is, without leave.
    fn judge(&self, due: &Due<A>, principal: A, period: &Period) -> Result<(), Fault> {
        if self.loan.balance_cap.is_some() || !due.agreed || principal > A::zero() || due.balance == A::zero() {
            return Ok(());
        }
        let (number, date) = (due.number, period.paid);
        let (interest, payment) = (due.interest.as_f64(), due.payment.as_f64());
        if principal < A::zero() {
            return Err(Fault::NegativeAmortization { number, date, interest, payment });
        }
        let first = number == self.loan.interest_only.saturating_add(1);
        if first && self.loan.payment.is_some() {
            Err(Fault::NeverAmortises { number, date, interest, payment })
        } else {
            Ok(())
        }
    }

    /// Refuses principal agreed for the last payment that is more than what is owed.
    fn refuse_more(&self, number: usize) -> Result<(), Fault> {
        let (Profile::Custom(amounts), false) = (self.loan.profile, self.ahead) else { return Ok(()) };
        let agreed = amounts.get(self.next).copied().unwrap_or_default();
        if agreed.exceeds(self.ledger.balance()) { Err(Fault::BeyondBalance { number }) } else { Ok(()) }
    }

    /// How much unpaid interest may still be added.
    fn room(&self) -> A {
        let cap = self.loan.balance_cap.unwrap_or_default();
        cap.minus(self.ledger.balance()).unwrap_or_default().at_least_zero()
    }

    fn capitalise(&mut self, interest: A, entry: &mut Entry<A>) -> Result<(), Fault> {
        self.ledger.capitalise(interest)?;
        entry.pik = entry.pik.plus(interest).ok_or(Fault::Overflow)?;
        Ok(())
    }

    /// Ends a day: writes the row of a scheduled payment, or of another day if anything moved.
    pub fn close(&mut self, entry: &mut Entry<A>, scheduled: bool, sink: &mut impl Sink<A>) -> Result<(), Fault> {
        entry.closing = self.ledger.balance();
        entry.draw_number = self.loan.draw_number;
        entry.clock = self.ledger.clock();
        let paid = entry.interest.plus(entry.principal).and_then(|sum| sum.plus(entry.prepayment));
        entry.payment = paid.and_then(|sum| sum.plus(entry.fee)).ok_or(Fault::Overflow)?;
        if scheduled || entry.is_shown() {
            sink.entry(entry);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "loan_tests.rs"]
mod tests;
