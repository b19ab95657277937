"""What covenants measure, as data: windowed measures above and below a line.

A metric is written as it is read: ``metric("quick", "cash + receivables", denominator="debt")``. A bare name
is the value at the period's end; ``sum(x)`` adds up a year of periods and ``sum(x, 3)`` the last three;
``average(x, 4)`` is their mean; ``annualized(x)`` is a sum scaled to a year, over the periods there are where
the record is shorter than that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType, NoneType
from typing import Any

from neocalc.errors import ConfigError

WINDOWS = ("last", "sum", "average", "annualized")
UNITS = ("times", "share", "money")
LIMITS = ("min", "max")
MAX_WINDOW = 1_200
_TERM = re.compile(
    r"\s*(?P<sign>[+-])?\s*(?:(?P<window>sum|average|annualized)\(\s*(?P<inside>[A-Za-z_]\w*)\s*"
    r"(?:,\s*(?P<periods>[0-9]{1,4})\s*)?\)|(?P<name>[A-Za-z_]\w*))\s*",
    re.ASCII,
)
_CURE = re.compile(r"(?P<sign>[+-])?(?P<name>[A-Za-z_]\w*)", re.ASCII)
# Longer common denominators of windows could take exact sums beyond 128 bits.
_MAX_COMMON = 10**9


@dataclass(frozen=True)
class Term:
    """A measure, its sign, and which of its periods count."""

    measure: str
    minus: bool = False
    window: str = "last"
    periods: int | None = None  # None: a year

    def words(self, per_year: int | None = None) -> str:
        """Say it in words."""
        name = self.measure.replace("_", " ")
        if self.window == "last":
            return name
        periods = self.periods or per_year
        over = "a year" if periods is None else "the last period" if periods == 1 else f"{periods} periods"
        if self.window == "average":
            return f"the average of {name} over {over}"
        return f"{name} over {over}" + (", scaled to a year" if self.window == "annualized" else "")


@dataclass(frozen=True)
class Metric:
    """A quotient of measures, or an amount; made by `metric`."""

    name: str
    numerator: tuple[Term, ...]
    denominator: tuple[Term, ...] = ()
    limit: str | None = None
    unit: str = "times"
    cure: tuple[str, bool] | None = None  # the measure that a cure changes, and whether it lowers it
    otherwise: Metric | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures it needs."""
        return tuple(dict.fromkeys(term.measure for term in (*self.numerator, *self.denominator)))

    def variants(self) -> Iterator[Metric]:
        """Yield itself, and what stands in for it where measures are missing."""
        here: Metric | None = self
        while here is not None:
            yield here
            here = here.otherwise

    def words(self, per_year: int | None = None) -> str:
        """Say what is divided by what."""
        above = _side_words(self.numerator, per_year)
        return f"{above} ÷ {_side_words(self.denominator, per_year)}" if self.denominator else above

    def windowed(self, window_periods: int | None, annualize: bool, per_year: int) -> Metric:
        """Return it with every window resolved to a number of periods, of this length where one is given."""

        def resolved(term: Term) -> Term:
            if term.window == "last":
                return replace(term, periods=1)
            kind = "annualized" if annualize and term.window == "sum" else term.window
            return replace(term, window=kind, periods=window_periods or term.periods or per_year)

        above, below = (tuple(map(resolved, side)) for side in (self.numerator, self.denominator))
        scaled = {term.periods or 1 for term in (*above, *below) if term.window in ("average", "annualized")}
        if math.lcm(*scaled) > _MAX_COMMON:
            raise ConfigError(
                f"metric {self.name!r} mixes windows of {sorted(scaled)} periods: too many to sum exactly"
            )
        return replace(self, numerator=above, denominator=below, otherwise=None)

    def __str__(self) -> str:
        return f"{self.name}: {self.words()}"


def _side_words(terms: Sequence[Term], per_year: int | None) -> str:
    text = " ".join(f"{'−' if term.minus else '+'} {term.words(per_year)}" for term in terms)
    text = text.removeprefix("+ ")
    return f"({text})" if len(terms) > 1 else text


def _is_text(given: object) -> bool:
    return isinstance(given, str)


def _side(what: str, text: Any) -> tuple[Term, ...]:
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"{what} must be text such as 'sum(ebitda) - sum(capex)', not {text!r}")
    terms: list[Term] = []
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None or bool(terms) > bool(found["sign"]):
            raise ConfigError(f"{what} {text!r} is not a sum of measures: stuck at {text[at:].strip()!r}")
        periods = int(found["periods"]) if found["periods"] else None
        if periods is not None and not 1 <= periods <= MAX_WINDOW:
            raise ConfigError(f"{what}: a window has 1 to {MAX_WINDOW} periods, not {periods}")
        name, window = found["inside"] or found["name"], found["window"] or "last"
        terms.append(Term(name, found["sign"] == "-", window, periods))
        at = found.end()
    return tuple(terms)


