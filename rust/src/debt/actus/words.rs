//! Terms whose values are words, and what the words mean.
#![forbid(unsafe_code)]

use super::{ContractType, FeeBasis, InterestBase, Penalty, PrepaymentEffect, shifting};
use crate::calendar::{ActusCycle, Cycle, DayCount, Weekend};

/// The terms that are words, in an order that columns of them keep.
pub const WORDS: [&str; 19] = [
    "contractType",
    "contractRole",
    "dayCountConvention",
    "endOfMonthConvention",
    "calendar",
    "businessDayConvention",
    "interestCalculationBase",
    "feeBasis",
    "penaltyType",
    "prepaymentEffect",
    "contractPerformance",
    "scalingEffect",
    "cycleOfInterestPayment",
    "cycleOfPrincipalRedemption",
    "cycleOfRateReset",
    "cycleOfFee",
    "cycleOfInterestCalculationBase",
    "cycleOfScalingIndex",
    "xDayNotice",
];

/// What a word means as a value of a term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Meaning {
    /// A contract type.
    Type(ContractType),
    /// A day count.
    DayCount(DayCount),
    /// Days that are none for business.
    Weekend(Weekend),
    /// What interest is computed on.
    Base(InterestBase),
    /// What a fee is.
    Fee(FeeBasis),
    /// What a prepayment costs.
    Penalty(Penalty),
    /// What it changes.
    Prepayment(PrepaymentEffect),
    /// Whether principal and interest are scaled.
    Scales(bool, bool),
    /// Yes or no.
    Flag(bool),
    /// A business-day convention; see [`shifting`].
    Shifting,
    /// A cycle.
    Cycle(ActusCycle),
    /// A period of notice; none is no time.
    Notice(Option<Cycle>),
}

fn named<T: Copy>(known: &[(&str, T)], word: &str) -> Option<T> {
    known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// What a word means as a value of a term; of a term that is none of [`WORDS`], as a cycle.
#[must_use]
pub fn meaning(term: &str, word: &str) -> Option<Meaning> {
    match term {
        "contractType" => named(&ContractType::ALL, word).map(Meaning::Type),
        "contractRole" => named(&[("RPA", false), ("RPL", true)], word).map(Meaning::Flag),
        "dayCountConvention" => match word {
            "A/AISDA" => Some(DayCount::ActActIsda),
            // Coupon periods are no term of a contract here.
            _ => DayCount::parse(word).filter(|known| *known != DayCount::ActActIcma),
        }
        .map(Meaning::DayCount),
        "endOfMonthConvention" => named(&[("SD", false), ("EOM", true)], word).map(Meaning::Flag),
        "calendar" => match word {
            "NC" | "NoCalendar" => Some(Meaning::Weekend(Weekend::NONE)),
            "MF" | "MondayToFriday" => Some(Meaning::Weekend(Weekend::SATURDAY_SUNDAY)),
            _ => None,
        },
        "businessDayConvention" => shifting(word).map(|_| Meaning::Shifting),
        "interestCalculationBase" => named(&InterestBase::ALL, word).map(Meaning::Base),
        "feeBasis" => named(&FeeBasis::ALL, word).map(Meaning::Fee),
        "penaltyType" => named(&Penalty::ALL, word).map(Meaning::Penalty),
        "prepaymentEffect" => named(&PrepaymentEffect::ALL, word).map(Meaning::Prepayment),
        "contractPerformance" => {
            named(&[("PF", true), ("DL", true), ("DQ", true), ("DF", false)], word).map(Meaning::Flag)
        }
        // Interest, principal, and the most that is deferred, which is not scaled here; O stands for 0 in older files.
        "scalingEffect" => match word.replace('O', "0").as_str() {
            "000" => Some(Meaning::Scales(false, false)),
            "I00" => Some(Meaning::Scales(false, true)),
            "0N0" => Some(Meaning::Scales(true, false)),
            "IN0" => Some(Meaning::Scales(true, true)),
            _ => None,
        },
        "xDayNotice" => {
            let days = word.strip_prefix('P')?;
            let none =
                days.strip_suffix('D').is_some_and(|count| !count.is_empty() && count.bytes().all(|b| b == b'0'));
            if none {
                Some(Meaning::Notice(None))
            } else {
                Cycle::parse(days).map(|cycle| Meaning::Notice(Some(cycle)))
            }
        }
        _ => ActusCycle::parse(word).map(Meaning::Cycle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_the_dictionary_says() {
        let accepts = |term, word| meaning(term, word).is_some();
        assert!(accepts("contractType", "PAM") && !accepts("contractType", "SWAPS"));
        assert!(accepts("dayCountConvention", "30E360ISDA") && accepts("dayCountConvention", "A/AISDA"));
        assert!(accepts("cycleOfFee", "P1ML1") && !accepts("cycleOfFee", "P1M"));
        assert_eq!(meaning("xDayNotice", "P0D"), Some(Meaning::Notice(None)));
        assert_eq!(meaning("xDayNotice", "P31D"), Some(Meaning::Notice(Cycle::days(31))));
        assert_eq!((meaning("xDayNotice", "PD"), meaning("xDayNotice", "31D")), (None, None));
        assert_eq!(meaning("scalingEffect", "INO"), Some(Meaning::Scales(true, true)));
        assert_eq!(meaning("scalingEffect", "INM"), None);
    }
}
