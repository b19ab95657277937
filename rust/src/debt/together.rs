//! The draws of one facility run side by side, day by day, where amounts are stated for the facility as a whole: a
//! schedule of principal, an agreed payment, payments that follow a cash flow, a borrowing base.
//!
//! Such an amount pays, in this order: the interest due that day on all draws (where it is a payment, not principal),
//! what falls due because a draw matures, then principal of the draws, the oldest first. What a borrowing base no
//! longer allows is repaid beyond that, the oldest draw first too. Each draw keeps its own ledger, rates and dates.
#![forbid(unsafe_code)]

use super::course::{Course, Day};
use super::prepayment::Prepayment;
use super::steps::{Movement, Step};
use super::{Amount, Entry, Fault, ResolvedLoan, Rider, Sink, borrowing_base};
use crate::calendar::Date;

/// What is stated for all draws together.
#[derive(Clone, Copy, Debug)]
pub enum Stated<'a, A: Amount> {
    /// Nothing: each draw is repaid by its own terms.
    Nothing,
    /// The principal of each payment, by the day that ends its period.
    Principal(&'a [(Date, A)]),
    /// The same principal with every payment.
    EachPrincipal(A),
    /// What each payment comes to, interest and principal together, likewise.
    Payment(&'a [(Date, A)]),
    /// The same with every payment.
    EachPayment(A),
}

impl<A: Amount> Stated<'_, A> {
    /// The amount for a day, and whether interest is paid out of it.
    fn on(&self, date: Date) -> Option<(A, bool)> {
        let of = |rows: &[(Date, A)]| {
            let at = rows.binary_search_by_key(&date, |(day, _)| *day).ok();
            at.and_then(|at| rows.get(at)).map_or(A::zero(), |(_, amount)| *amount)
        };
        match self {
            Self::Nothing => None,
            Self::Principal(rows) => Some((of(rows), false)),
            Self::EachPrincipal(amount) => Some((*amount, false)),
            Self::Payment(rows) => Some((of(rows), true)),
            Self::EachPayment(amount) => Some((*amount, true)),
        }
    }
}

impl<A: Amount> Stated<'_, A> {
    /// Whether a schedule has principal for a day.
    fn asks_on(&self, date: Date) -> bool {
        matches!(self, Self::Principal(_)) && self.on(date).is_some_and(|(amount, _)| amount != A::zero())
    }
}

/// What holds for the facility as a whole.
#[derive(Debug)]
pub struct Shared<'a, A: Amount> {
    /// What its payments are.
    pub stated: Stated<'a, A>,
    /// What may be owed in all, from each date on.
    pub limits: &'a [(Date, A)],
    /// Of each prepayment what no draw has taken; what is left in the end is for the caller to judge.
    pub left: &'a mut [A],
}

/// One draw on its way.
struct Part<'l, A: Amount, R> {
    course: Course<'l, A, R>,
    begun: bool,
}

impl<A: Amount, R: Rider<A> + Clone> Part<'_, A, R> {
    fn date(&self) -> Option<Date> {
        if self.begun { self.course.day().map(|day| day.date()) } else { Some(self.course.run.loan.start) }
    }
}

/// A payment that is due, seen in advance.
#[derive(Clone, Copy, Debug)]
struct Claim<A> {
    /// Whose.
    part: usize,
    /// Whether it is the last, whether principal may be told.
    last: bool,
    open: bool,
    /// Whether more was repaid than agreed.
    ahead: bool,
    interest: A,
    /// By its own terms.
    principal: A,
    /// What it may repay at most.
    balance: A,
}

