"""What the market would pay: value curves by model, beside the books."""

from __future__ import annotations

import datetime as dt
import decimal
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from neocalc._books import Books, month_of, times
from neocalc._columns import Array
from neocalc._options import to_days
from neocalc._runs import PolicyByClass
from neocalc._side_tables import EPOCH_ORDINAL
from neocalc.errors import ConfigError
from neocalc.policies import Policy

INTERPOLATIONS = ("linear", "geometric")
BEYOND = (None, "hold", "zero")
VALUE_COLUMNS = ("cost", "book_value", "market_value", "excess", "shortfall")
# A share between two points of a geometric curve is irrational: it is rounded once, to this.
_SHARE_STEP = Decimal("1E-12")
_DIGITS = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN)
Point = tuple[int, Fraction]


@dataclass(frozen=True, kw_only=True)
class ValueCurve:
    """What share of its cost an asset is worth, by age or by calendar month; made by `value_curve`."""

    kind: str  # "age": points are shares of cost; "prices": prices, and a share is a ratio of two
    points: tuple[Point, ...]  # months of age, or months counted from year 0
    interpolation: str = "linear"
    beyond: str | None = None
    annual_decay_rate: Fraction | None = None  # then there are no points: the curve has no end
    source: str = ""

    def share(self, in_service_date: Any, as_of: Any) -> Fraction:
        """Return the share of cost at the close of the month of `as_of`.

        Parameters
        ----------
        in_service_date, as_of
            Dates. Age counts whole months in service at that close: an asset of the first of a month is 1
            month old at its end, one of a later day 0.

        Returns
        -------
        Fraction
            The share, exact.
        """
        began = dt.date.fromordinal(to_days("in_service_date", in_service_date) + EPOCH_ORDINAL)
        close = dt.date.fromordinal(to_days("as_of", as_of) + EPOCH_ORDINAL)
        found = self._share(month_of(began), began.day == 1, month_of(close))
        if found is None:
            raise ConfigError(f"the curve does not cover {began} to {close}: add points, or pass beyond=")
        return found

    def _share(self, service_month: int, from_first: bool, month: int) -> Fraction | None:
        if month < service_month:
            raise ConfigError("as_of lies before the month of service")
        if self.kind == "prices":
            now, then = self._at(month), self._at(service_month)
            return None if now is None or then is None else now / then
        age = month - service_month + from_first
        if self.annual_decay_rate is None:
            return self._at(age)
        years, months = divmod(age, 12)
        left = (1 - self.annual_decay_rate) ** years
        return _between(left, left * (1 - self.annual_decay_rate), Fraction(months, 12), "geometric")

    def _at(self, month: int) -> Fraction | None:
        """Return the value of a month on the points; None where there is none."""
        at = bisect_right(self.points, month, key=lambda point: point[0])
        if at == len(self.points):
            last_month, last = self.points[-1]
            if month == last_month or self.beyond == "hold":
                return last
            return Fraction(0) if self.beyond == "zero" else None
        if at == 0:
            return self.points[0][1] if self.beyond == "hold" else None
        (left_month, left), (right_month, right) = self.points[at - 1], self.points[at]
        part = Fraction(month - left_month, right_month - left_month)
        return _between(left, right, part, self.interpolation)


def _between(left: Fraction, right: Fraction, part: Fraction, interpolation: str) -> Fraction:
    if part == 0 or left == right:
        return left
    if interpolation == "linear":
        return left + (right - left) * part
    ratio, exponent = _decimal(right / left), _decimal(part)
    value = _DIGITS.multiply(_decimal(left), _DIGITS.power(ratio, exponent))
    return Fraction(value.quantize(_SHARE_STEP, rounding=decimal.ROUND_HALF_EVEN, context=_DIGITS))


def _decimal(value: Fraction) -> Decimal:
    return _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))


