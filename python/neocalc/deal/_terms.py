"""What a deal says besides its tables: names, dates, balances at the start, books, tax, the use of cash."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from neocalc._currencies import ISO_4217
from neocalc._frames import meant
from neocalc._macrs import MacrsPolicy, macrs
from neocalc._options import to_days
from neocalc.deal._tables import PROVENANCE
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.policies import (
    DatedPolicy,
    Policy,
    declining_balance,
    straight_line,
    sum_of_years_digits,
    table,
    units_of_production,
)

SECTIONS = ("deal", "opening", "cash", "tax", "books", "lives", "market")
_LARGEST = 2**51
_MOST_WHOLE = 10**30  # more is no amount, and may not even be a float
MONTHS_AT_MOST = 1_200
OPENING: Mapping[str, int | None] = {  # balances, with their default
    "cash": None, "receivables": 0, "payables": 0, "deferred_revenue": 0, "accrued_interest": 0,
    "other_assets": 0, "other_liabilities": 0, "loss_carryforward": 0, "tax_payable": 0,
}  # fmt: skip
RUN_OFF = {
    "receivables_months": 2,
    "payables_months": 1,
    "deferred_revenue_months": 12,
    "accrued_interest_months": 1,
}
METHODS: Mapping[str, Callable[..., Any]] = {
    "straight_line": straight_line,
    "declining_balance": declining_balance,
    "sum_of_years_digits": sum_of_years_digits,
    "units_of_production": units_of_production,
    "table": table,
    "macrs": macrs,
}
QUARTERS = (3, 6, 9, 12)
COLLATERAL = ("book", "market")
UNKNOWN = ("cash", "operating_cost", "revenue", "capex", "taxes")


@dataclass(frozen=True)
class DealTerms:
    """The terms of a deal, checked; amounts in minor units."""

    name: str
    entity_id: str
    currency: str
    minor_units: int
    start: int
    end: int
    fiscal_year_end: int
    policy_by: str | None
    extrapolate: str | None
    unknown: tuple[str, ...]  # what nobody says: whatever depends on cash is then not known
    opening: Mapping[str, int]
    opening_equity: int | None
    minimum_cash: int
    distribution_rate: Decimal
    distribution_months: tuple[int, ...]
    order: tuple[str, ...]
    tax_rate: Decimal | None
    loss_limit_rate: Decimal
    tax_months: tuple[int, ...]
    tax_book: str | None
    recognise_losses: bool
    books: Mapping[str, Any]
    lives_where: Mapping[str, tuple[Any, ...]]
    curve_by: str
    collateral: str
    provenance: Mapping[str, Mapping[str, Any]]  # by key, where a value came with its source


class _Reader:
    """Reads sections key by key; what is wrong is kept, and what nobody asked for is wrong."""

    def __init__(self, document: Mapping[str, Any], label: str) -> None:
        self.document, self.label = document, label
        self.issues: list[Issue] = []
        self.provenance: dict[str, Mapping[str, Any]] = {}
        self.asked: dict[str, set[str]] = {}
        for name in document:
            if name not in SECTIONS:
                hint = meant(str(name), SECTIONS)
                self.wrong(str(name), "unknown_key", "", hint)

    def wrong(self, key: str, code: str, example: object = "", hint: str | None = None) -> None:
        """Record a problem."""
        self.issues.append(Issue.make(f"{self.label}{key}", code, example=str(example), hint=hint))

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section; one that is absent is empty."""
        found = self.document.get(name, {})
        if not isinstance(found, Mapping):
            self.wrong(name, "dtype", repr(found), "write it as a table")
            return {}
        return found

    def get(self, section: str, key: str, default: Any = None) -> Any:
        """Return a value, without the source that stands beside it."""
        self.asked.setdefault(section, set()).add(key)
        return self.value(f"{section}.{key}", self.section(section).get(key, default))

    def value(self, key: str, value: Any) -> Any:
        """Return what stands under a key, without the source that stands beside it."""
        if not isinstance(value, Mapping) or "value" not in value:
            return value
        for name in value:
            if name not in ("value", *PROVENANCE):
                self.wrong(f"{key}.{name}", "unknown_key", "", "value, source, trust, assumed, note")
        self.provenance[key] = {k: v for k, v in value.items() if k != "value"}
        return value["value"]

    def finish(self, section: str) -> None:
        """Refuse the keys of a section that nobody asked for."""
        known = self.asked.get(section, set())
        for key in self.section(section):
            if key not in known and key not in PROVENANCE:
                hint = meant(str(key), sorted(known))
                self.wrong(f"{section}.{key}", "unknown_key", "", hint)

    def text(self, section: str, key: str, default: str | None = None) -> str:
        """Return text."""
        value = self.get(section, key, default)
        if value is None:
            self.wrong(f"{section}.{key}", "missing_key")
            return ""
        if not isinstance(value, str) or not value:
            self.wrong(f"{section}.{key}", "dtype", repr(value), "write text")
            return ""
        return value

    def optional_text(self, section: str, key: str) -> str | None:
        """Return text or None."""
        return None if self.get(section, key) is None else self.text(section, key)

    def day(self, section: str, key: str) -> int | None:
        """Return a day; None for what is none."""
        value = self.get(section, key)
        if value is None:
            self.wrong(f"{section}.{key}", "missing_key")
            return None
        try:
            return to_days(key, value)
        except ConfigError:
            self.wrong(f"{section}.{key}", "date_parse", repr(value))
            return None

    def number(self, section: str, key: str, default: Any, low: Any = None, high: Any = None) -> Decimal:
        """Return a number as the decimal that was written."""
        value = self.get(section, key, default)
        if isinstance(value, np.generic):
            value = value.item()
        bad = isinstance(value, bool) or not isinstance(value, (int, float, Decimal))
        if bad:
            self.wrong(
                f"{section}.{key}",
                "missing_key" if value is None else "dtype",
                "" if value is None else repr(value),
            )
            return Decimal(0)
        if isinstance(value, int) and abs(value) >= _MOST_WHOLE:
            self.wrong(f"{section}.{key}", "range", "a number of more than 30 digits")
            return Decimal(0)
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            self.wrong(f"{section}.{key}", "nonfinite", repr(value))
            return Decimal(0)
        found = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if (low is not None and found < low) or (high is not None and found > high):
            self.wrong(
                f"{section}.{key}", "range", value, f"between {low} and {high}" if high is not None else None
            )
            return Decimal(0)
        return found

    def whole(self, section: str, key: str, default: Any, low: int, high: int) -> int:
        """Return a whole number."""
        found = self.number(section, key, default, low, high)
        if found != int(found):
            self.wrong(f"{section}.{key}", "dtype", found, "write a whole number")
        return int(found)

    def amount(self, section: str, key: str, default: Any, digits: int, *, negative: bool = False) -> int:
        """Return an amount in minor units."""
        found = self.number(section, key, default)
        minor = found.scaleb(digits)
        if minor != int(minor) or abs(minor) >= _LARGEST:
            self.wrong(f"{section}.{key}", "precision", found)
            return 0
        if minor < 0 and not negative:
            self.wrong(f"{section}.{key}", "range", found, "an amount is at least 0")
            return 0
        return int(minor)

    def months(self, section: str, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return months of the year."""
        value = self.get(section, key, default)
        fine = isinstance(value, (list, tuple)) and all(
            isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= 12 for one in value
        )
        if not fine:
            self.wrong(f"{section}.{key}", "dtype", repr(value), "write a list of months from 1 to 12")
            return default
        return tuple(value)

    def choice(self, section: str, key: str, allowed: tuple[Any, ...], default: Any) -> Any:
        """Return a word."""
        value = self.get(section, key, default)
        # 1 equals true, and is not it.
        if not any(type(value) is type(one) and value == one for one in allowed):
            self.wrong(f"{section}.{key}", "choice", repr(value), f"one of {', '.join(map(repr, allowed))}")
            return default
        return value


def read_terms(document: Mapping[str, Any], label: str = "") -> tuple[DealTerms | None, list[Issue]]:
    """Read the sections of a deal; `label` goes before the names of keys."""
    read = _Reader(document, label)
    name = read.text("deal", "name")
    digits = read.whole("deal", "minor_units", 2, 0, 4)
    currency = read.text("deal", "currency", "USD")
    if currency and currency not in ISO_4217:
        read.wrong("deal.currency", "currency", repr(currency))
    start, end = read.day("deal", "start"), read.day("deal", "end")
    if start is not None and end is not None:
        if end < start:
            read.wrong("deal.end", "date_order", read.get("deal", "end"), "end must not lie before start")
        elif months_between(start, end) > MONTHS_AT_MOST:
            read.wrong(
                "deal.end", "range", read.get("deal", "end"), f"a deal has at most {MONTHS_AT_MOST:,} months"
            )
    unknown = _unknown(read)
    defaults = {**OPENING, "cash": 0} if "cash" in unknown else OPENING
    opening = {
        key: read.amount("opening", key, default, digits, negative=key == "tax_payable")
        for key, default in defaults.items()
    }
    opening |= {key: read.whole("opening", key, default, 1, 1_200) for key, default in RUN_OFF.items()}
    equity = read.get("opening", "equity")
    books = _books(read)
    tax_given = "tax" in document
    made = {
        "name": name,
        "entity_id": read.optional_text("deal", "entity_id") or name,
        "currency": currency,
        "minor_units": digits,
        "start": start,
        "end": end,
        "fiscal_year_end": read.whole("deal", "fiscal_year_end", 12, 1, 12),
        "policy_by": read.optional_text("deal", "policy_by"),
        "extrapolate": read.choice("deal", "extrapolate", (None, "flat"), None),
        "unknown": unknown,
        "opening": opening,
        "opening_equity": None
        if equity is None
        else read.amount("opening", "equity", None, digits, negative=True),
        "minimum_cash": read.amount("cash", "minimum_cash", 0, digits),
        "distribution_rate": read.number("cash", "distribution_rate", 0, 0, 1),
        "distribution_months": read.months("cash", "distribution_months", QUARTERS),
        "order": _order(read),
        "tax_rate": read.number("tax", "rate", None, 0, 1) if tax_given else None,
        "loss_limit_rate": read.number("tax", "loss_limit_rate", 1, 0, 1),
        "tax_months": read.months("tax", "payment_months", QUARTERS),
        "tax_book": read.optional_text("tax", "book"),
        "recognise_losses": read.choice("tax", "recognise_losses", (True, False), True),
        "books": books,
        "lives_where": _where(read),
        "curve_by": read.text("market", "curve_by", "gpu_model"),
        "collateral": read.choice("market", "collateral", COLLATERAL, "book"),
        "provenance": read.provenance,
    }
    if made["tax_book"] is not None and made["tax_book"] not in books:
        read.wrong(
            "tax.book", "choice", repr(made["tax_book"]), f"a book: {', '.join(map(repr, books)) or 'none'}"
        )
    if any(isinstance(policy, Mapping) and policy for policy in books.values()) and made["policy_by"] is None:
        read.wrong(
            "deal.policy_by", "missing_key", "", "the column whose values choose from a book's policies"
        )
    for section in ("deal", "opening", "cash", "tax", "lives", "market"):
        read.finish(section)
    return (None if read.issues else DealTerms(**made)), read.issues


def _unknown(read: _Reader) -> tuple[str, ...]:
    """Return what a deal does not know."""
    value = read.get("deal", "unknown", [])
    if not isinstance(value, (list, tuple)) or not all(name in UNKNOWN for name in value):
        read.wrong("deal.unknown", "choice", repr(value), f"a list, of {', '.join(map(repr, UNKNOWN))}")
        return ()
    return tuple(value)


def _order(read: _Reader) -> tuple[str, ...]:
    value = read.get("cash", "order", [])
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
        read.wrong("cash.order", "dtype", repr(value), "write a list of tiers such as 'leases', 'interest_1'")
        return ()
    for name in value:
        tier, _, rank = name.partition("_")
        plain = name in ("operating_cost", "leases", "taxes", "capex")
        ranked = rank.isascii() and rank.isdigit() and rank == rank.lstrip("0")
        if not plain and not (tier in ("interest", "principal", "fees", "reserves") and ranked):
            read.wrong(
                "cash.order", "choice", repr(name), "operating_cost, leases, taxes, capex, interest_1, ..."
            )
    if len(set(value)) < len(value):
        read.wrong("cash.order", "choice", repr(value), "name each tier once")
    return tuple(value)


def _where(read: _Reader) -> dict[str, tuple[Any, ...]]:
    value = read.get("lives", "where", {})
    if not isinstance(value, Mapping):
        read.wrong("lives.where", "dtype", repr(value), 'write { asset_class = "technology" }')
        return {}
    return {key: tuple(one) if isinstance(one, (list, tuple)) else (one,) for key, one in value.items()}


def _books(read: _Reader) -> dict[str, Any]:
    """Return the policies of each book; a document without books has none to depreciate by."""
    found: dict[str, Any] = {}
    for name, terms in read.section("books").items():
        if isinstance(terms, (Policy, MacrsPolicy, DatedPolicy)):
            found[str(name)] = terms
        elif not isinstance(terms, Mapping):
            read.wrong(f"books.{name}", "dtype", repr(terms), 'write { method = "straight_line", years = 6 }')
        elif "method" in terms:
            policy = _policy(read, f"books.{name}", terms)
            if policy is not None:
                found[str(name)] = policy
        else:
            policies_by_class = {}
            for key, one in terms.items():
                if key in PROVENANCE:
                    continue
                if isinstance(one, (Policy, MacrsPolicy)):
                    policies_by_class[key] = one
                elif isinstance(one, Mapping):
                    policy = _policy(read, f"books.{name}.{key}", one)
                    if policy is not None:
                        policies_by_class[key] = policy
                else:
                    read.wrong(
                        f"books.{name}.{key}", "dtype", repr(one), 'write { method = "straight_line", ... }'
                    )
            if all(key in PROVENANCE for key in terms):
                read.wrong(f"books.{name}.method", "missing_key")
            found[str(name)] = policies_by_class
    return found


def _policy(read: _Reader, key: str, terms: Mapping[str, Any]) -> Any:
    told = {
        name: read.value(f"{key}.{name}", value) for name, value in terms.items() if name not in PROVENANCE
    }
    name = told.pop("method", "")
    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        read.wrong(f"{key}.method", "choice", repr(name), f"one of {', '.join(METHODS)}")
        return None
    read.provenance[key] = {name: terms[name] for name in PROVENANCE if name in terms}
    try:
        return method(**{name: _plain(value) for name, value in told.items()})
    except TypeError as error:
        read.wrong(key, "unknown_key", str(error))
    except (ConfigError, InputError) as error:
        read.wrong(key, "range", str(error))
    return None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def months_between(start: int, end: int) -> int:
    """Return how many months hold the days from one to another."""
    first, last = (np.datetime64(day, "D").astype("M8[M]").astype(np.int64) for day in (start, end))
    return int(last - first) + 1
