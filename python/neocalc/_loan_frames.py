"""The frames that verbs about loans return: rows of payments, totals, one row a loan."""

from __future__ import annotations

from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array
from neocalc._groups import Groups
from neocalc._loan_options import ROW_COLUMNS, LoanOptions
from neocalc._loans import LoanColumns
from neocalc._options import memory_limit
from neocalc._output import (
    attempt,
    check_rows,
    finish,
    insert,
    money_column,
    places,
    read_sums,
    sums_frame,
)
from neocalc._records import guarded

_MANY_PERIODS = 1200


def rows_frame(data: LoanColumns) -> Any:
    """One row per loan and payment."""
    options, frame = data.options, data.frame
    plan = attempt(
        data, (), lambda core: _core.plan_loan_rows(core, options.settings), lambda made: made.issues
    )
    total = plan.n_rows
    check_rows(total, len(options.columns), options.amounts, 4)
    direct = not options.rounded or options.amounts == "major"
    ids = frame.ids(options.keep_id_dtype or not data.ids_are_unique)
    by_number = ids.ints is not None
    id_ints = np.empty(total, dtype=np.int64) if by_number else None
    position = None if by_number else np.empty(total, dtype=np.int32)
    number = np.empty(total, dtype=np.int64)
    date = np.empty(total, dtype=frame.date_dtype)
    start = np.empty(total, dtype=frame.date_dtype) if "accrual_start" in options.columns else None
    rate = np.empty(total, dtype=np.float64) if "annual_rate" in options.columns else None
    draw = np.empty(total, dtype=np.int64) if "draw_number" in options.columns else None
    kind = np.dtype(np.float64 if direct else np.int64)
    money: dict[str, Array] = {name: np.empty(total, kind) for name in options.money_columns}
    guarded(
        plan.fill,
        position=position,
        ids=ids.ints if by_number else None,
        ids_out=id_ints,
        payment_number=number,
        payment_date=date,
        accrual_start=start,
        annual_rate=rate,
        draw_number=draw,
        money=money,
    )
    null = issue = None
    names: list[str] = []
    if options.on_error == "flag" and data.bad is not None:
        codes = data.codes_of_bad()
        at, rows = places([np.asarray(plan.counts)], np.flatnonzero(data.bad))
        names = sorted(set(codes))
        null = insert(np.zeros(total, dtype=bool), at, True)
        issue = insert(np.full(total, -1, dtype=np.int8), at, [names.index(code) for code in codes])
        if id_ints is not None and ids.ints is not None:
            id_ints = insert(id_ints, at, ids.ints[rows])
        if position is not None:
            position = insert(position, at, rows)
        number, date = insert(number, at, 0), insert(date, at, 0)
        start = None if start is None else insert(start, at, 0)
        rate = None if rate is None else insert(rate, at, 0.0)
        draw = None if draw is None else insert(draw, at, 0)
        money = {name: insert(values, at, 0) for name, values in money.items()}
    elif options.on_error == "flag":
        issue = np.full(total, -1, dtype=np.int8)
    if position is not None:
        loan_id = ids.by_position(position)
    else:
        loan_id = id_ints if ids.restore is None or id_ints is None else id_ints.astype(ids.restore)
    result: dict[str, Any] = {
        "loan_id": loan_id,
        "payment_number": frame.money_out(number, null),
        "payment_date": frame.dates_out(date, null),
    }
    for name in options.columns:
        if name == "accrual_start" and start is not None:
            result[name] = frame.dates_out(start, null)
        elif name == "annual_rate" and rate is not None:
            result[name] = frame.money_out(rate, null)
        elif name == "draw_number" and draw is not None:
            result[name] = frame.money_out(draw, null)
        else:
            result[name] = money_column(data, money.pop(name), null)
    if issue is not None:
        result["issue"] = frame.categorical(issue, names, ordered=False)
    return finish(data, frame.build(result))


def totals_frame(data: LoanColumns, groups: Groups) -> Any:
    """Totals by group and period; nothing per loan is ever made."""
    options = data.options
    columns = [name for name in options.columns if name not in ROW_COLUMNS]
    direct = not options.rounded or options.amounts == "major"
    limit = memory_limit((groups.n + 1) * _MANY_PERIODS * 8 * 8)

    def compute(core: _core.Loans) -> _core.LoanTotals:
        return _core.loan_totals(
            core, options.settings, groups.codes, groups.n, columns, "major" if direct else "minor", limit
        )

    found = attempt(data, (), compute, lambda totals: totals.issues)
    sums = read_sums(data, found, groups, columns, columns, direct=direct)
    return sums_frame(data, groups, sums, sums.cells)


def frame_of_loans(data: LoanColumns, options: LoanOptions, money: dict[str, Array]) -> Any:
    """One row per loan: skipped ones are left out, flagged ones have no amounts."""
    frame = data.frame
    keep = null = None
    if options.on_error == "skip" and data.skip is not None:
        keep = np.flatnonzero(~data.skip)
    elif options.on_error == "flag":
        null = data.bad
    rows = np.arange(data.n, dtype=np.int32) if keep is None else keep.astype(np.int32)
    result: dict[str, Any] = {"loan_id": frame.ids(True).by_position(rows)}
    for name, values in money.items():
        result[name] = money_column(data, values if keep is None else values[keep], null)
    if options.on_error == "flag":
        codes = data.codes_of_bad()
        names = sorted(set(codes))
        issue = np.full(data.n, -1, dtype=np.int8)
        if data.bad is not None:
            issue[data.bad] = [names.index(code) for code in codes]
        result["issue"] = frame.categorical(issue, names, ordered=False)
    return finish(data, frame.build(result, keep, like_input=True))
