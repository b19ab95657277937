"""What a report shows, as plain Python: computed by `compare_lives`, whatever frame came in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import neocalc

_MONEY = ("depreciation", "closing_book_value", "accumulated_depreciation")
# A table of thousands of groups is not read; the file beside it has them all.
MAX_GROUPS_SHOWN = 25


@dataclass(frozen=True)
class Published:
    """A published figure beside the computed ones; amounts in millions."""

    headline: str
    header: str
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...]
    remark: str


@dataclass(frozen=True)
class GroupRow:
    """One group in the year shown: charge and closing book value for each policy."""

    label: str
    charge: tuple[float, ...]
    book_value: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """Series of the fleet's totals under each policy, and one year by group."""

    title: str
    policies: tuple[str, ...]
    period_ends: tuple[dt.date, ...]
    book_value: dict[str, list[float]]
    accumulated: dict[str, list[float]]
    year_ends: tuple[dt.date, ...]
    yearly_charge: dict[str, list[float]]
    by: tuple[str, ...]
    year_shown: dt.date
    groups: tuple[GroupRow, ...]
    n_groups: int
    total: GroupRow
    assumptions: tuple[str, ...]
    source: str
    published: Published | None = None

    @property
    def shortest(self) -> str:
        """The policy that charges most at first."""
        return self.policies[0]

    @property
    def longest(self) -> str:
        """The policy that charges least at first."""
        return self.policies[-1]

    @property
    def difference(self) -> list[float]:
        """Accumulated depreciation of the shortest life less that of the longest."""
        pairs = zip(self.accumulated[self.shortest], self.accumulated[self.longest], strict=True)
        return [short - long for short, long in pairs]


def column_values(frame: Any, name: str) -> list[Any]:
    """Return a column of a pandas, polars or pyarrow result as Python values."""
    column = frame[name]
    values = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    return [value.date() if isinstance(value, dt.datetime) else value for value in values]


def _is_null(value: Any) -> bool:
    return value is None or value != value  # NaN, the null of a pandas text column, is not itself


def _by_policy(frame: Any, name: str, policies: Sequence[str]) -> dict[str, list[float]]:
    series: dict[str, list[float]] = {policy: [] for policy in policies}
    for policy, value in zip(column_values(frame, "policy"), column_values(frame, name), strict=True):
        series[str(policy)].append(float(value))
    return series


def _unique(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


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

    `options` go to `compare_lives` as they are, except ``freq`` and ``columns``, which the page chooses.
    """
    options = {key: value for key, value in options.items() if key not in ("freq", "columns")}
    lives = sorted(years)
    quarters = neocalc.compare_lives(fleet, lives, by=[], freq="Q", columns=list(_MONEY), **options)
    whole = neocalc.compare_lives(fleet, lives, by=[], freq="Y", columns=list(_MONEY), **options)
    policies = tuple(str(policy) for policy in _unique(column_values(whole, "policy")))
    year_ends = _unique(column_values(whole, "period_end"))
    charge = _by_policy(whole, "depreciation", policies)
    closing = _by_policy(whole, "closing_book_value", policies)
    # The table shows the year in which the choice of life matters most.
    gaps = [a - b for a, b in zip(charge[policies[0]], charge[policies[-1]], strict=True)]
    shown = gaps.index(max(gaps)) if gaps else 0
    year_shown = year_ends[shown]

    groups: list[GroupRow] = []
    if by:
        grouped = neocalc.compare_lives(fleet, lives, by=list(by), freq="Y", columns=list(_MONEY), **options)
        keys = zip(*(column_values(grouped, name) for name in by), strict=True)
        cells: dict[str, dict[str, tuple[float, float]]] = {}
        rows = zip(
            keys,
            column_values(grouped, "policy"),
            column_values(grouped, "period_end"),
            column_values(grouped, "depreciation"),
            column_values(grouped, "closing_book_value"),
            strict=True,
        )
        for key, policy, period_end, amount, book_value in rows:
            if period_end == year_shown:
                label = ", ".join("(none)" if _is_null(part) else str(part) for part in key)
                cells.setdefault(label, {})[str(policy)] = (float(amount), float(book_value))
        groups = [
            GroupRow(
                label,
                tuple(cell[p][0] for p in policies),
                tuple(cell[p][1] for p in policies),
            )
            for label, cell in cells.items()
        ]
        groups.sort(key=lambda row: -max(row.charge, default=0.0))
    return Comparison(
        title=title,
        policies=policies,
        period_ends=_unique(column_values(quarters, "period_end")),
        book_value=_by_policy(quarters, "closing_book_value", policies),
        accumulated=_by_policy(quarters, "accumulated_depreciation", policies),
        year_ends=year_ends,
        yearly_charge=charge,
        by=tuple(by),
        year_shown=year_shown,
        groups=tuple(groups[:MAX_GROUPS_SHOWN]),
        n_groups=len(groups),
        total=GroupRow(
            "Total",
            tuple(charge[p][shown] for p in policies),
            tuple(closing[p][shown] for p in policies),
        ),
        assumptions=tuple(assumptions),
        source=source,
        published=published,
    )
