"""Shared set-up: hypothesis profiles (``NEOCALC_HYPOTHESIS_PROFILE`` = fast | ci | deep) and the optional outside oracles."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(
    0, str(Path(__file__).resolve().parent)
)  # whatever pytest's import mode: `from oracles import ...`

for _name, _examples in (("fast", 40), ("ci", 200), ("deep", 10_000)):
    settings.register_profile(
        _name,
        max_examples=_examples,
        deadline=None,
        derandomize=_name != "deep",
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
settings.load_profile(os.environ.get("NEOCALC_HYPOTHESIS_PROFILE", "ci"))

OUTSIDE_ORACLES = Path(__file__).resolve().parents[2] / "shared" / "oracles"


@pytest.fixture(scope="session")
def outside_oracles() -> Path:
    """Tables of values computed by others; not part of the project, so their tests say when they skip."""
    if not OUTSIDE_ORACLES.is_dir():
        pytest.skip("the outside oracles (../shared/oracles) are not on this machine")
    return OUTSIDE_ORACLES
