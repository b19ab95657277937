"""The demonstration: CoreWeave's first quarter of 2025 at six years and at four, beside what it reported."""

from __future__ import annotations

from typing import Any

import neocalc
from neocalc.examples import coreweave
from neocalc.report.comparison import Comparison, Published, column_values, compare_for_report
from neocalc.report.money import MINUS


def _percent(value: float, base: float) -> str:
    return f"{(value / base - 1) * 100:+.1f} %".replace("-", MINUS)


TITLE = "CoreWeave property and equipment at 31 March 2025, four years against six"
ASSUMPTIONS = (
    *coreweave.ASSUMPTIONS,
    "Only technology equipment changes its life, as if it had always been so; later purchases are left out.",
)
_OPTIONS: dict[str, Any] = {"where": {"asset_class": "technology"}, "convention": coreweave.CONVENTION}


def coreweave_fleet(kind: str) -> Any:
    """Load the example as a frame of the kind."""
    return neocalc.load_example("coreweave_2025q1", kind=kind)


def quarter_charges(fleet: Any) -> dict[str, dict[str, float]]:
    """Compute the charge of the filing's quarter: asset class, then policy, then amount."""
    start, end = coreweave.QUARTER
    options = {**_OPTIONS, "start": start, "end": end, "columns": ["depreciation"]}
    quarter = neocalc.compare_lives(fleet, (4, 6), by=["asset_class"], freq="Q", **options)
    charges: dict[str, dict[str, float]] = {}
    names = ("asset_class", "policy", "depreciation")
    for key, policy, charge in zip(*(column_values(quarter, name) for name in names), strict=True):
        charges.setdefault(str(key), {})[str(policy)] = float(charge)
    return charges


def coreweave_published(fleet: Any) -> Published:
    """Set the computed charges beside the reported one, which is the only number given and not computed."""
    charges = quarter_charges(fleet)
    names = {key: name for key, (name, _, _, life) in coreweave.CLASSES.items() if life is not None}
    rows = tuple(
        (name, *(f"{charges[key][policy] / 1e6:,.1f}" for policy in ("6y", "4y")), "")
        for key, name in names.items()
    )
    six, four = (sum(charges[key][policy] for key in names) / 1e6 for policy in ("6y", "4y"))
    published = coreweave.PUBLISHED_CHARGE_MILLIONS
    return Published(
        headline="Depreciation of property and equipment, first quarter of 2025, $ million",
        header=("Class", "At six years", "At four years", "Published"),
        rows=rows,
        total=("Total", f"{six:,.1f}", f"{four:,.1f}", f"{published:,}"),
        remark=(
            f"{six:,.1f} computed at six years against {published:,} reported ({_percent(six, published)}). "
            "This is an approximate check (kind A): the dates of service and the life of software are not "
            f"published. At four years the same assets cost {four:,.1f}, {_percent(four, six)}."
        ),
    )


def coreweave_comparison(fleet: Any) -> Comparison:
    """Compute the demonstration's report."""
    return compare_for_report(
        fleet,
        (4, 6),
        by=["asset_class"],
        # What stood at the opening has an assumed month of service, so what came before says nothing.
        start=coreweave.QUARTER[0],
        # By then the last technology equipment is written off under six years, too.
        end="2031-12-31",
        title=TITLE,
        assumptions=ASSUMPTIONS,
        source=coreweave.SOURCE,
        published=coreweave_published(fleet),
        **_OPTIONS,
    )
