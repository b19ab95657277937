"""The functions of spreadsheets: arguments, order and results as in Excel, on numbers and whole columns.

>>> from neocalc import financial
>>> financial.sln(30_000, 7_500, 10)
2250.0
>>> financial.ddb(2400, 300, 10, [1, 2, 10])
array([480.        , 384.        ,  22.1225472])

Arguments are numbers, arrays that broadcast, pandas Series or polars Series; so is the result. Annuities and
cash flows take the arguments of numpy-financial too, in its order (``when="begin"``); where it differs from
Excel, the docstring says so. Where a spreadsheet shows #NUM! or #VALUE!, an `InputError` lists every argument
and row that is wrong. Values are float64: for cents use `neocalc.depreciate`.
"""

from __future__ import annotations

from neocalc.financial.annuity import cumipmt, cumprinc, fv, ipmt, ispmt, nper, pmt, ppmt, pv, rate
from neocalc.financial.calendar import days360, yearfrac
from neocalc.financial.cash_flows import irr, irr_roots, mirr, npv, xirr, xnpv
from neocalc.financial.depreciation import db, ddb, sln, syd, vdb
from neocalc.financial.rates import effect, nominal

__all__ = [
    "cumipmt",
    "cumprinc",
    "days360",
    "db",
    "ddb",
    "effect",
    "fv",
    "ipmt",
    "irr",
    "irr_roots",
    "ispmt",
    "mirr",
    "nominal",
    "nper",
    "npv",
    "pmt",
    "ppmt",
    "pv",
    "rate",
    "sln",
    "syd",
    "vdb",
    "xirr",
    "xnpv",
    "yearfrac",
]
