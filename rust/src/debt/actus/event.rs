//! Types of events, in the order in which those of one time happen.
#![forbid(unsafe_code)]

/// What happens at a time. Events of one time happen in this order; the published cases have PRF after the rate
/// resets and PR before IP, against the numbers of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// Initial exchange.
    Ied,
    /// Fee payment.
    Fp,
    /// Principal redemption.
    Pr,
    /// Principal increase: a draw.
    Pi,
    /// Penalty for a prepayment.
    Py,
    /// Prepayment.
    Pp,
    /// Execution: the contract is called.
    Xd,
    /// Interest payment.
    Ip,
    /// Interest capitalisation.
    Ipci,
    /// Credit event.
    Ce,
    /// Rate reset to a rate that is known already.
    Rrf,
    /// Rate reset to an index.
    Rr,
    /// Fixing of the payment.
    Prf,
    /// Purchase.
    Prd,
    /// Termination: sale.
    Td,
    /// Scaling by an index.
    Sc,
    /// Fixing of the interest calculation base.
    Ipcb,
    /// Settlement of what was called.
    Std,
    /// Maturity.
    Md,
    /// Analysis: a look at the state.
    Ad,
}

impl EventType {
    /// Every type under its acronym; [`EventType::code`] is the place in this list.
    pub const ALL: [(&'static str, Self); 20] = [
        ("IED", Self::Ied),
        ("FP", Self::Fp),
        ("PR", Self::Pr),
        ("PI", Self::Pi),
        ("PY", Self::Py),
        ("PP", Self::Pp),
        ("XD", Self::Xd),
        ("IP", Self::Ip),
        ("IPCI", Self::Ipci),
        ("CE", Self::Ce),
        ("RRF", Self::Rrf),
        ("RR", Self::Rr),
        ("PRF", Self::Prf),
        ("PRD", Self::Prd),
        ("TD", Self::Td),
        ("SC", Self::Sc),
        ("IPCB", Self::Ipcb),
        ("STD", Self::Std),
        ("MD", Self::Md),
        ("AD", Self::Ad),
    ];

    /// Its place in [`EventType::ALL`].
    #[must_use]
    pub fn code(self) -> i8 {
        self as i8
    }

    /// The type at a place of [`EventType::ALL`].
    #[must_use]
    pub fn from_code(code: i8) -> Option<Self> {
        usize::try_from(code).ok().and_then(|at| Self::ALL.get(at)).map(|(_, kind)| *kind)
    }

    /// Its acronym.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}