/// Runs the draws of a facility, the loan itself first; each has a rider and a sink of its own.
///
/// # Errors
/// Any [`Fault`]; rows up to it have been written.
pub fn amortize_together<'l, A: Amount, R: Rider<A> + Clone>(
    loans: &'l [ResolvedLoan<'l, A>],
    riders: impl IntoIterator<Item = R>,
    shared: &mut Shared<'_, A>,
    sinks: &mut [impl Sink<A>],
) -> Result<(), Fault> {
    let parts = loans.iter().zip(riders).map(|(loan, rider)| Part { course: Course::new(loan, rider), begun: false });
    let mut parts: Vec<_> = parts.collect();
    let (mut claims, mut steps) = (Vec::new(), Vec::new());
    let agreed = agreed_days(loans, shared.stated);
    let mut coming = agreed.as_slice();
    while let Some(date) = parts.iter().filter_map(Part::date).min() {
        let (past, rest) = coming.split_at(coming.partition_point(|day| *day < date));
        refuse_idle(&parts, past)?;
        coming = rest.get(rest.partition_point(|day| *day == date)..).unwrap_or_default();
        claim(shared.stated, &parts, date, &mut claims)?;
        if claims.is_empty() && shared.stated.asks_on(date) {
            refuse_idle(&parts, &[date])?;
        }
        let ahead = claims.iter().any(|claim| claim.ahead) || parts.iter().any(|part| part.course.run.ahead);
        allocate(shared, &mut parts, date, ahead, &mut claims)?;
        // Principal that is agreed for a day which is no payment date: first for what matures on it.
        let mut asked: Option<A> = None;
        let own = loans.first().map_or(&[][..], |loan| loan.steps).iter().filter(|step| step.date == date);
        let principal = principal_of(own)?;
        if principal > A::zero() {
            let matured = total(claims.iter().filter(|claim| claim.last).map(|claim| claim.balance))?;
            asked = Some(principal.minus(matured).ok_or(Fault::Overflow)?.at_least_zero());
        }
        let (mut drawn, mut last) = (false, 0);
        for (part, sink) in parts.iter_mut().zip(sinks.iter_mut()).filter(|(part, _)| part.date() == Some(date)) {
            let now = part.course.steps_on(date);
            let before = part.course.run.ledger.balance();
            steps.clear();
            steps.extend(now.iter().copied());
            share_out(&mut steps, before_steps(part, date, before)?, shared.left, &mut asked);
            let lent = part.course.run.drawn;
            let mut note = Note { sink, prepaid: A::zero() };
            match part.course.day().filter(|_| part.begun) {
                Some(day) => part.course.go_on(day, &steps, &mut note)?,
                None => {
                    part.begun = true;
                    part.course.begin(&steps, &mut note)?;
                }
            }
            settle_left(shared.left, now, note.prepaid);
            drawn |= part.course.run.drawn > lent;
            last = part.course.run.next;
        }
        if asked.is_some_and(|asked| asked > A::zero()) && !ahead {
            return Err(Fault::BeyondBalance { number: last });
        }
        if drawn && let Some(limit) = limit_on(shared.limits, date) {
            let owed = total(parts.iter().map(|part| part.course.run.ledger.balance()))?;
            if owed.exceeds(limit) {
                return Err(Fault::BeyondBase { date, limit: limit.as_f64() });
            }
        }
    }
    refuse_idle(&parts, coming)?;
    parts.iter().try_for_each(|part| part.course.finish())
}

