"""W1a: a charge for each asset and month, as a frame. W1b: totals by 1,000 groups for two lives.

Peers are handed integers (cents, month numbers, group codes); neocalc starts from float64 money,
datetime64 dates and labels, and ends in a frame. Their cents are level charges, ties up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import polars as pl
from fleet import END, GROUPS, LIVES, MONTHS, START, Fleet, exact_balance, exact_level
from harness import Peer

import neocalc as nc

LIFE = LIVES[0]


# --- W1b: totals -----------------------------------------------------------------------------------


def neocalc_totals(fleet: Fleet, rounding: str) -> Callable[[], Any]:
    """Frame in, frame out, both lives in one call."""

    def run() -> Any:
        return nc.compare_lives(
            fleet.frame,
            (4, 6),
            by=["group"],
            start=START,
            end=END,
            rounding=rounding,
            columns=["depreciation"],
        )

    return run


def check_totals(fleet: Fleet) -> None:
    """All cells of the level totals, and of the balance totals of a sample, against their definitions."""
    for rounding in ("level", "balance"):
        rows = len(fleet) if rounding == "level" else min(len(fleet), 20_000)
        part = _head(fleet, rows)
        want = exact_level(part) if rounding == "level" else exact_balance(part, rows)
        got = neocalc_totals(part, rounding)()
        cells = np.rint(got["depreciation"].to_numpy() * 100).astype(np.int64)
        seen = np.unique(part.group)
        assert np.array_equal(cells.reshape(len(seen), 2, MONTHS), want[:, seen].transpose(1, 0, 2)), rounding


def _head(fleet: Fleet, rows: int) -> Fleet:
    return Fleet(
        fleet.cost[:rows],
        fleet.residual[:rows],
        fleet.month[:rows],
        fleet.group[:rows],
        fleet.frame.iloc[:rows],
    )


@numba.njit(parallel=True)
def _difference_array(cost: Any, residual: Any, month: Any, group: Any, threads: int) -> Any:
    n = len(cost)
    steps = np.zeros((threads, 2, GROUPS, MONTHS + 80), np.int64)
    for thread in numba.prange(threads):
        for i in range(thread * n // threads, (thread + 1) * n // threads):
            base, start, g = cost[i] - residual[i], month[i], group[i]
            for at in range(2):
                life = 48 if at == 0 else 72
                charge = (2 * base + life) // (2 * life)
                last = base - charge * (life - 1)
                steps[thread, at, g, start] += charge
                steps[thread, at, g, start + life - 1] += last - charge
                steps[thread, at, g, start + life] -= last
    out = np.empty((2, GROUPS, MONTHS))
    for at in range(2):
        for g in range(GROUPS):
            charge = 0
            for m in range(MONTHS):
                for thread in range(threads):
                    charge += steps[thread, at, g, m]
                out[at, g, m] = charge / 100.0
    return out


@numba.njit(parallel=True)
def _month_loop(cost: Any, residual: Any, month: Any, group: Any, threads: int) -> Any:
    n = len(cost)
    sums = np.zeros((threads, 2, GROUPS, MONTHS), np.int64)
    for thread in numba.prange(threads):
        for i in range(thread * n // threads, (thread + 1) * n // threads):
            base, start, g = cost[i] - residual[i], month[i], group[i]
            for at in range(2):
                life = 48 if at == 0 else 72
                charge = (2 * base + life) // (2 * life)
                end = start + life - 1
                for m in range(start, min(end, MONTHS)):
                    sums[thread, at, g, m] += charge
                if end < MONTHS:
                    sums[thread, at, g, end] += base - charge * (life - 1)
    return sums.sum(axis=0) / 100.0


def numpy_month_loop(fleet: Fleet) -> Any:
    """Weigh and count every month: what one writes first."""
    out = np.zeros((2, GROUPS, MONTHS))
    base = fleet.cost - fleet.residual
    for at, life in enumerate(LIVES):
        charge = (2 * base + life) // (2 * life)
        last = base - charge * (life - 1)
        for month in range(MONTHS):
            k = month - fleet.month
            amount = np.where((k >= 0) & (k < life - 1), charge, np.where(k == life - 1, last, 0))
            out[at, :, month] = np.bincount(fleet.group, amount, GROUPS)
    return out / 100


def polars_difference(frame: pl.DataFrame) -> Any:
    """Start and stop each charge as rows of a long frame, sum and accumulate them."""
    parts = []
    base = pl.col("cost") - pl.col("residual")
    for life in LIVES:
        charge = (2 * base + life) // (2 * life)
        last = base - charge * (life - 1)
        sums = frame.lazy().group_by("group", "month").agg(charge.sum().alias("c"), last.sum().alias("l"))
        steps = [
            sums.select("group", (pl.col("month") + shift).alias("month"), amount.alias("step"))
            for shift, amount in (
                (0, pl.col("c")),
                (life - 1, pl.col("l") - pl.col("c")),
                (life, -pl.col("l")),
            )
        ]
        parts.append(
            pl.concat(steps)
            .group_by("group", "month")
            .agg(pl.col("step").sum())
            .sort("group", "month")
            .select(
                "group",
                "month",
                (pl.col("step").cum_sum().over("group") / 100).alias("charge"),
                pl.lit(life).alias("life"),
            )
        )
    return pl.concat(parts).collect()


def totals_peers(fleet: Fleet) -> list[Peer]:
    """Everything that does W1b."""
    threads = numba.get_num_threads()
    arrays = (fleet.cost, fleet.residual, fleet.month, fleet.group, threads)
    table = pl.DataFrame(
        {"cost": fleet.cost, "residual": fleet.residual, "month": fleet.month, "group": fleet.group}
    )
    peers = [
        Peer("neocalc level", neocalc_totals(fleet, "level")),
        Peer("neocalc balance", neocalc_totals(fleet, "balance")),
        Peer("numba difference array", lambda: _difference_array(*arrays)),
        Peer("numba month loop, fused", lambda: _month_loop(*arrays)),
        Peer("polars differences", lambda: polars_difference(table)),
        Peer("numpy month loop", lambda: numpy_month_loop(fleet)),
    ]
    for peer in peers:
        peer.repeat = max(
            1, 200_000 // len(fleet) // (20 if "numpy" in peer.name or "polars" in peer.name else 1)
        )
    return peers


# --- W1a: rows -------------------------------------------------------------------------------------


def neocalc_rows(fleet: Fleet, rounding: str) -> Callable[[], Any]:
    """One row per asset and month: asset, date, charge."""
    policy = nc.straight_line(months=LIFE)
    return lambda: nc.depreciate(
        fleet.frame, policy, start=START, end=END, rounding=rounding, columns=["depreciation"]
    )


@numba.njit(parallel=True)
def _fill_rows(base: Any, month: Any, life: int, ends: Any, ids: Any, dates: Any, charges: Any) -> None:
    for i in numba.prange(len(base)):
        charge = (2 * base[i] + life) // (2 * life)
        at = i * life
        for k in range(life):
            ids[at + k] = i
            dates[at + k] = ends[month[i] + k]
            charges[at + k] = charge / 100.0
        charges[at + life - 1] = (base[i] - charge * (life - 1)) / 100.0


def rows_peers(fleet: Fleet) -> list[Peer]:
    """Everything that does W1a: the same three columns, as a frame."""
    import pandas as pd

    base = fleet.cost - fleet.residual
    months = np.datetime64(START, "M") + np.arange(MONTHS + LIFE + 1)
    ends = (months.astype("datetime64[D]") - 1).astype("datetime64[us]")[1:]
    table = pl.DataFrame({"asset_id": np.arange(len(fleet)), "base": base, "month": fleet.month})
    calendar = pl.DataFrame({"m": np.arange(MONTHS, dtype=np.int32), "period_end": ends[:MONTHS]})

    def numba_frame() -> Any:
        n = len(base) * LIFE
        ids, dates, charges = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
        _fill_rows(base, fleet.month, LIFE, ends.view(np.int64), ids, dates, charges)
        return pd.DataFrame(
            {"asset_id": ids, "period_end": dates.view("datetime64[us]"), "depreciation": charges}, copy=False
        )

    def numpy_frame() -> Any:
        charge = (2 * base + LIFE) // (2 * LIFE)
        charges = np.repeat(charge / 100, LIFE).reshape(-1, LIFE)
        charges[:, -1] = (base - charge * (LIFE - 1)) / 100
        dates = ends[fleet.month[:, None] + np.arange(LIFE)]
        ids = np.repeat(np.arange(len(base)), LIFE)
        return pd.DataFrame(
            {"asset_id": ids, "period_end": dates.ravel(), "depreciation": charges.ravel()}, copy=False
        )

    def polars_frame() -> Any:
        k = pl.col("m") - pl.col("month")
        charge = (2 * pl.col("base") + LIFE) // (2 * LIFE)
        last = pl.col("base") - charge * (LIFE - 1)
        return (
            table.lazy()
            .join(calendar.lazy(), how="cross")
            .filter((k >= 0) & (k < LIFE))
            .select(
                "asset_id",
                "period_end",
                (pl.when(k < LIFE - 1).then(charge).otherwise(last) / 100).alias("depreciation"),
            )
            .collect()
        )

    peers = [
        Peer("neocalc level", neocalc_rows(fleet, "level")),
        Peer("neocalc balance", neocalc_rows(fleet, "balance")),
        Peer("numba into a frame", numba_frame),
        Peer("polars cross join", polars_frame),
        Peer("numpy broadcast", numpy_frame),
    ]
    for peer in peers:
        peer.repeat = max(1, 20_000 // len(fleet))
    return peers


def check_rows(fleet: Fleet) -> None:
    """The level rows against numba's, where no tie tells half-even from half-up apart."""
    part = _head(fleet, min(len(fleet), 20_000))
    got = neocalc_rows(part, "level")()
    want = rows_peers(part)[2].run()
    base = part.cost - part.residual
    no_tie = np.repeat((2 * base) % (2 * LIFE) != LIFE, LIFE)
    assert len(got) == len(want)
    assert got["depreciation"].to_numpy()[no_tie].tolist() == want["depreciation"].to_numpy()[no_tie].tolist()
    assert (got["period_end"].to_numpy() == want["period_end"].to_numpy()).all()
