"""Depreciate GPU fleets under competing useful lives and schedule their loans, exact to the cent.

>>> import neocalc as nc
>>> fleet = nc.load_example("gpu_fleet", rows=1_000)          # or any pandas, polars, pyarrow table
>>> nc.validate(fleet).empty                                  # every problem of the data at once
True
>>> rows = nc.depreciate(fleet, nc.straight_line(years=6))    # one row per asset and month
>>> totals = nc.depreciate(fleet, nc.straight_line(years=6), by=["gpu_model"], freq="Q")
>>> bool(abs(rows["depreciation"].sum() - totals["depreciation"].sum()) < 0.01)
True
>>> both = nc.compare_lives(fleet, years=(4, 6), by=[], freq="Y", baseline=4)
>>> list(both["policy"].cat.categories), bool((both["depreciation"] >= 0).all())
(['4y', '6y'], True)
>>> books = nc.book_values(fleet, nc.straight_line(years=4), as_of="2025-12-31")  # one row per asset
>>> import pandas as pd
>>> loan = {"principal": [1e6], "start_date": ["2025-01-01"], "term_months": [60], "annual_rate": [0.0]}
>>> nc.amortize(pd.DataFrame(loan))["payment"].tail(2).tolist()  # a row per payment; the last clears
[16666.67, 16666.47]
"""

from __future__ import annotations

from neocalc import actus as actus
from neocalc import calendar as calendar
from neocalc import covenants as covenants
from neocalc import financial as financial
from neocalc import tax as tax
from neocalc._core import __version__
from neocalc._macrs import MacrsPolicy, macrs
from neocalc.carrying import carrying_amount, current_portion, interest_expense
from neocalc.compare import compare_lives, compare_policies
from neocalc.concentrations import concentration
from neocalc.contracts import contract_schedule
from neocalc.covenants import (
    CovenantCube,
    CubeOutcome,
    Explanation,
    Metric,
    check_covenants,
    covenant_cube,
    explain,
    first_breach,
    metric,
)
from neocalc.deal import Deal, DealComparison, DealResult, load_deal
from neocalc.debt import amortize, payment_amount
from neocalc.depreciation import book_values, depreciate, validate
from neocalc.errors import (
    ConfigError,
    InputError,
    InternalError,
    NeocalcError,
    NeocalcWarning,
    ResourceLimitError,
    list_error_codes,
)
from neocalc.estimates import estimate_change_effect
from neocalc.examples import load_example
from neocalc.funding import sizing_tests
from neocalc.gaps import gap_lives, gap_table
from neocalc.impairment import ImpairmentTest, impairment_test
from neocalc.leases import lease_schedule
from neocalc.loan_checks import validate_loans
from neocalc.maturities import principal_ladder, weighted_average_life, yield_to_maturity
from neocalc.measurement import measures
from neocalc.policies import (
    DatedPolicy,
    Policy,
    dated,
    declining_balance,
    straight_line,
    sum_of_years_digits,
    table,
    units_of_production,
)
from neocalc.reverse import solve_back
from neocalc.sizing import debt_capacity
from neocalc.valuation import ValueCurve, market_values, value_curve

__all__ = [
    "ConfigError",
    "CovenantCube",
    "CubeOutcome",
    "DatedPolicy",
    "Deal",
    "DealComparison",
    "DealResult",
    "Explanation",
    "ImpairmentTest",
    "InputError",
    "InternalError",
    "MacrsPolicy",
    "Metric",
    "NeocalcError",
    "NeocalcWarning",
    "Policy",
    "ResourceLimitError",
    "ValueCurve",
    "__version__",
    "amortize",
    "book_values",
    "carrying_amount",
    "check_covenants",
    "compare_lives",
    "compare_policies",
    "concentration",
    "contract_schedule",
    "covenant_cube",
    "current_portion",
    "dated",
    "debt_capacity",
    "declining_balance",
    "depreciate",
    "estimate_change_effect",
    "explain",
    "first_breach",
    "gap_lives",
    "gap_table",
    "impairment_test",
    "interest_expense",
    "lease_schedule",
    "list_error_codes",
    "load_deal",
    "load_example",
    "macrs",
    "market_values",
    "measures",
    "metric",
    "payment_amount",
    "principal_ladder",
    "sizing_tests",
    "solve_back",
    "straight_line",
    "sum_of_years_digits",
    "table",
    "units_of_production",
    "validate",
    "validate_loans",
    "value_curve",
    "weighted_average_life",
    "yield_to_maturity",
]
