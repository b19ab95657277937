"""What cannot fit is refused before it is made (bad input 57 and 58 of the catalogue)."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from broken import POLICY


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
