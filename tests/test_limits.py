"""What cannot fit is refused before it is made (bad input 57 and 58 of the catalogue)."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from broken import POLICY
from drive import core_settings
from neocalc import _core


def test_a_result_that_cannot_fit_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:  # 57
    monkeypatch.setenv("NEOCALC_MEMORY_LIMIT_BYTES", "1000000")
    rows = 50_000
    frame = pd.DataFrame({"cost": np.full(rows, 960.0), "in_service_date": np.datetime64("2025-01-01", "us")})
    started = time.monotonic()
    with pytest.raises(nc.ResourceLimitError) as caught:
        nc.depreciate(frame, nc.straight_line(years=100))
    assert time.monotonic() - started < 2
    assert isinstance(caught.value, MemoryError)
    n_bytes = rows * 1200 * (16 + 8 * 8)
    assert f"{n_bytes:,} bytes" in str(caught.value)
    assert "by=[...]" in str(caught.value)
    small = frame.head(100)
    assert len(nc.depreciate(small, POLICY)) == 4800
    for options in ({"amounts": "decimal"}, {"freq": "M"}):
        with pytest.raises(nc.ResourceLimitError):
            nc.compare_lives(frame.head(4000), baseline=4, **options)
    with pytest.raises(nc.ResourceLimitError, match="totals of"):
        nc.compare_lives(frame.reset_index(), by=["index"])
    monkeypatch.setenv("NEOCALC_MEMORY_LIMIT_BYTES", "lots")
    with pytest.raises(nc.ConfigError, match="NEOCALC_MEMORY_LIMIT_BYTES"):
        nc.depreciate(small, POLICY)


def test_more_rows_than_32_bits_count() -> None:  # 58
    """2,400,000,000 rows are counted as what they are, and refused; their totals are exact."""
    frame = pd.DataFrame(
        {"cost": np.full(2_000_000, 1200.0), "in_service_date": np.datetime64("2025-01-01", "us")}
    )
    century = nc.straight_line(years=100)
    with pytest.raises(nc.ResourceLimitError, match="2,400,000,000 rows"):
        nc.depreciate(frame, century)
    totals = nc.depreciate(frame, century, by=[], freq="Y", columns=["depreciation"])
    assert totals["depreciation"].tolist() == [24_000_000.0] * 100


@pytest.mark.parametrize("groups", [2**40, 2**60, 2**63 - 1, 2**64 - 1])
def test_more_bytes_than_64_bits_count(groups: int) -> None:  # 58
    """Cells times bytes beyond what a size can say are refused like any others; nothing wraps to a small number."""
    three = np.arange(3)
    fleet = _core.Fleet(100 * three, 18_000 + three, "D")
    run = _core.Run([(48, True, 0.0, "full_month", _core.Method.straight_line())])
    for limit in (None, 10**15, 2**63 - 1):
        with pytest.raises(MemoryError, match="bytes"):
            _core.totals(fleet, [run], core_settings(), three, groups, ["depreciation"], "minor", limit)
