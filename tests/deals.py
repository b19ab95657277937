"""Random deals: companies with anything in them, as the keywords of `neocalc.Deal`."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pandas as pd

import neocalc as nc

MODELS = ("A100", "H100", "B200")
CLASSES = ("technology", "other")


def day(pick: random.Random, first: int = 2023, last: int = 2026) -> str:
    return str(dt.date(pick.randint(first, last), pick.randint(1, 12), pick.randint(1, 28)))


def money(pick: random.Random, most: int) -> float:
    return pick.randint(0, most * 100) / 100


def maybe(pick: random.Random, value: Any, chance: float = 0.5) -> Any:
    return value if pick.random() < chance else None


def frame(rows: list[dict[str, Any]], *numbers: str) -> pd.DataFrame | None:
    """A table; numbers that are all null stay numbers, and so does text."""
    if not rows:
        return None
    table = pd.DataFrame(rows)
    for name in table:
        if table[name].isna().all():
            table[name] = table[name].astype("float64" if name in numbers else "str")
    return table


NUMBERS = (
    "cost", "residual_value", "useful_life_months", "draw_number", "amount", "share", "proceeds", "remaining_months", "principal", "commitment",
    "annual_rate", "margin_rate", "undrawn_fee_rate", "upfront_fee_rate", "upfront_fee", "issue_price", "issue_costs", "sweep_rate", "pik_rate",
    "opening_balance", "letters_of_credit", "past_due_rate", "term_months", "rank", "monthly_amount", "revenue_rate", "annual_escalation_rate",
    "payment_days", "balance_rate", "debt_service_months", "balance_cap", "prepaid", "escalation_rate", "prepayment_rate", "spot_utilisation",
    "take_or_pay_rate", "renewal_months", "threshold", "interest_only_months", "notional_share",
)  # fmt: skip


def assets(pick: random.Random, facilities: list[str]) -> dict[str, Any]:
    rows, events, payments = [], [], []
    for at in range(pick.randint(0, 6)):
        name, cost = f"asset {at}", money(pick, 5_000_000)
        building = pick.random() < 0.25
        service = day(pick, 2022, 2027)
        acquired = "2021-06-30" if building else service
        rows.append(
            {"asset_id": name, "asset_class": pick.choice(CLASSES), "gpu_model": maybe(pick, pick.choice(MODELS), 0.8), "cost": cost,
             "in_service_date": None if building else service, "acquisition_date": acquired, "status": "cip" if building else None,
             "paid_date": maybe(pick, day(pick)), "residual_value": maybe(pick, round(cost / 10, 2), 0.2),
             "facility_id": maybe(pick, pick.choice(facilities)) if facilities else None}
        )  # fmt: skip
        if building and pick.random() < 0.7:
            events.append({"asset_id": name, "date": day(pick, 2025, 2026), "kind": "in_service"})
        elif not building:
            start = max(service, "2025-01-01")
            later = str(dt.date.fromisoformat(start) + dt.timedelta(days=pick.randint(40, 500)))
            kind = pick.choice(["none", "none", "disposal", "impairment", "life_change"])
            if kind == "disposal":
                events.append(
                    {
                        "asset_id": name,
                        "date": later,
                        "kind": kind,
                        "share": maybe(pick, 0.5),
                        "proceeds": maybe(pick, money(pick, 900_000)),
                    }
                )
            elif kind == "impairment":
                events.append({"asset_id": name, "date": later, "kind": kind, "amount": round(cost / 3, 2)})
            elif kind == "life_change":
                events.append(
                    {"asset_id": name, "date": later, "kind": kind, "remaining_months": pick.randint(1, 60)}
                )
        if pick.random() < 0.3:
            first = round(cost * pick.random(), 2)
            payments += [
                {"asset_id": name, "date": day(pick), "amount": first},
                {"asset_id": name, "date": day(pick), "amount": round(cost - first, 2)},
            ]
    return {
        "assets": frame(rows, *NUMBERS),
        "asset_events": frame(events, *NUMBERS) if rows else None,
        "asset_payments": frame(payments, *NUMBERS),
    }


def facilities(pick: random.Random) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    tables: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "draws",
            "ladders",
            "prepayments",
            "commitments",
            "hedges",
            "rate_steps",
            "prepayment_premiums",
        )
    }
    for at in range(pick.randint(0, 5)):
        name, kind = f"facility {at}", pick.choice(["term", "term", "term", "revolver", "ladder"])
        floating = pick.random() < 0.4
        row: dict[str, Any] = {
            "facility_id": name, "kind": kind, "rank": pick.randint(1, 3), "start_date": day(pick, 2023, 2025), "term_months": pick.randint(12, 60),
            "annual_rate": None if floating else round(pick.uniform(0, 0.15), 4), "index": "SOFR" if floating else None,
            "margin_rate": round(pick.uniform(0, 0.09), 4) if floating else None, "frequency": pick.choice(["monthly", "quarterly", "semiannual"]),
            "day_count": pick.choice(["30/360", "ACT/360", "ACT/365F"]), "past_due_rate": maybe(pick, 0.18, 0.2),
        }  # fmt: skip
        if kind == "revolver":
            row["frequency"] = None
            row |= {"commitment": money(pick, 2_000_000), "letters_of_credit": maybe(pick, money(pick, 100_000), 0.3), "undrawn_fee_rate": maybe(pick, 0.0025),
                    "opening_balance": maybe(pick, money(pick, 400_000))}  # fmt: skip
            if pick.random() < 0.4:
                tables["commitments"].append(
                    {"facility_id": name, "date": day(pick, 2025, 2026), "commitment": money(pick, 3_000_000)}
                )
        else:
            row["principal"] = pick.randint(1, 300_000_000) / 100
            row["upfront_fee"] = maybe(pick, round(row["principal"] / 100, 2), 0.3)
            row["issue_price"] = maybe(pick, pick.choice([0.97, 0.985, 1.0]), 0.3)
            row["issue_costs"] = maybe(pick, round(row["principal"] / 200, 2), 0.2)
            row["sweep_rate"] = maybe(pick, pick.choice([0.25, 0.5, 1.0]), 0.35)
        if kind == "term":
            row["profile"] = pick.choice(["level_payment", "level_principal", "bullet"])
            row["pik_rate"] = maybe(pick, 0.02, 0.15)
            row["interest_only_months"] = maybe(pick, 6, 0.2) if row["profile"] != "bullet" else None
            if row["issue_price"] is None and row["upfront_fee"] is None and pick.random() < 0.4:
                row["commitment"] = round(row["principal"] + money(pick, 2_000_000) + 1_000_000, 2)
                row["undrawn_fee_rate"] = 0.005
                start = dt.date.fromisoformat(row["start_date"])
                later = start + dt.timedelta(days=pick.randint(1, 150))
                tables["draws"].append(
                    {"facility_id": name, "date": str(later), "amount": money(pick, 900_000) + 0.01}
                )
                if pick.random() < 0.4:  # a vintage
                    tables["draws"][-1]["term_months"] = pick.randint(12, 72)
                    row["issue_price"] = maybe(pick, 0.99)
                    row["upfront_fee_rate"] = maybe(pick, 0.01)
            if pick.random() < 0.2:
                end = dt.date.fromisoformat(row["start_date"]) + dt.timedelta(days=pick.randint(100, 600))
                row["construction_start_date"], row["construction_end_date"] = row["start_date"], str(end)
                row["asset_class"] = pick.choice(CLASSES)
            if pick.random() < 0.2:
                paid = dt.date.fromisoformat(row["start_date"]) + dt.timedelta(days=pick.randint(10, 170))
                tables["prepayments"].append({"facility_id": name, "date": str(paid), "amount": 0.01})
                tables["prepayment_premiums"].append(
                    {"facility_id": name, "from_date": row["start_date"], "premium_rate": 0.01}
                )
            if floating and pick.random() < 0.4:
                tables["hedges"].append(
                    {
                        "facility_id": name,
                        "kind": "pay_fixed_swap",
                        "strike_rate": 0.045,
                        "from_date": row["start_date"],
                        "notional_share": 0.75,
                    }
                )
        if kind == "ladder":
            began = int(row["start_date"][:4])
            row["term_months"] = pick.randint(30, 60)
            rest = row["principal"]
            for year in (began + 1, began + 2):
                part = round(rest * pick.random() / 2, 2)
                rest = round(rest - part, 2)
                tables["ladders"].append({"facility_id": name, "bucket": str(year), "principal": part})
            tables["ladders"].append({"facility_id": name, "bucket": "thereafter", "principal": rest})
        rows.append(row)
    made = {name: frame(table, *NUMBERS) for name, table in tables.items()}
    rates = [
        {"index": "SOFR", "date": f"{year}-01-01", "value": round(pick.uniform(0.0, 0.06), 4)}
        for year in range(2022, 2033)
    ]
    reserves = [
        {"reserve_id": f"reserve {at}", "facility_id": maybe(pick, pick.choice(rows)["facility_id"]), "amount": maybe(pick, money(pick, 100_000)),
         "balance_rate": maybe(pick, 0.02), "debt_service_months": maybe(pick, 3), "balance_cap": maybe(pick, money(pick, 60_000)), "opening_balance": maybe(pick, money(pick, 50_000))}
        for at in range(pick.randint(0, 2) if rows else 0)
    ]  # fmt: skip
    return {
        **made,
        "facilities": frame(rows, *NUMBERS),
        "rates": frame(rates),
        "reserves": frame(reserves, *NUMBERS),
        "extrapolate": "flat",
    }


def operations(pick: random.Random) -> dict[str, Any]:
    contracts = []
    for at in range(pick.randint(0, 3)):
        start = dt.date.fromisoformat(day(pick, 2024, 2026))
        contracts.append(
            {"contract_id": f"contract {at}", "customer": pick.choice(["lab", "bank"]), "gpu_model": pick.choice(MODELS), "gpus": pick.randint(1, 400),
             "hourly_price": round(pick.uniform(0.5, 4), 2), "start_date": str(start), "end_date": str(start + dt.timedelta(days=pick.randint(60, 900))),
             "take_or_pay_rate": maybe(pick, 0.8), "prepayment_rate": maybe(pick, 0.2), "payment_days": maybe(pick, pick.randint(0, 60)),
             "renewal_months": maybe(pick, 6, 0.3), "spot_after": pick.random() < 0.3, "spot_utilisation": 0.6}
        )  # fmt: skip
    leases = [
        {"lease_id": f"lease {at}", "kind": pick.choice(["operating", "finance"]), "commencement_date": day(pick, 2022, 2026), "term_months": pick.randint(1, 120),
         "payment": money(pick, 40_000), "discount_rate": 0.1, "prepaid": maybe(pick, money(pick, 30_000), 0.3), "escalation_rate": maybe(pick, 0.03)}
        for at in range(pick.randint(0, 2))
    ]  # fmt: skip
    costs = [
        {"cost_id": f"cost {at}", "category": pick.choice(["power", "staff"]), "monthly_amount": maybe(pick, money(pick, 60_000), 0.8), "revenue_rate": maybe(pick, 0.07),
         "amount": 1234.56, "date": day(pick, 2024, 2026), "annual_escalation_rate": maybe(pick, 0.031), "payment_days": maybe(pick, pick.randint(0, 90)),
         "start_date": maybe(pick, day(pick, 2023, 2026)), "end_date": maybe(pick, day(pick, 2026, 2027), 0.2), "settlement": maybe(pick, "equity", 0.2)}
        for at in range(pick.randint(0, 3))
    ]  # fmt: skip
    for cost in costs:  # no cost ends before it begins
        if cost["start_date"] and cost["end_date"]:
            cost["start_date"], cost["end_date"] = sorted((cost["start_date"], cost["end_date"]))
    prices = [{"gpu_model": model, "date": "2020-01-01", "hourly_price": 1.5} for model in MODELS]
    return {
        "contracts": frame(contracts, *NUMBERS),
        "prices": frame(prices) if contracts else None,
        "leases": frame(leases, *NUMBERS),
        "costs": frame(costs, *NUMBERS),
    }


def deal_of(pick: random.Random) -> dict[str, Any]:
    """The keywords of a random deal."""
    lenders = facilities(pick)
    names = [] if lenders["facilities"] is None else list(lenders["facilities"]["facility_id"])
    books: dict[str, Any] = {
        "reported": {
            name: nc.straight_line(
                years=pick.randint(3, 8), convention=pick.choice(["full_month", "mid_month"])
            )
            for name in CLASSES
        }
    }
    owned = assets(pick, names)
    tax: dict[str, Any] | None = {
        "rate": pick.choice([0.0, 0.21, 0.25]),
        "loss_limit_rate": pick.choice([0.8, 1.0]),
        "recognise_losses": pick.random() < 0.5,
    }
    if pick.random() < 0.5 and tax is not None:
        books["return"] = {name: nc.macrs() for name in CLASSES}
        tax["book"] = "return"
    equity = [
        {
            "date": day(pick, 2025, 2026),
            "kind": pick.choice(["contribution", "distribution"]),
            "amount": money(pick, 900_000),
        }
        for _ in range(pick.randint(0, 3))
    ]
    start = dt.date(2025, pick.randint(1, 12), 1)
    return {
        "name": "Random", "start": str(start), "end": str(start + dt.timedelta(days=pick.randint(20, 900))), "fiscal_year_end": pick.choice([12, 6]),
        "opening": {"cash": money(pick, pick.choice([100, 2_000_000])), "receivables": money(pick, 10_000), "payables": money(pick, 9_000), "deferred_revenue": money(pick, 8_000),
                    "accrued_interest": money(pick, 700), "other_assets": 50, "other_liabilities": 20, "loss_carryforward": money(pick, 90_000), "tax_payable": money(pick, 500)},
        "cash": {"minimum_cash": pick.choice([0, 50_000]), "distribution_rate": pick.choice([0, 0.3, 1])},
        "tax": maybe(pick, tax, 0.8) or None, "books": books, "policy_by": "asset_class",
        "equity": frame(equity), **owned, **lenders, **operations(pick),
    }  # fmt: skip