/// The days for which principal is agreed, in order.
fn agreed_days<A: Amount>(loans: &[ResolvedLoan<'_, A>], stated: Stated<'_, A>) -> Vec<Date> {
    let of_payments = if let Stated::Principal(rows) = stated { rows } else { &[] };
    let of_payments = of_payments.iter().filter(|(_, amount)| *amount != A::zero()).map(|(day, _)| *day);
    let between = loans.first().map_or(&[][..], |loan| loan.steps).iter();
    let between = between.filter(|step| matches!(step.movement, Movement::Principal(amount) if amount != A::zero()));
    let mut days: Vec<_> = of_payments.chain(between.map(|step| step.date)).collect();
    days.sort_unstable();
    days
}

/// Refuses principal agreed for days on which no draw owed anything, unless more was repaid than agreed.
fn refuse_idle<A: Amount, R>(parts: &[Part<'_, A, R>], days: &[Date]) -> Result<(), Fault>
where
    R: Rider<A> + Clone,
{
    match parts.first().filter(|_| !days.is_empty()) {
        Some(first) if parts.iter().all(|part| !part.course.run.ahead) => {
            Err(Fault::BeyondBalance { number: first.course.run.next.saturating_add(1) })
        }
        _ => Ok(()),
    }
}

fn limit_on<A: Amount>(limits: &[(Date, A)], date: Date) -> Option<A> {
    let after = limits.partition_point(|(from, _)| *from <= date);
    after.checked_sub(1).and_then(|at| limits.get(at)).map(|(_, limit)| *limit)
}

fn total<A: Amount>(amounts: impl Iterator<Item = A>) -> Result<A, Fault> {
    let mut sum = A::zero();
    for amount in amounts {
        sum = sum.plus(amount).ok_or(Fault::Overflow)?;
    }
    Ok(sum)
}

/// The payments due on a day, each as it would be by its own terms; of amounts that are told, with none.
fn claim<A: Amount, R: Rider<A> + Clone>(
    stated: Stated<'_, A>,
    parts: &[Part<'_, A, R>],
    date: Date,
    claims: &mut Vec<Claim<A>>,
) -> Result<(), Fault> {
    claims.clear();
    for (place, part) in parts.iter().enumerate().filter(|(_, part)| part.begun) {
        let Some(Day::Payment(period)) = part.course.day().filter(|day| day.date() == date) else { continue };
        let mut run = part.course.run.clone();
        let number = run.next.saturating_add(1);
        let last = number >= run.loan.payments();
        let open = !last && number > run.loan.interest_only && run.holiday(period).is_none();
        if open && !matches!(stated, Stated::Nothing) {
            run.told = Some(A::zero());
        }
        run.pass_to(period.end, period)?;
        let mut entry = Entry::default();
        run.pay(period, &mut entry)?;
        let balance = run.ledger.balance().plus(entry.principal).ok_or(Fault::Overflow)?;
        let (interest, principal, ahead) = (entry.interest, entry.principal, run.ahead);
        claims.push(Claim { part: place, last, open, ahead, interest, principal, balance });
    }
    Ok(())
}

/// Decides what each of them repays.
fn allocate<A: Amount, R: Rider<A> + Clone>(
    shared: &Shared<'_, A>,
    parts: &mut [Part<'_, A, R>],
    date: Date,
    ahead: bool,
    claims: &mut [Claim<A>],
) -> Result<(), Fault> {
    if claims.is_empty() {
        return Ok(());
    }
    let matured = total(claims.iter().filter(|claim| claim.last).map(|claim| claim.balance))?;
    // Where no draw has a payment to divide, because each has its last one, what is agreed is within that.
    let divided = claims.iter().any(|claim| claim.open);
    let matures = matches!(shared.stated, Stated::Principal(_)) && claims.iter().all(|claim| claim.last);
    let stated = shared.stated.on(date).filter(|_| divided || matures);
    if let Some((amount, pays_interest)) = stated {
        let mut rest = amount;
        if pays_interest {
            let interest = total(claims.iter().map(|claim| claim.interest))?;
            rest = rest.minus(interest).ok_or(Fault::Overflow)?;
            judge(shared, parts, claims, (date, interest, amount, rest))?;
        }
        rest = rest.minus(matured).ok_or(Fault::Overflow)?.at_least_zero();
        for claim in claims.iter_mut().filter(|claim| claim.open) {
            claim.principal = rest.lesser(claim.balance);
            rest = rest.minus(claim.principal).ok_or(Fault::Overflow)?;
        }
        if matches!(shared.stated, Stated::Principal(_)) && rest > A::zero() && !ahead {
            let number = claims.first().and_then(|claim| parts.get(claim.part)).map_or(0, |part| part.course.run.next);
            return Err(Fault::BeyondBalance { number: number.saturating_add(1) });
        }
    }
    let paid = claims.iter().filter_map(|claim| match parts.get(claim.part)?.course.day()? {
        Day::Payment(period) => Some(period.paid),
        Day::Between(..) => None,
    });
    let mut excess = A::zero();
    if let Some(limit) = paid.max().and_then(|paid| limit_on(shared.limits, paid)) {
        let paying = total(claims.iter().map(|claim| claim.balance))?;
        let others = parts.iter().enumerate().filter(|(place, _)| claims.iter().all(|claim| claim.part != *place));
        let owed = total(others.map(|(_, part)| part.course.run.ledger.balance()))?.plus(paying);
        let left = owed.and_then(|owed| owed.minus(total(claims.iter().map(|claim| claim.principal)).ok()?));
        excess = borrowing_base::excess(left.ok_or(Fault::Overflow)?, limit)?;
    }
    for claim in claims.iter() {
        let Some(part) = parts.get_mut(claim.part) else { continue };
        let run = &mut part.course.run;
        if claim.open && !matches!(shared.stated, Stated::Nothing) {
            run.told = Some(claim.principal);
        }
        let more = excess.lesser(claim.balance.minus(claim.principal).ok_or(Fault::Overflow)?).at_least_zero();
        excess = excess.minus(more).ok_or(Fault::Overflow)?;
        run.extra = more;
    }
    Ok(())
}

/// Refuses a payment that does not cover the interest on all draws, or at first nothing more.
fn judge<A: Amount, R: Rider<A> + Clone>(
    shared: &Shared<'_, A>,
    parts: &[Part<'_, A, R>],
    claims: &[Claim<A>],
    (date, interest, amount, rest): (Date, A, A, A),
) -> Result<(), Fault> {
    let Some(run) = claims.iter().find(|claim| claim.open).and_then(|claim| parts.get(claim.part)) else {
        return Ok(());
    };
    let owed = claims.iter().any(|claim| claim.open && claim.balance > A::zero());
    let number = run.course.run.next.saturating_add(1);
    let (interest, payment) = (interest.as_f64(), amount.as_f64());
    if owed && rest < A::zero() {
        return Err(Fault::NegativeAmortization { number, date, interest, payment });
    }
    let first = number == run.course.run.loan.interest_only.saturating_add(1);
    let agreed = matches!(shared.stated, Stated::EachPayment(_));
    if owed && agreed && first && rest == A::zero() {
        return Err(Fault::NeverAmortises { number, date, interest, payment });
    }
    Ok(())
}

fn principal_of<'s, A: Amount>(steps: impl Iterator<Item = &'s Step<A>>) -> Result<A, Fault> {
    total(steps.filter_map(|step| match step.movement {
        Movement::Principal(amount) => Some(amount),
        _ => None,
    }))
}

/// What a draw owes before the movements of a day.
fn before_steps<A: Amount, R: Rider<A> + Clone>(part: &Part<'_, A, R>, date: Date, owed: A) -> Result<A, Fault> {
    if !part.begun {
        return Ok(part.course.run.loan.principal);
    }
    let Some(Day::Payment(period)) = part.course.day().filter(|day| day.date() == date) else { return Ok(owed) };
    let mut run = part.course.run.clone();
    run.pass_to(period.end, period)?;
    run.pay(period, &mut Entry::default())?;
    Ok(run.ledger.balance())
}

/// Makes the steps of one draw out of those of the facility: it takes what it owes of what others have left.
fn share_out<A: Amount>(steps: &mut [Step<A>], mut owed: A, left: &[A], asked: &mut Option<A>) {
    for step in steps {
        match &mut step.movement {
            Movement::Principal(amount) => {
                let mine = asked.unwrap_or_default().lesser(owed);
                *asked = asked.and_then(|asked| asked.minus(mine));
                owed = owed.minus(mine).unwrap_or_default();
                *amount = mine;
            }
            Movement::Prepayment(Prepayment { amount: Some(amount), place, .. }) => {
                *amount = left.get(*place).copied().unwrap_or(*amount);
            }
            _ => {}
        }
    }
}

/// Takes what one draw prepaid off what is left, in the order in which it was asked.
fn settle_left<A: Amount>(left: &mut [A], steps: &[Step<A>], mut paid: A) {
    for step in steps {
        if let Movement::Prepayment(Prepayment { amount, place, .. }) = step.movement
            && let Some(slot) = left.get_mut(place)
        {
            let taken = if amount.is_none() { paid } else { paid.lesser(*slot) };
            paid = paid.minus(taken).unwrap_or_default();
            *slot = slot.minus(taken).unwrap_or_default();
        }
    }
}

/// Passes rows on and notes what they prepaid.
struct Note<'s, A, S> {
    sink: &'s mut S,
    prepaid: A,
}

impl<A: Amount, S: Sink<A>> Sink<A> for Note<'_, A, S> {
    fn entry(&mut self, entry: &Entry<A>) {
        self.prepaid = self.prepaid.plus(entry.prepayment).unwrap_or_default();
        self.sink.entry(entry);
    }
}
