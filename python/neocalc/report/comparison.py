"""What a report shows, as plain Python: computed by `compare_lives`, whatever frame came in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import neocalc
from neocalc._columns import is_missing
from neocalc.errors import NeocalcError
from neocalc.report.money import amount

# A table of thousands of groups is not read; `compare -o groups.csv` has them all.
MAX_GROUPS_SHOWN = 25


@dataclass(frozen=True)
class Published:
    """A published figure beside the computed ones; amounts in millions."""

    headline: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...]
    remark: str


@dataclass(frozen=True)
class GroupRow:
    """One group in the year shown: charge and closing book value under each policy."""

    label: str
    charge: tuple[float, ...]
    book_value: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """The fleet's totals under each policy (shortest life first), and one year by group."""

    title: str
    policies: tuple[str, ...]
    dates: tuple[dt.date, ...]  # the close of the day before the horizon, then each quarter end
    book_value: dict[str, list[float]]
    year_ends: tuple[dt.date, ...]
    yearly_charge: dict[str, list[float]]
    by: tuple[str, ...]
    year_shown: dt.date
    groups: tuple[GroupRow, ...]
    n_groups: int
    total: GroupRow
    assumptions: tuple[str, ...] = ()
    source: str = ""
    currency: str = "USD"
    published: Published | None = None

    @property
    def shortest(self) -> str:
        """The policy that charges most at first."""
        return self.policies[0]

    @property
    def longest(self) -> str:
        """The policy that charges least at first."""
        return self.policies[-1]

    def money(self, value: float) -> str:
        """Write an amount in the fleet's currency."""
        return amount(value, self.currency)

    @property
    def gap(self) -> list[float]:
        """By how much the longest life's book value is above the shortest's: charge still to come."""
        pairs = zip(self.book_value[self.longest], self.book_value[self.shortest], strict=True)
        return [long - short for long, short in pairs]

    @property
    def widest(self) -> int:
        """Position of the widest gap; with a single life, of its highest book value."""
        values = self.gap if len(self.policies) > 1 else self.book_value[self.longest]
        return max(range(len(values)), key=values.__getitem__)


def column_values(frame: Any, name: str) -> list[Any]:
    """Return a column of a pandas, polars or pyarrow result as Python values; null is None."""
    column = frame[name]
    values = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    # NaN, the null of a pandas text column, is not itself.
    return [None if is_missing(v) else v.date() if isinstance(v, dt.datetime) else v for v in values]


def _rows(frame: Any, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(column_values(frame, name) for name in names), strict=True)


def _by_policy(frame: Any, name: str) -> dict[str, list[float]]:
    series: dict[str, list[float]] = {}
    for policy, value in _rows(frame, "policy", name):
        series.setdefault(str(policy), []).append(float(value))
    return series


def _unique(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def months_before(month_end: dt.date, months: int) -> dt.date:
    """Return the last day of the month so many months before."""
    month = month_end.year * 12 + month_end.month - months  # of the first day after, counted from 0
    return dt.date(month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)


def _currency(fleet: Any) -> str:
    """Return the fleet's one currency; more than one has been refused before, none is taken for dollars."""
    names = fleet.column_names if hasattr(fleet, "column_names") else list(fleet.columns)
    if "currency" not in names:
        return "USD"
    values = fleet["currency"].unique()
    return next((str(v) for v in getattr(values, "to_pylist", values.tolist)() if v), "USD")


def compare_for_report(
    fleet: Any,
    years: Sequence[float],
    *,
    by: Sequence[str] = (),
    title: str,
    assumptions: Sequence[str] = (),
    source: str = "",
    published: Published | None = None,
    **options: Any,
) -> Comparison:
    """Compare lives, shortest first, in the shapes that the page draws.

    `options` go to `compare_lives`; ``freq`` and ``columns`` are the page's to choose, and ``start`` and
    ``end`` snap outward to whole fiscal years.
    """
    lives = sorted(years)

    def compare(by: Sequence[str], freq: str, *columns: str) -> Any:
        return neocalc.compare_lives(fleet, lives, by=list(by), freq=freq, columns=list(columns), **options)

    whole = compare((), "Y", "depreciation", "closing_book_value")
    year_ends = _unique(column_values(whole, "period_end"))
    if not year_ends:
        raise NeocalcError("the fleet has no asset in service: there is nothing to draw")
    # All figures show the same whole years.
    eve = months_before(year_ends[0], 12)
    options |= {"start": eve + dt.timedelta(days=1), "end": year_ends[-1]}
    quarters = compare((), "Q", "opening_book_value", "closing_book_value")
    ends = _unique(column_values(quarters, "period_end"))
    opening, closing = (_by_policy(quarters, f"{side}_book_value") for side in ("opening", "closing"))
    policies = tuple(closing)
    charge, year_closing = _by_policy(whole, "depreciation"), _by_policy(whole, "closing_book_value")
    # The table shows the year in which the shortest life costs most: more than the longest, or at all.
    costs = charge[policies[0]]
    if len(policies) > 1:
        costs = [short - long for short, long in zip(costs, charge[policies[-1]], strict=True)]
    # Of years that differ by the rounding of cents, the first.
    enough = max(costs) - abs(max(costs)) * 1e-6
    shown = next(i for i, cost in enumerate(costs) if cost >= enough)

    cells: dict[tuple[Any, ...], dict[str, tuple[float, float]]] = {}
    if by:
        grouped = compare(by, "Y", "depreciation", "closing_book_value")
        for *key, policy, end, cost, book_value in _rows(
            grouped, *by, "policy", "period_end", "depreciation", "closing_book_value"
        ):
            if end == year_ends[shown]:
                cells.setdefault(tuple(key), {})[str(policy)] = (float(cost), float(book_value))
    groups = [
        GroupRow(
            " · ".join("(none)" if part is None else str(part) for part in key),
            tuple(cell[policy][0] for policy in policies),
            tuple(cell[policy][1] for policy in policies),
        )
        for key, cell in cells.items()
    ]
    groups.sort(key=lambda row: -max(row.charge))
    return Comparison(
        title=title,
        policies=policies,
        dates=(eve, *ends),
        book_value={policy: [opening[policy][0], *closing[policy]] for policy in policies},
        year_ends=year_ends,
        yearly_charge=charge,
        by=tuple(by),
        year_shown=year_ends[shown],
        groups=tuple(groups[:MAX_GROUPS_SHOWN]),
        n_groups=len(groups),
        total=GroupRow(
            "Total",
            tuple(charge[policy][shown] for policy in policies),
            tuple(year_closing[policy][shown] for policy in policies),
        ),
        assumptions=tuple(assumptions),
        source=source,
        currency=_currency(fleet),
        published=published,
    )
