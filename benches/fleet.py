"""The fleet of the workloads, as users have it and as hand-written kernels want it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

MONTHS, GROUPS, LIVES = 96, 1_000, (48, 72)
START, END = "2021-01-01", "2028-12-31"


@dataclass(frozen=True)
class Fleet:
    """Integers ready made (cents, months since the start, group codes), and the frame they came from."""

    cost: npt.NDArray[np.int64]
    residual: npt.NDArray[np.int64]
    month: npt.NDArray[np.int32]
    group: npt.NDArray[np.int32]
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.cost)


def make(rows: int) -> Fleet:
    """Generate a fleet: four years of service dates, a thousand groups, residual values up to 15 %."""
    rng = np.random.default_rng(7)
    cost = rng.integers(300_000, 30_000_000, rows)
    residual = cost * rng.integers(0, 16, rows) // 100
    month = rng.integers(0, 48, rows, dtype=np.int32)
    group = rng.integers(0, GROUPS, rows, dtype=np.int32)
    labels = [f"group-{number:04d}" for number in range(GROUPS)]
    frame = pd.DataFrame(
        {
            "cost": cost / 100,
            "residual_value": residual / 100,
            "in_service_date": (np.datetime64(START, "M") + month)
            .astype("datetime64[D]")
            .astype("datetime64[us]"),
            "group": pd.Categorical.from_codes(group, categories=labels),
        },
        copy=False,
    )
    return Fleet(cost, residual, month, group, frame)


def half_even(amount: npt.NDArray[np.int64], life: int) -> npt.NDArray[np.int64]:
    """Divide cents by a life, ties to even: the level charge, from its definition."""
    whole, rest = np.divmod(amount, life)
    up = (2 * rest > life) | ((2 * rest == life) & (whole % 2 == 1))
    return whole + up


def exact_level(fleet: Fleet) -> npt.NDArray[np.int64]:
    """Cents by life, group and month, from the definition of level charges."""
    out = np.zeros((len(LIVES), GROUPS, MONTHS + max(LIVES) + 1), dtype=np.int64)
    base = fleet.cost - fleet.residual
    for at, life in enumerate(LIVES):
        charge = half_even(base, life)
        last = base - charge * (life - 1)
        assert (last >= 0).all()  # the generator makes no asset so small that its charges run out
        for offset, amount in ((0, charge), (life - 1, last - charge), (life, -last)):
            np.add.at(out[at], (fleet.group, fleet.month + offset), amount)
    return np.cumsum(out, axis=2)[:, :, :MONTHS]


def exact_balance(fleet: Fleet, rows: int) -> npt.NDArray[np.int64]:
    """Cents by life, group and month of the first rows, each month's balance rounded anew."""
    out = np.zeros((len(LIVES), GROUPS, MONTHS), dtype=np.int64)
    base, group = (fleet.cost - fleet.residual)[:rows], fleet.group[:rows]
    for at, life in enumerate(LIVES):
        before = np.zeros(rows, dtype=np.int64)
        for month in range(MONTHS):
            passed = np.clip(month - fleet.month[:rows] + 1, 0, life)
            balance = half_even(base * passed, life)
            np.add.at(out[at, :, month], group, balance - before)
            before = balance
    return out