def value_curve(
    points: Any = None,
    *,
    annual_decay_rate: Any = None,
    prices: Any = None,
    interpolation: str = "linear",
    beyond: str | None = None,
    source: str = "",
) -> ValueCurve:
    """Describe how an asset loses value: by age, by a rate, or with the prices of its kind.

    Parameters
    ----------
    points
        From months of age to the share of cost: a mapping, or pairs. At age 0 the share is 1 unless a
        point says otherwise.
    annual_decay_rate
        Instead: the share of its value that an asset loses in a year, ``0.35`` for 35 %.
    prices
        Instead: from dates to prices of the kind, such as dollars for a GPU-hour: a mapping, pairs or a
        Series. A date stands for its month; a share of cost is the price of the month over the price of
        the month of service.
    interpolation
        Between points, month by month: ``linear`` (exact) or ``geometric`` (by the same factor each month;
        rounded once, half-even to 1e-12).
    beyond
        Past the last point: ``None`` refuses, ``hold`` keeps its value, ``zero`` is worth nothing. Prices
        may also be held before their first month.
    source
        Where the figures are from, and how far to trust them.

    Returns
    -------
    ValueCurve
        A frozen description; numbers are taken as the decimals that were written.

    Raises
    ------
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import neocalc as nc
    >>> curve = nc.value_curve({12: 0.625, 24: 0.425})
    >>> curve.share("2025-01-01", "2026-06-30")  # 18 months old
    Fraction(21, 40)
    >>> rents = nc.value_curve(prices={"2024-01-15": 2.85, "2025-10-15": 1.70})
    >>> float(rents.share("2024-01-10", "2025-10-31"))
    0.5964912280701754
    """
    given = [name for name, value in (("points", points), ("prices", prices)) if value is not None]
    given += ["annual_decay_rate"] * (annual_decay_rate is not None)
    if len(given) != 1:
        raise ConfigError("give one of points, annual_decay_rate and prices")
    if interpolation not in INTERPOLATIONS:
        raise ConfigError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, not {interpolation!r}")
    if beyond not in BEYOND:
        raise ConfigError(f"beyond must be None, 'hold' or 'zero', not {beyond!r}")
    if not isinstance(source, str):
        raise ConfigError(f"source must be text, not {source!r}")
    if annual_decay_rate is not None:
        rate = _number("annual_decay_rate", annual_decay_rate)
        if not 0 <= rate < 1:
            raise ConfigError(f"annual_decay_rate must be at least 0 and below 1, not {annual_decay_rate!r}")
        return ValueCurve(
            kind="age", points=(), interpolation="geometric", annual_decay_rate=rate, source=source
        )
    if prices is not None:
        if beyond == "zero":
            raise ConfigError("beyond='zero' is for shares by age: a price of 0 has no ratio")
        places = [(_price_month(day), _number("a price", value)) for day, value in _pairs("prices", prices)]
    else:
        places = [(_age(month), _number("a share", value)) for month, value in _pairs("points", points)]
        if all(month for month, _ in places):
            places.append((0, Fraction(1)))
    places.sort()
    months = [month for month, _ in places]
    if len(set(months)) < len(months):
        raise ConfigError(f"{given[0]} name a month twice")
    positive = prices is not None or interpolation == "geometric"
    if any(value < 0 or (positive and value == 0) for _, value in places):
        raise ConfigError(f"{given[0]} must be {'above 0' if positive else 'at least 0'}")
    return ValueCurve(
        kind="age" if prices is None else "prices",
        points=tuple(places),
        interpolation=interpolation,
        beyond=beyond,
        source=source,
    )


def _pairs(name: str, values: Any) -> list[tuple[Any, Any]]:
    try:
        pairs = [(key, value) for key, value in (values.items() if hasattr(values, "items") else values)]
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be a mapping or pairs, not {values!r}") from None
    if not pairs:
        raise ConfigError(f"{name} must not be empty")
    return pairs


def _number(name: str, value: Any) -> Fraction:
    """Return the decimal that was written."""
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        number = value if isinstance(value, Fraction) else Fraction(str(value))
    except (TypeError, ValueError, ZeroDivisionError):
        raise ConfigError(f"{name} must be a finite number, not {value!r}") from None
    return number


def _age(months: Any) -> int:
    if isinstance(months, bool) or not isinstance(months, (int, np.integer)) or not 0 <= months <= 3600:
        raise ConfigError(f"points are by whole months of age from 0 to 3600, not {months!r}")
    return int(months)


def _price_month(day: Any) -> int:
    return month_of(dt.date.fromordinal(to_days("the date of a price", day) + EPOCH_ORDINAL))


