"""Covenants: facilities x 40 quarters x scenarios, four tests each with windows and step-downs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import pandas as pd
from harness import Peer

import neocalc as nc

QUARTERS, TESTS = 40, 4
# From the fourth quarter on, in two steps: cover at least, leverage and loan to value at most.
STEPS = {"dscr": ("1.15", "1.2"), "leverage": ("4.5", "4"), "ltv": ("0.85", "0.8")}
STEP_AT, WINDOW = 20, 4
ENDS = pd.date_range("2026-03-31", periods=QUARTERS, freq="QE")


@dataclass(frozen=True)
class Cube:
    """Amounts in dollars; debt, its service and the minimum of cash are the same in all scenarios."""

    cash_flow: np.ndarray
    cash: np.ndarray
    value: np.ndarray
    service: np.ndarray
    debt: np.ndarray
    floor: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.cash_flow.shape

    def thresholds(self) -> dict[str, np.ndarray]:
        late = np.arange(QUARTERS) >= STEP_AT
        return {name: np.where(late, float(after), float(before)) for name, (before, after) in STEPS.items()}


def make(facilities: int, scenarios: int) -> Cube:
    """Generate paths that decay at different speeds; one cell in 10,000 stands exactly on a threshold."""
    rng = np.random.default_rng(3)
    shape = (facilities, QUARTERS, scenarios)
    scale = rng.uniform(1, 20, facilities)[:, None, None] * 1e6
    decay = np.exp(
        -np.linspace(0, 1, QUARTERS)[None, :, None] * rng.uniform(0.1, 1.2, scenarios)[None, None, :]
    )

    def cents(values: np.ndarray) -> np.ndarray:
        return np.rint(values * 100) / 100

    debt = np.rint(scale[:, :, 0] * np.linspace(9.0, 1.5, QUARTERS)[None, :] / 100) * 100
    service = cents(scale[:, :, 0] * np.linspace(0.60, 0.45, QUARTERS)[None, :])
    floor = cents(0.5 * scale[:, 0, 0])
    cash_flow, cash, value = np.empty(shape), np.empty(shape), np.empty(shape)
    for at in range(facilities):  # by facility: noise for the whole cube at once would take its size again
        cash_flow[at] = cents(scale[at] * decay[0] * rng.uniform(0.9, 1.1, shape[1:]))
        cash[at] = cents(scale[at] * 2 * (0.3 + decay[0]) * rng.uniform(0.9, 1.1, shape[1:]))
        value[at] = cents(scale[at] * 16 * decay[0] * rng.uniform(0.95, 1.05, shape[1:]))
    planted = rng.integers(0, [[facilities], [QUARTERS], [scenarios]], (3, value.size // 10_000))
    place = tuple(planted)
    cash[place] = floor[planted[0]]
    wanted = Cube(cash_flow, cash, value, service, debt, floor).thresholds()["ltv"][planted[1]]
    value[place] = cents(debt[planted[0], planted[1]] / wanted)
    return Cube(cash_flow, cash, value, service, debt, floor)


def terms(cube: Cube) -> pd.DataFrame:
    """The covenants: the same ratios for all, a minimum of cash for each."""
    start, step = ENDS[WINDOW - 1], ENDS[STEP_AT]
    entities = np.arange(len(cube.floor))
    parts = [
        pd.DataFrame(
            {"covenant_id": name, "entity_id": entities, "metric": name, "threshold": float(level),
             "first_test_date": start if name != "ltv" else ENDS[0], "from_date": begin}
        )
        for name, levels in STEPS.items()
        for level, begin in zip(levels, (ENDS[0], step), strict=True)
    ]  # fmt: skip
    least = pd.DataFrame(
        {"covenant_id": "liquidity", "entity_id": entities, "metric": "liquidity", "threshold": cube.floor,
         "first_test_date": ENDS[0], "from_date": ENDS[0]}
    )  # fmt: skip
    return pd.concat([*parts, least], ignore_index=True)


def neocalc_cube(cube: Cube) -> nc.CovenantCube:
    """Read the terms once, as peers are handed thresholds."""
    return nc.covenant_cube(
        terms(cube), entity_ids=list(range(len(cube.floor))), period_ends=list(ENDS.date),
        measures=["cfads", "debt_service", "total_debt", "collateral_value", "cash"],
        # One flow for both, as for the peers.
        metrics=[nc.metric("leverage", "total_debt", denominator="sum(cfads)", limit="max")],
    )  # fmt: skip


def amounts(cube: Cube) -> dict[str, np.ndarray]:
    """The measures under their names."""
    return {"cfads": cube.cash_flow, "debt_service": cube.service, "total_debt": cube.debt,
            "collateral_value": cube.value, "cash": cube.cash}  # fmt: skip


def by_neocalc(cube: Cube) -> Callable[[], Any]:
    ready, given = neocalc_cube(cube), amounts(cube)

    def run() -> tuple[np.ndarray, np.ndarray]:
        found = ready.test(given)
        return found.first_breach, found.headroom

    return run


def by_numpy(cube: Cube) -> Callable[[], Any]:
    """Whole cubes, as one would write it."""
    limits = cube.thresholds()

    def run() -> tuple[np.ndarray, np.ndarray]:
        facilities, _, scenarios = cube.shape
        flow, service, tail = cube.cash_flow, cube.service, slice(WINDOW - 1, None)
        year = flow[:, 3:] + flow[:, 2:-1] + flow[:, 1:-2] + flow[:, :-3]
        due = service[:, 3:] + service[:, 2:-1] + service[:, 1:-2] + service[:, :-3]
        rooms = [
            (WINDOW - 1, year / due[:, :, None] - limits["dscr"][tail, None]),
            (WINDOW - 1, limits["leverage"][tail, None] - cube.debt[:, tail, None] / year),
            (0, limits["ltv"][:, None] - cube.debt[:, :, None] / cube.value),
            (0, cube.cash - cube.floor[:, None, None]),
        ]
        first = np.empty((facilities, TESTS, scenarios), np.int16)
        least = np.empty((facilities, TESTS, scenarios))
        for at, (offset, room) in enumerate(rooms):
            least[:, at] = room.min(axis=1)
            failed = room < 0
            first[:, at] = np.where(failed.any(axis=1), failed.argmax(axis=1) + offset, -1)
        return first, least

    return run


@nb.njit(parallel=True)
def _numba_kernel(flow, cash, value, service, debt, floor, dscr, leverage, ltv, first, least):
    facilities, quarters, scenarios = flow.shape
    for f in nb.prange(facilities):
        first[f], least[f] = -1, np.inf
        for t in range(quarters):
            due = 0.0
            if t >= 3:
                due = service[f, t] + service[f, t - 1] + service[f, t - 2] + service[f, t - 3]
            for s in range(scenarios):
                if t >= 3:
                    year = flow[f, t, s] + flow[f, t - 1, s] + flow[f, t - 2, s] + flow[f, t - 3, s]
                    cover, room = year / due - dscr[t], leverage[t] - debt[f, t] / year
                    least[f, 0, s] = min(least[f, 0, s], cover)
                    least[f, 1, s] = min(least[f, 1, s], room)
                    if cover < 0 and first[f, 0, s] < 0:
                        first[f, 0, s] = t
                    if room < 0 and first[f, 1, s] < 0:
                        first[f, 1, s] = t
                worth, spare = ltv[t] - debt[f, t] / value[f, t, s], cash[f, t, s] - floor[f]
                least[f, 2, s] = min(least[f, 2, s], worth)
                least[f, 3, s] = min(least[f, 3, s], spare)
                if worth < 0 and first[f, 2, s] < 0:
                    first[f, 2, s] = t
                if spare < 0 and first[f, 3, s] < 0:
                    first[f, 3, s] = t


def by_numba(cube: Cube) -> Callable[[], Any]:
    """A loop written for this very set of tests."""
    limits = cube.thresholds()

    def run() -> tuple[np.ndarray, np.ndarray]:
        facilities, _, scenarios = cube.shape
        first = np.empty((facilities, TESTS, scenarios), np.int16)
        least = np.empty((facilities, TESTS, scenarios))
        _numba_kernel(
            cube.cash_flow, cube.cash, cube.value, cube.service, cube.debt, cube.floor,
            limits["dscr"], limits["leverage"], limits["ltv"], first, least,
        )  # fmt: skip
        return first, least

    return run


def by_pandas(cube: Cube) -> Callable[[], Any]:
    """Long form, windows by groupby and rolling."""
    facilities, quarters, scenarios = cube.shape
    limits = cube.thresholds()

    def long(values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(values.transpose(0, 2, 1)).ravel()

    def flat(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, scenarios, axis=0).ravel()

    frame = pd.DataFrame(
        {"f": np.repeat(np.arange(facilities, dtype=np.int32), scenarios * quarters),
         "s": np.tile(np.repeat(np.arange(scenarios, dtype=np.int32), quarters), facilities),
         "t": np.tile(np.arange(quarters, dtype=np.int32), facilities * scenarios),
         "flow": long(cube.cash_flow), "cash": long(cube.cash), "value": long(cube.value),
         "service": flat(cube.service), "debt": flat(cube.debt),
         "floor": np.repeat(cube.floor, scenarios * quarters)}
    )  # fmt: skip
    at = frame["t"].to_numpy()

    def run() -> tuple[np.ndarray, np.ndarray]:
        year = frame.groupby(["f", "s"])[["flow", "service"]].rolling(WINDOW).sum()
        flow, due = year["flow"].to_numpy(), year["service"].to_numpy()
        x = frame[["f", "s", "t"]].copy()
        x["h0"], x["h1"] = flow / due - limits["dscr"][at], limits["leverage"][at] - frame["debt"] / flow
        x["h2"], x["h3"] = limits["ltv"][at] - frame["debt"] / frame["value"], frame["cash"] - frame["floor"]
        for test in range(TESTS):
            x[f"b{test}"] = x["t"].where(x[f"h{test}"] < 0, quarters)
        y = x.groupby(["f", "s"])[[f"{kind}{test}" for kind in "hb" for test in range(TESTS)]].min()
        shape = (facilities, scenarios)
        first = np.stack([y[f"b{test}"].to_numpy().reshape(shape) for test in range(TESTS)], axis=1)
        least = np.stack([y[f"h{test}"].to_numpy().reshape(shape) for test in range(TESTS)], axis=1)
        return np.where(first == quarters, -1, first), least

    return run


def exact_first(cube: Cube) -> np.ndarray:
    """First breaches in integers: cents and thresholds multiplied out, facility by facility."""
    facilities, quarters, scenarios = cube.shape
    first = np.full((facilities, TESTS, scenarios), -1, np.int16)

    def whole(values: np.ndarray) -> np.ndarray:
        return np.rint(values * 100).astype(np.int64)

    for f in range(facilities):
        flow, cash, value = whole(cube.cash_flow[f]), whole(cube.cash[f]), whole(cube.value[f])
        service, debt, floor = whole(cube.service[f]), whole(cube.debt[f]), whole(cube.floor[f])
        for t in range(quarters):
            dscr, leverage, ltv = (
                round(float(STEPS[name][t >= STEP_AT]) * 100) for name in ("dscr", "leverage", "ltv")
            )
            failed = [None, None, debt[t] * 100 > ltv * value[t], cash[t] < floor]
            if t >= WINDOW - 1:
                year, due = flow[t - 3 : t + 1].sum(axis=0), service[t - 3 : t + 1].sum()
                failed[:2] = [year * 100 < dscr * due, debt[t] * 100 > leverage * year]
            for test, fails in enumerate(failed):
                if fails is not None:
                    first[f, test] = np.where((first[f, test] < 0) & fails, t, first[f, test])
    return first


def check(cube: Cube, runs: dict[str, Callable[[], Any]]) -> dict[str, int]:
    """How many first breaches of each peer are wrong; ours never are, and all agree on the headroom."""
    wanted, least = exact_first(cube), by_numpy(cube)()[1]
    wrong = {}
    for name, run in runs.items():
        first, room = run()
        wrong[name] = int((first != wanted).sum())
        assert np.allclose(room, least, rtol=1e-9, atol=1e-6), name
    assert wrong["neocalc"] == 0, wrong
    return wrong


def peers(cube: Cube, *, pandas: bool) -> tuple[list[Peer], dict[str, int]]:
    """All ways, and how many first breaches of each are wrong."""
    runs = {"neocalc": by_neocalc(cube), "numba prange": by_numba(cube), "numpy whole cube": by_numpy(cube)}
    if pandas:
        runs["pandas groupby rolling"] = by_pandas(cube)
    wrong = check(cube, runs)
    return [Peer(name, run) for name, run in runs.items()], wrong
