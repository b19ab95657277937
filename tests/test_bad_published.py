"""Published figures that nothing is computed for, and unknowns that are none."""

from __future__ import annotations

from typing import Any

import pytest

import neocalc as nc
from published_deals import small


@pytest.mark.parametrize(
    "columns",
    [
        {"measure": "income_statement.revenu"}, {"measure": "revenue"}, {"formula": "1 +"}, {"formula": "1 / 2 / 3"},
        {"measure": "facility.balance", "facility_id": "nobody"}, {"measure": "reserve.balance"}, {"formula": "a b"},
        {"measure": "company.nothing"}, {"measure": "property.depreciation", "period_end": "2026-12-31"}, {},
        {"measure": "depreciation.9y"}, {"measure": "property.depreciation", "from_date": "2024-01-01"},
    ],
)  # fmt: skip
def test_figures_that_nothing_is_computed_for(columns: dict[str, Any]) -> None:
    with pytest.raises(nc.InputError) as caught:
        _ = small({"value": [1.0], **columns}).checks
    assert (caught.value.code, caught.value.issues[0].rows) == ("measure_unknown", (0,))


def test_unknowns_that_are_none() -> None:
    for unknown in (["cahs"], "cash", [1]):
        with pytest.raises(nc.InputError) as caught:
            small({"value": [1.0]}, unknown=unknown)
        assert [(issue.column, issue.code) for issue in caught.value.issues] == [("deal.unknown", "choice")]
