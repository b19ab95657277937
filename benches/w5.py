"""Rates of return: XIRR of many irregular streams in one call, beside numba and pyxirr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pandas as pd
import pyxirr
from harness import Peer

from neocalc import financial

FIRST_DAY = np.datetime64("2024-01-01")


@dataclass(frozen=True)
class Streams:
    """Flows of many streams, as a frame and as the arrays that peers want."""

    frame: pd.DataFrame
    offsets: np.ndarray
    days: np.ndarray
    rates: np.ndarray  # the answers

    def __len__(self) -> int:
        return len(self.rates)


def make(streams: int) -> Streams:
    """Generate streams of 24 to 60 flows about a month apart, at rates from -10 % to 60 %."""
    rng = np.random.default_rng(5)
    lengths = rng.integers(24, 61, streams)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    first = offsets[:-1]
    place = np.arange(offsets[-1]) - np.repeat(first, lengths)
    days = (place * 30.4375 + rng.integers(-9, 10, len(place)) * (place > 0)).astype(np.int32)
    amounts = rng.uniform(500, 1500, len(place))
    rates = rng.uniform(-0.10, 0.60, streams)
    amounts[first] = 0.0
    worth = amounts * np.repeat(1 + rates, lengths) ** (-days / 365.0)
    amounts[first] = -np.add.reduceat(worth, first)
    frame = pd.DataFrame(
        {
            "stream": np.repeat(np.arange(streams), lengths),
            "date": (FIRST_DAY + days.astype("m8[D]")).astype("M8[us]"),
            "amount": amounts,
        }
    )
    return Streams(frame, offsets, days, rates)


def by_neocalc(work: Streams) -> Any:
    """One call on a frame."""
    return financial.xirr(work.frame["amount"], work.frame["date"], stream=work.frame["stream"])


@numba.njit(parallel=True, fastmath=True)
def _newton(offsets: Any, days: Any, amounts: Any) -> Any:
    out = np.empty(len(offsets) - 1)
    for at in numba.prange(len(out)):
        rate = 0.1
        for _ in range(100):
            value = slope = 0.0
            log = np.log1p(rate)
            for flow in range(offsets[at], offsets[at + 1]):
                years = days[flow] / 365.0
                present = amounts[flow] * np.exp(-years * log)
                value += present
                slope -= years * present
            step = value / slope * (1 + rate)
            rate -= step
            if abs(step) < 1e-12:
                break
        out[at] = rate
    return out


def check(work: Streams) -> None:
    """All find the rates that the streams were made with."""
    found = by_neocalc(work)
    off = np.abs(found.to_numpy() - work.rates).max()
    assert off < 1e-12, f"{off} off"
    theirs = _newton(work.offsets, work.days, work.frame["amount"].to_numpy())
    assert np.abs(theirs - work.rates).max() < 1e-9


def peers(work: Streams) -> list[Peer]:
    """Numba and pyxirr are handed days since the first date, and arrays for each stream, ready made."""
    amounts = work.frame["amount"].to_numpy()
    dates = FIRST_DAY + work.days.astype("m8[D]")
    ends = [slice(a, b) for a, b in zip(work.offsets[:-1].tolist(), work.offsets[1:].tolist(), strict=True)]
    parts = [(dates[part], amounts[part]) for part in ends]
    keys = work.frame["stream"].to_numpy()
    return [
        Peer("neocalc, frame", lambda: by_neocalc(work)),
        Peer("neocalc, arrays", lambda: financial.xirr(amounts, dates, stream=keys)),
        Peer("numba Newton, 2 threads", lambda: _newton(work.offsets, work.days, amounts)),
        Peer("pyxirr, a call each", lambda: [pyxirr.xirr(*part) for part in parts]),
    ]