def market_values(
    fleet: Any,
    curves: ValueCurve | Mapping[Any, ValueCurve],
    *,
    policy: Policy | PolicyByClass,
    as_of: Any,
    curve_by: str = "gpu_model",
    by: Sequence[str] | None = None,
    policy_by: str | None = None,
    amounts: str = "major",
    minor_units: int = 2,
    **options: Any,
) -> Any:
    """Hold what the market would pay against the books.

    Parameters
    ----------
    fleet
        As for `depreciate`.
    curves
        A `ValueCurve`, or a mapping from the values of `curve_by` to such curves.
    policy, policy_by
        As for `depreciate`; they make the book values.
    as_of
        A date; the values are those at the end of its month, as for `book_values`.
    curve_by
        The column whose values choose from a mapping of curves.
    by
        ``None`` gives a row per asset, ``["gpu_model", ...]`` totals by these columns, ``[]`` one total.
    amounts, minor_units
        As for `depreciate`.
    **options
        As for `book_values`: ``events, usage, estimate_changes, framework, disposal_convention,
        posted_through, fiscal_year_end, rounding, threads, round_input, allow_long_life, floor_time``. Assets
        are in the group that transfers have led them to; components stand by themselves.

    Returns
    -------
    DataFrame or Table
        ``asset_id`` or the keys, ``cost``, ``book_value``, ``market_value`` (cost times the curve's share,
        rounded half-even once), ``excess`` of the market over the books, and ``shortfall`` of the market
        below them: of a total, of its sums. Assets that are not in the ledger yet count as 0.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``: also models without a curve, ages past its end.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"gpu_model": ["H100"], "cost": [1000.0], "in_service_date": ["2024-01-01"]})
    >>> curves = {"H100": nc.value_curve({12: 0.625, 24: 0.425})}
    >>> nc.market_values(fleet, curves, policy=nc.straight_line(years=4), as_of="2025-12-31")[
    ...     ["book_value", "market_value", "shortfall"]].values.tolist()
    [[500.0, 425.0, 75.0]]
    """
    given = {**options, "amounts": amounts, "minor_units": minor_units}
    books = Books("market_values", fleet, policy, as_of, by, policy_by, VALUE_COLUMNS, given)
    chosen = choose_curves(books, curves, curve_by)
    books.read()
    values = curve_values(books, chosen, curve_by)
    frame = books.data.frame
    if books.keys is None:
        ids = frame.ids(True).by_position(books.rows.astype(np.int32))
        columns = {"asset_id": ids, **_value_columns(books, books.cost, books.book_value, values)}
        keep = None if len(books.rows) == books.data.n else books.rows
        return frame.build(columns, keep, like_input=True)
    members = books.members()
    sums = [
        [sum(amounts_of[at] for at in part) for part in members.values()]
        for amounts_of in (books.cost, books.book_value, values)
    ]
    return frame.build({**books.key_columns(list(members)), **_value_columns(books, *sums)})


def _value_columns(books: Books, cost: list[int], book: list[int], market: list[int]) -> dict[str, Any]:
    gap = [m - b for m, b in zip(market, book, strict=True)]
    columns = (cost, book, market, [max(g, 0) for g in gap], [max(-g, 0) for g in gap])
    return {name: books.column(values) for name, values in zip(VALUE_COLUMNS, columns, strict=True)}


Chosen = tuple[Array, list[ValueCurve]]  # for each row of the fleet the number of its curve, and the curves


def choose_curves(books: Books, curves: Any, curve_by: str) -> Chosen:
    """Return each row's curve; rows without one are a problem of the fleet."""
    data = books.data
    if isinstance(curves, ValueCurve):
        return np.zeros(data.n, dtype=np.int64), [curves]
    if not isinstance(curves, Mapping) or not curves:
        raise ConfigError(
            f"curves must be a value curve, or a mapping of them by {curve_by!r}, not {curves!r}"
        )
    for name, curve in curves.items():
        if not isinstance(curve, ValueCurve):
            raise ConfigError(f"the curve of {name!r} must be made by value_curve(...), not {curve!r}")
    if not data.has(curve_by):
        return np.zeros(data.n, dtype=np.int64), list(curves.values())
    codes, _, values = data.classes(curve_by)
    places = {name: place for place, name in enumerate(curves)}
    table = np.array([*(places.get(value, -1) for value in values), places.get(None, -1)], dtype=np.int64)
    numbers = table[codes]
    data.problems.rows(
        curve_by,
        "curve_missing",
        np.flatnonzero(numbers < 0),
        data.n,
        lambda row: repr(values[int(codes[row])]) if codes[row] >= 0 else "null",
    )
    return numbers, list(curves.values())


def curve_values(books: Books, chosen: Chosen, curve_by: str) -> list[int]:
    """Return what the curves say each asset is worth, in minor units."""
    numbers, curves = chosen
    days = books.service_days()
    months = days.astype("M8[M]")
    from_first = (days == months.astype("M8[D]")).astype(np.int64)
    month_numbers = months.astype(np.int64) + 1970 * 12
    cases = np.stack([numbers[books.rows], month_numbers, from_first], axis=1)
    unique, places = np.unique(cases, axis=0, return_inverse=True)
    shares: list[Fraction | None] = []
    for number, month, first in unique.tolist():
        future = month > books.month  # not in the ledger: its cost there is 0
        shares.append(Fraction(0) if future else curves[number]._share(month, bool(first), books.month))
    found = [shares[place] for place in places.reshape(-1).tolist()]
    bad = [
        int(row)
        for row, share, cost in zip(books.rows, found, books.cost, strict=True)
        if share is None and cost
    ]
    began = dict(zip(books.rows.tolist(), days.astype(str).tolist(), strict=True)) if bad else {}
    books.data.problems.rows(
        curve_by, "curve_range", bad, books.data.n, lambda row: f"in service {began[row]}"
    )
    books.raise_problems()
    return [0 if share is None else times(cost, share) for share, cost in zip(found, books.cost, strict=True)]
