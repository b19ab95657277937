"""The oracle of ACTUS contracts: the published cases and those worked out by hand, before the core is held to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from actus_by_hand import WORKED, Worked
from actus_cases import read_cases
from oracles import actus
from oracles.actus import Row


def compare(found: list[Row], expected: list[Row]) -> None:
    """Dates and types are the same, amounts within 1e-9."""
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for one, other in zip(found, expected, strict=True):
        assert one[2:] == pytest.approx(other[2:], rel=0, abs=1e-9), one[:2]


def test_published_cases(outside_oracles: Path) -> None:
    cases = read_cases(outside_oracles)
    for case in cases.values():
        compare(actus.events(case.terms, case.observations, case.to), case.rows)
    assert (len(cases), sum(len(case.rows) for case in cases.values())) == (29, 849)


@pytest.mark.parametrize("case", WORKED, ids=lambda case: case.name)
def test_worked_cases(case: Worked) -> None:
    compare(actus.events(case.terms, case.observations, case.to, case.observed), case.rows)
