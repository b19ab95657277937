"""The catalogue of bad input, frames that are not still: changed by others, shared by threads, running code of their own.

Numbers in the comments are rows of the project's reliability catalogue, as far as they touch a fleet.
"""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from broken import POLICY, ROWS, good
from neocalc import _output


def test_a_frame_changed_between_counting_and_filling(monkeypatch: pytest.MonkeyPatch) -> None:  # 33
    dates = np.array(["2025-01-01"] * 4, dtype="M8[us]")
    frame = pd.DataFrame({"cost": [1.0] * 4, "in_service_date": dates}, copy=False)
    raw = frame["in_service_date"].to_numpy()
    assert np.shares_memory(raw, dates)

    def change(*_: Any) -> None:
        dates[:] = np.datetime64("2026-05-01")

    monkeypatch.setattr(_output, "check_memory", change)
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(frame, POLICY)
    assert caught.value.code == "concurrent_mutation"
    monkeypatch.undo()
    assert nc.depreciate(frame, POLICY)["period_end"].min() == pd.Timestamp("2026-05-31")


def test_a_frame_changed_all_the_time() -> None:  # 33
    cost = np.full(50_000, 960.0)
    frame = pd.DataFrame({"cost": cost, "in_service_date": np.datetime64("2025-01-01", "us")}, copy=False)
    stop = threading.Event()

    def keep_changing() -> None:
        while not stop.is_set():
            cost[::7] = -1.0
            cost[::7] = 960.0
            cost[::3] = 480.0

    thread = threading.Thread(target=keep_changing)
    thread.start()
    outcomes = set()
    try:
        for _ in range(30):
            try:
                totals = nc.depreciate(frame, nc.straight_line(months=2), by=[])
                assert 480 * 50_000 <= totals["additions"].sum() <= 960 * 50_000
                outcomes.add("result")
            except nc.InputError as error:
                assert set(error.issues["code"]) <= {"range", "concurrent_mutation"}
                outcomes.add(error.code)
    finally:
        stop.set()
        thread.join()
    assert outcomes


def test_sixteen_threads_on_one_frame() -> None:  # 61
    frame = pd.DataFrame(good(site=["x", "y", None, "x"]))
    expected = nc.compare_lives(frame, by=["site"], baseline=4)
    same: list[bool] = []

    def work() -> None:
        same.extend(nc.compare_lives(frame, by=["site"], baseline=4).equals(expected) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 320


class _Reentrant(pd.DataFrame):
    """A frame that computes another whenever one of its columns is asked for."""

    def __getitem__(self, key: Any) -> Any:
        assert len(nc.depreciate(pd.DataFrame(good()), POLICY, threads=2)) == 48 * ROWS
        return super().__getitem__(key)


class _CallingDecimal(Decimal):
    """An amount that computes a fleet when it is looked at."""

    def as_tuple(self) -> Any:
        assert nc.depreciate(pd.DataFrame(good()), POLICY, by=[])["additions"].sum() == 10_000.0
        return super().as_tuple()

    def is_finite(self) -> bool:
        self.as_tuple()
        return super().is_finite()


def test_calls_within_calls() -> None:  # 61
    expected = nc.depreciate(pd.DataFrame(good()), POLICY)
    assert nc.depreciate(_Reentrant(good()), POLICY).equals(expected)
    amounts = pd.Series([_CallingDecimal(1000 * (row + 1)) for row in range(ROWS)], dtype=object)
    assert nc.depreciate(pd.DataFrame(good(cost=amounts)), POLICY).equals(expected)


@pytest.mark.parametrize("length", [0, 3, 5, 10**9])
def test_a_frame_that_lies_about_its_length(length: int) -> None:  # 32
    class Liar(pd.DataFrame):
        def __len__(self) -> int:
            return length

    frame, expected = Liar(good(site=["x", "y", "x", "y"])), pd.DataFrame(good(site=["x", "y", "x", "y"]))
    for by in (None, ["site"], []):
        assert nc.depreciate(frame, POLICY, by=by).equals(nc.depreciate(expected, POLICY, by=by))
    assert len(nc.validate(frame)) == 0