def metric(
    name: str,
    numerator: str,
    *,
    denominator: str | None = None,
    limit: str | None = None,
    unit: str | None = None,
    cure: str | None = None,
    otherwise: Metric | None = None,
) -> Metric:
    """Define what a covenant measures.

    Parameters
    ----------
    name
        Under which ``covenants`` ask for it.
    numerator, denominator
        Sums and differences of measures: ``x`` (at the period's end), ``sum(x)``, ``sum(x, 3)``,
        ``average(x, 4)``, ``annualized(x)``. Without a denominator the metric is an amount of money.
    limit
        ``min`` or ``max``, where only one has a sense; a covenant with the other is then refused.
    unit
        ``times`` (1.40x), ``share`` (0.65; a threshold above 1 is taken for a percentage and refused) or
        ``money``.
    cure
        The measure that an equity cure adds to (``"+ebitda"``) or takes from (``"-total_debt"``).
    otherwise
        The metric to use where not all measures of this one are there.

    Returns
    -------
    Metric
        Frozen; ``str()`` says it in words.

    Raises
    ------
    ConfigError
        For a text that is not a sum of measures.

    Examples
    --------
    >>> import neocalc as nc
    >>> print(nc.metric("quick", "cash + receivables", denominator="current_liabilities", limit="min"))
    quick: (cash + receivables) ÷ current liabilities
    >>> print(nc.covenants.METRICS["leverage"])
    leverage: total debt ÷ ebitda over a year
    """
    if not (_is_text(name) and name):
        raise ConfigError(f"name must be text, not {name!r}")
    above = _side("numerator", numerator)
    below = () if denominator is None else _side("denominator", denominator)
    if limit not in (None, *LIMITS):
        raise ConfigError(f"limit must be 'min', 'max' or None, not {limit!r}")
    unit = unit or ("times" if below else "money")
    if unit not in UNITS or (unit == "money") == bool(below):
        raise ConfigError("unit must be 'times' or 'share' of a quotient, 'money' without a denominator")
    target = None
    if cure is not None:
        found = _CURE.fullmatch(cure.replace(" ", "")) if _is_text(cure) else None
        if found is None or found["name"] not in {term.measure for term in (*above, *below)}:
            raise ConfigError(f"cure must be '+' or '-' and a measure of the metric, not {cure!r}")
        target = (found["name"], found["sign"] == "-")
    if not isinstance(otherwise, (Metric, NoneType)):
        raise ConfigError(f"otherwise must be made by neocalc.metric(...), not {otherwise!r}")
    return Metric(name, above, below, limit, unit, target, otherwise)


def _built_in() -> Iterator[Metric]:
    service, parts = "sum(debt_service)", "sum(interest) + sum(principal)"

    def of_service(name: str, above: str, cure: str) -> Metric:
        spelled = metric(name, above, denominator=parts, limit="min", cure=cure)
        return metric(name, above, denominator=service, limit="min", cure=cure, otherwise=spelled)

    yield of_service("dscr", "sum(cfads)", "+cfads")
    yield metric("icr", "sum(ebitda)", denominator="sum(interest)", limit="min", cure="+ebitda")
    yield of_service("fixed_charge_cover", "sum(ebitda) - sum(capex) - sum(taxes)", "+ebitda")
    yield metric("leverage", "total_debt", denominator="sum(ebitda)", limit="max", cure="+ebitda")
    yield metric("net_leverage", "total_debt - cash", denominator="sum(ebitda)", limit="max", cure="+ebitda")
    yield metric(
        "ltv", "total_debt", denominator="collateral_value", limit="max", unit="share", cure="-total_debt"
    )
    alone = metric("liquidity", "cash", limit="min", cure="+cash")
    yield metric("liquidity", "cash + undrawn_commitments", limit="min", cure="+cash", otherwise=alone)
    yield metric(
        "contract_realisation",
        "sum(billed_revenue, 3)",
        denominator="sum(contracted_revenue, 3)",
        limit="min",
        unit="share",
    )
    yield metric(
        "concentration",
        "sum(largest_customer_revenue)",
        denominator="sum(revenue)",
        limit="max",
        unit="share",
    )
    yield metric("llcr", "cfads_present_value", denominator="total_debt", limit="min", cure="-total_debt")


METRICS: Mapping[str, Metric] = MappingProxyType({built_in.name: built_in for built_in in _built_in()})
