"""CoreWeave's property and equipment at 2025-03-31, laid out as a fleet.

The gross balances by class are the filing's. The filing does not say when assets entered service, nor
the life of software, so three things here are assumptions, and each row names them:

- What stood on 2024-12-31 entered service in May 2024, all of it. Any month works for the quarter's
  charge as long as every life still runs; May 2024 is the month that, at the filing's own lives, brings
  accumulated depreciation at 2024-12-31 nearest to the published $965 million.
- What the quarter added (closing gross less opening gross, hence net of retirements) came in equal
  thirds in January, February and March. With the mid-month convention that is the mid-quarter method.
- Software lives 3 years and furniture 5; data-centre equipment 10, the middle of the disclosed 8 to 12.
"""

from __future__ import annotations

import numpy as np

from neocalc.errors import ConfigError
from neocalc.examples._columns import Category, ExampleColumns, Nullable

DOCUMENT = "CoreWeave, Inc., Form 10-Q for the quarter ended 2025-03-31, filed 2025-05-14"
NOTE = "note 5, property and equipment, net"
TRUST = "primary"
SOURCE = f"{DOCUMENT}, {NOTE} (gross balances); service months, spread and undisclosed lives assumed"
# Depreciation of property and equipment in the quarter, $ million, rounded so by the filer.
PUBLISHED_CHARGE_MILLIONS = 443
QUARTER = ("2025-01-01", "2025-03-31")
CONVENTION = "mid_month"
OPENING_MONTH = "2024-05"

# class -> (the filing's name, gross $000 at 2024-12-31, gross $000 at 2025-03-31, life in months or None)
CLASSES: dict[str, tuple[str, int, int, int | None]] = {
    "technology": ("Technology equipment", 9_146_575, 10_746_445, 72),
    "software": ("Software", 139_508, 245_458, 36),
    "dc_equipment": ("Data center equipment and leasehold improvements", 384_372, 534_120, 120),
    "furniture": ("Furniture, fixtures, and other assets", 8_684, 10_716, 60),
    "construction": ("Construction in progress", 3_200_866, 4_073_810, None),
}

ASSUMPTIONS = (
    "Straight line without residual value, mid-month convention.",
    "Technology equipment lives 6 years (disclosed), data-centre equipment 10 (disclosed as 8 to 12).",
    "Software lives 3 years and furniture 5 (not disclosed).",
    "Gross in service at 2024-12-31 is taken to have entered service in May 2024.",
    "The quarter's additions (closing less opening gross) are spread evenly over its three months.",
    "Construction in progress is not depreciated; intangible assets are not included.",
)


def columns(rows: int | None = None) -> ExampleColumns:
    """Lay the classes out: one row for the opening gross, one for each month's additions."""
    if rows is not None:
        raise ConfigError("coreweave_2025q1 is a filing and has one size; rows= is for gpu_fleet")
    ids: list[str] = []
    class_codes: list[int] = []
    line_items: list[str] = []
    months: list[str] = []
    thousands: list[int] = []
    lives: list[int] = []
    statuses: list[int] = []
    bases: list[str] = []
    for code, (key, (name, opening, closing, life)) in enumerate(CLASSES.items()):
        added = closing - opening
        # Thirds in whole $000 that still sum to the addition.
        cuts = [added * part // 3 for part in range(4)]
        if life is None:
            parts = [
                ("NaT", opening, "gross at 2024-12-31; not in service"),
                ("NaT", added, "net addition of the quarter; not in service"),
            ]
        else:
            spread = "a third of the quarter's net addition; spread assumed"
            parts = [
                (OPENING_MONTH, opening, "gross at 2024-12-31; service month assumed"),
                *((f"2025-0{m}", cuts[m] - cuts[m - 1], spread) for m in (1, 2, 3)),
            ]
        for number, (month, amount, basis) in enumerate(parts):
            ids.append(f"{key}-{number}")
            class_codes.append(code)
            line_items.append(name)
            months.append(month)
            thousands.append(amount)
            lives.append(life or 0)
            statuses.append(1 if life is None else 0)
            bases.append(basis)
    life_months = np.array(lives, dtype=np.int64)
    n = len(ids)
    return ExampleColumns(
        source=SOURCE,
        columns={
            "asset_id": ids,
            "asset_class": Category(np.array(class_codes, dtype=np.int8), tuple(CLASSES)),
            "line_item": line_items,
            "in_service_date": np.array(months, dtype="datetime64[M]").astype("datetime64[D]"),
            "cost": np.array(thousands, dtype=np.int64) * 1000.0,
            "useful_life_months": Nullable(life_months, life_months == 0),
            "status": Category(np.array(statuses, dtype=np.int8), ("in_service", "cip")),
            "source_document": [DOCUMENT] * n,
            "source_note": [NOTE] * n,
            "trust": [TRUST] * n,
            "basis": bases,
        },
    )
