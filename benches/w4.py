"""Events: totals by 100 groups over 120 months of assets with two events each, beside idiomatic pandas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from harness import Peer

import neocalc as nc

LIFE, MONTHS, GROUPS = 48, 120, 100
START, END = "2021-01-01", "2030-12-31"


@dataclass(frozen=True)
class Eventful:
    """A fleet and what happened to it."""

    fleet: pd.DataFrame
    events: pd.DataFrame

    def __len__(self) -> int:
        return len(self.fleet)


def make(rows: int) -> Eventful:
    """Generate a fleet, and twice as many events: lives, impairments, additions and residual values."""
    rng = np.random.default_rng(11)
    month = rng.integers(0, 46, rows)
    fleet = pd.DataFrame(
        {
            "asset_id": np.arange(rows),
            "cost": rng.integers(300_000, 30_000_000, rows) / 100,
            "in_service_date": (np.datetime64(START, "M") + month).astype("M8[D]").astype("M8[us]"),
            "site": pd.Categorical.from_codes(
                rng.integers(0, GROUPS, rows).astype(np.int8), [f"site-{n:02d}" for n in range(GROUPS)]
            ),
        }
    )
    count = 2 * rows
    owner = np.sort(rng.integers(0, rows, count))
    when = (np.datetime64(START, "M") + month[owner] + rng.integers(1, 46, count)).astype("M8[D]")
    kind = rng.choice(
        ["life_change", "impairment", "addition", "residual_change"], count, p=[0.4, 0.2, 0.3, 0.1]
    )
    high = {"impairment": 20_000_000, "addition": 1_000_000, "residual_change": 200_000, "life_change": 1}
    top = pd.Series(kind).map(high).to_numpy()
    amount = (rng.random(count) * top).astype(np.int64) + 1
    is_life = kind == "life_change"
    events = pd.DataFrame(
        {
            "asset_id": owner,
            "date": when.astype("M8[us]"),
            "kind": pd.Categorical(kind),
            "amount": np.where(is_life, np.nan, amount / 100),
            "remaining_months": np.where(is_life, rng.integers(12, 60, count).astype(float), np.nan),
        }
    )
    return Eventful(fleet, events)


def by_neocalc(work: Eventful) -> Any:
    """One call."""
    return nc.depreciate(
        work.fleet, nc.straight_line(months=LIFE), by=["site"], events=work.events, start=START, end=END,
        columns=["depreciation"],
    )  # fmt: skip


def by_pandas(work: Eventful) -> Any:
    """Segments between events, a round for the k-th of every asset, exploded into months and grouped."""
    first = pd.Period(START, "M").ordinal

    def month(dates: pd.Series) -> pd.Series:
        return dates.dt.year * 12 + dates.dt.month - 1 - 1970 * 12 - first

    fleet = work.fleet
    state = pd.DataFrame(
        {"cost": (fleet["cost"] * 100).round(), "residual": 0.0, "done": 0.0,
         "start": month(fleet["in_service_date"]), "left": float(LIFE)}
    )  # fmt: skip
    order = {"addition": 0, "life_change": 1, "residual_change": 2, "impairment": 3}
    events = work.events.assign(
        month=month(work.events["date"]), order=work.events["kind"].map(order).astype(int)
    )
    # What falls at the close of a month counts from the next.
    events["at"] = events["month"] + (events["order"] == 3)
    events["late"] = events["order"] == 3
    events = events.sort_values(["asset_id", "month", "late", "date", "order"], kind="stable")
    events["rank"] = events.groupby("asset_id").cumcount()
    segments = []

    def room(part: pd.DataFrame) -> pd.Series:
        return (part["cost"] - part["residual"] - part["done"]).clip(lower=0)

    for _, step in events.groupby("rank"):
        part = state.loc[step["asset_id"]]
        at = np.maximum(step["at"].to_numpy(), part["start"].to_numpy())
        passed = np.minimum(at - part["start"].to_numpy(), part["left"].to_numpy())
        done = part["done"].to_numpy() + np.rint(room(part).to_numpy() * passed / part["left"].to_numpy())
        kind, amount = step["order"].to_numpy(), (step["amount"].to_numpy() * 100).round()
        loss = np.where(kind == 3, np.maximum(part["cost"].to_numpy() - done - amount, 0), 0.0)
        changes = (kind != 3) | (loss > 0)
        part = part[changes]
        at, passed, done, kind, amount, loss = (
            values[changes] for values in (at, passed, done, kind, amount, loss)
        )
        segments.append(
            pd.DataFrame(
                {"asset": part.index, "start": part["start"].to_numpy(), "months": passed.astype(int),
                 "room": room(part).to_numpy(), "left": part["left"].to_numpy()}
            )
        )  # fmt: skip
        left = np.where(
            kind == 1, step["remaining_months"].to_numpy()[changes], part["left"].to_numpy() - passed
        )
        state.loc[part.index, "cost"] = part["cost"].to_numpy() + np.where(kind == 0, amount, 0)
        state.loc[part.index, "residual"] = np.where(kind == 2, amount, part["residual"].to_numpy())
        state.loc[part.index, "done"] = done + loss
        state.loc[part.index, "start"] = at
        state.loc[part.index, "left"] = np.maximum(
            left, 1
        )  # what is left of a life that is over goes at once
    segments.append(
        pd.DataFrame(
            {"asset": state.index, "start": state["start"], "months": state["left"].astype(int),
             "room": room(state), "left": state["left"]}
        )
    )  # fmt: skip
    rows = pd.concat(segments, ignore_index=True)
    rows = rows.loc[rows.index.repeat(rows["months"])]
    number = rows.groupby(level=0).cumcount()
    after = np.rint(rows["room"] * (number + 1) / rows["left"])
    rows["charge"] = after - np.rint(rows["room"] * number / rows["left"])
    rows["month"] = rows["start"] + number
    rows["site"] = fleet["site"].to_numpy()[rows["asset"]]
    rows = rows[rows["month"] < MONTHS]
    return rows.groupby(["site", "month"], observed=False)["charge"].sum()


def check(work: Eventful) -> None:
    """Both give the same cents."""
    mine = (by_neocalc(work)["depreciation"] * 100).round().to_numpy().reshape(GROUPS, MONTHS)
    theirs = by_pandas(work).unstack(fill_value=0.0).reindex(columns=range(MONTHS), fill_value=0.0).to_numpy()
    off = int(np.abs(mine - theirs).max())
    assert off == 0, f"{off} cents apart"


def peers(work: Eventful, *, pandas: bool = True) -> list[Peer]:
    """The same fleet without events, and with them."""
    policy, days = nc.straight_line(months=LIFE), nc.straight_line(months=LIFE, convention="actual_days")

    def plain(which: nc.Policy) -> Any:
        return nc.depreciate(work.fleet, which, by=["site"], start=START, end=END, columns=["depreciation"])

    found = [
        Peer("neocalc, with events", lambda: by_neocalc(work)),
        Peer("neocalc, no events, asset by asset", lambda: plain(days)),
        Peer("neocalc, no events, cohorts", lambda: plain(policy)),
    ]
    return [*found, Peer("pandas, with events", lambda: by_pandas(work))] if pandas else found
