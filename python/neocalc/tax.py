"""Tax depreciation of a frame: what a fleet decides as a whole, before its assets are depreciated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Unpack

import numpy as np

from neocalc._columns import Array, minor_to_decimal, minor_to_major
from neocalc._fleet import FleetColumns, check_by
from neocalc._groups import Groups
from neocalc._macrs import MacrsPolicy
from neocalc._macrs_fleet import resolve_fleet
from neocalc._options import OptionArgs, make_options
from neocalc._output import Sums, sums_frame
from neocalc._records import guarded
from neocalc._results import less, sum_groups
from neocalc._runs import AnyPolicy, Changes, check_policy, make_run
from neocalc.errors import ConfigError
from neocalc.policies import check_residual_rate


def mid_quarter_test(
    fleet: Any,
    policy: MacrsPolicy | Mapping[Any, MacrsPolicy],
    *,
    policy_by: str | None = None,
    fiscal_year_end: int = 12,
    amounts: str = "major",
    minor_units: int = 2,
    allow_credit: bool = False,
    round_input: bool = False,
    floor_time: bool = False,
) -> Any:
    """Show the 40 % test of each tax year, and with it what section 179 was allowed and taken.

    Parameters
    ----------
    fleet
        A table as for `depreciate`; ``acquisition_date`` and ``disposal_date`` are read where they exist.
    policy, policy_by
        What `macrs` returns, or a mapping from the values of the column `policy_by` to such policies. The
        test is one for all of them, sec. 168(d)(3)(A).
    fiscal_year_end
        Last month of the tax year, 1 to 12.
    amounts, minor_units, allow_credit, round_input, floor_time
        As for `depreciate`.

    Returns
    -------
    DataFrame or Table
        One row per tax year in which property was placed in service: ``tax_year`` (the calendar year in which
        it begins), ``period_end`` (its last day), ``placed_in_service``, ``section_179_limit`` (after the
        phase-out; null where the law's figures are not on file), ``section_179``, ``total_basis`` and
        ``last_quarter_basis`` (after section 179 and before bonus, without what was disposed of in the same
        year), ``last_quarter_share`` (null without basis) and ``convention``, what the test demands.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing, or an election that is not allowed.

    Examples
    --------
    The computer is more than 40 % of the year's basis (IRS Pub. 946, "MACRS Worksheet", machine, furniture
    and computer):

    >>> import pandas as pd
    >>> from neocalc._macrs import macrs
    >>> from neocalc.tax import mid_quarter_test
    >>> days = pd.to_datetime(["2024-01-10", "2024-09-10", "2024-10-10"])
    >>> fleet = pd.DataFrame({"cost": [4_000.0, 1_000.0, 5_000.0], "in_service_date": days})
    >>> test = mid_quarter_test(fleet, macrs(bonus_rate=0.0))
    >>> test[["tax_year", "total_basis", "last_quarter_share", "convention"]].values.tolist()
    [[2024, 10000.0, 0.5, 'mid_quarter']]
    """
    options = make_options(
        "mid_quarter_test",
        {
            "fiscal_year_end": fiscal_year_end,
            "amounts": amounts,
            "minor_units": minor_units,
            "allow_credit": allow_credit,
            "round_input": round_input,
            "floor_time": floor_time,
        },
    )
    data = FleetColumns(fleet, options, index_is_id=True)
    resolved, _ = resolve_fleet(data, policy, policy_by)
    years, frame = resolved.years, data.frame

    def money(values: list[int | None] | list[int]) -> Any:
        null = np.array([value is None for value in values], dtype=bool)
        minor = np.array([value or 0 for value in values], dtype=object)
        some = null if null.any() else None
        if options.amounts == "decimal":
            decimals = minor_to_decimal(minor, options.minor_units)
            decimals[null] = None
            return frame.decimals_out(decimals, options.minor_units)
        if options.amounts == "major":
            return frame.money_out(minor_to_major(minor, options.minor_units), some)
        return frame.money_out(guarded(minor.astype, np.int64), some)

    total = np.array(years.total_basis, dtype=object)
    empty = np.array([basis <= 0 for basis in years.total_basis], dtype=bool)
    share = np.array(
        [
            last / basis if basis > 0 else 0.0
            for last, basis in zip(years.last_quarter_basis, total, strict=True)
        ],
        dtype=np.float64,
    )
    last_days = np.array(years.last_day, dtype=np.int32)
    flips = np.array(years.mid_quarter, dtype=np.int8)
    return frame.build(
        {
            "tax_year": np.array(years.tax_year, dtype=np.int64),
            "period_end": frame.dates_out(last_days),
            "placed_in_service": money(years.placed_in_service),
            "section_179_limit": money(years.section_179_limit),
            "section_179": money(years.section_179),
            "total_basis": money(years.total_basis),
            "last_quarter_basis": money(years.last_quarter_basis),
            "last_quarter_share": frame.money_out(share, empty if empty.any() else None),
            "convention": frame.categorical(flips, ["half_year", "mid_quarter"], ordered=False),
        }
    )


_REFUSED = ("columns", "rows", "keep_id_dtype", "rounding", "framework")
# Impairments are reversed under IFRS alone (IAS 36.114, ASC 360-10-35-20).
_IFRS_ONLY = ("reversal",)


def compare_book_tax(
    fleet: Any,
    *,
    book: AnyPolicy,
    tax: MacrsPolicy | Mapping[Any, MacrsPolicy],
    tax_rate: float,
    ifrs: AnyPolicy | None = None,
    by: Sequence[str] = (),
    policy_by: str | None = None,
    events: Any = None,
    usage: Any = None,
    estimate_changes: Changes = (),
    **options: Unpack[OptionArgs],
) -> Any:
    """Put book, IFRS and tax depreciation side by side, with the deferred tax between them.

    Parameters
    ----------
    fleet, policy_by, events, usage, estimate_changes
        As for `depreciate`; changes of estimate are of the books. Reversals of impairments count under IFRS
        only; impairments and idle time mean nothing to the tax return.
    book
        The policy of the books under US GAAP.
    tax
        What `macrs` returns, or a mapping from the values of `policy_by` to such policies.
    tax_rate
        The rate at which the difference will be taxed, such as 0.21.
    ifrs
        The policy of the books under IFRS, if they are wanted too.
    by
        Keys of the totals; by default the whole fleet.
    **options
        As for `depreciate`, without ``columns, rows, keep_id_dtype, rounding, framework``. The fiscal year is
        the tax year.

    Returns
    -------
    DataFrame or Table
        The keys, ``period_end``, ``book_depreciation``, ``tax_depreciation``, ``book_value``, ``tax_basis``,
        ``temporary_difference`` (book value less tax basis; ASC 740-10-25-20, IAS 12.5) and the roll of
        deferred tax: ``opening_deferred_tax + deferred_tax_expense = closing_deferred_tax``, each closing
        amount half-even of the rate times the difference; above zero it is a liability. With `ifrs` the same
        columns again, beginning with ``ifrs_``.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    All of the cost is deducted at once under the law of 2025; the books take four years:

    >>> import pandas as pd
    >>> import neocalc as nc
    >>> day = pd.to_datetime(["2025-04-01"])
    >>> fleet = pd.DataFrame({"cost": [4_000.0], "in_service_date": day, "acquisition_date": day})
    >>> both = nc.tax.compare_book_tax(fleet, book=nc.straight_line(years=4), tax=nc.macrs(), tax_rate=0.21,
    ...                                freq="Y")
    >>> both["tax_depreciation"].tolist()
    [4000.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    >>> both["closing_deferred_tax"].tolist()
    [682.5, 472.5, 262.5, 52.5, 0.0, 0.0]
    """
    for name in _REFUSED:
        if name in options:
            raise ConfigError(f"{name} has no meaning for compare_book_tax")
    rate = Fraction(Decimal(repr(check_residual_rate(tax_rate, "tax_rate"))))
    keys = check_by(list(by))

    def totals(policy: AnyPolicy, framework: str, changes: Changes) -> tuple[FleetColumns, Groups, Sums]:
        check_policy(policy, policy_by)
        checked = make_options(
            "compare_book_tax",
            {**options, "columns": ("depreciation", "closing_book_value"), "framework": framework},
        )
        ignored = () if framework == "ifrs" else _IFRS_ONLY
        data = FleetColumns(fleet, checked, index_is_id=False, events=events, usage=usage, ignored=ignored)
        run, _ = make_run(data, policy, policy_by, changes=changes)
        groups = data.groups(keys)
        return data, groups, sum_groups(data, [run], groups, compared=True)

    data, groups, of_book = totals(book, "us_gaap", estimate_changes)
    books = {"book": of_book, "tax": totals(tax, "tax", ())[2]}
    if ifrs is not None:
        books["ifrs"] = totals(ifrs, "ifrs", estimate_changes)[2]
    ends = np.unique(np.concatenate([sums.ends for sums in books.values()]))
    money: dict[str, Array] = {}
    for name in ("book", "ifrs") if ifrs is not None else ("book",):
        prefix = "ifrs_" if name == "ifrs" else ""
        charged, value = _on(books[name], ends)
        deducted, basis = _on(books["tax"], ends)
        difference = less(data, value, basis)
        closing = _times(rate, difference)
        opening = np.concatenate([np.zeros_like(closing[:, :, :1]), closing[:, :, :-1]], axis=2)
        columns = {
            f"{prefix}book_depreciation": charged,
            "tax_depreciation": deducted,
            f"{prefix}book_value": value,
            "tax_basis": basis,
            f"{prefix}temporary_difference": difference,
            f"{prefix}opening_deferred_tax": opening,
            f"{prefix}deferred_tax_expense": less(data, closing, opening),
            f"{prefix}closing_deferred_tax": closing,
        }
        money.update({column: cells for column, cells in columns.items() if column not in money})
    sums = Sums({}, books["book"].observed, ends)
    return sums_frame(data, groups, sums, money)


def _on(sums: Sums, ends: Array) -> tuple[Array, Array]:
    """Charges and closing values over a longer horizon: none outside, and the last value from then on."""
    at = np.searchsorted(sums.ends, ends, side="right") - 1
    known = np.isin(ends, sums.ends)
    charges, values = sums.cells["depreciation"], sums.cells["closing_book_value"]
    return np.where(known, charges[:, :, np.maximum(at, 0)], 0), np.where(
        at >= 0, values[:, :, np.maximum(at, 0)], 0
    )


def _times(rate: Fraction, cells: Array) -> Array:
    """The rate times each whole number, half-even."""
    flat = [round(rate * int(value)) for value in cells.reshape(-1)]
    return np.array(flat, dtype=cells.dtype).reshape(cells.shape)
