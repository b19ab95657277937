"""The functions of spreadsheets: arguments, order and results as in Excel, on numbers and whole columns.

>>> from neocalc import financial
>>> financial.sln(30_000, 7_500, 10)
2250.0
>>> financial.ddb(2400, 300, 10, [1, 2, 10])
array([480.        , 384.        ,  22.1225472])

Arguments are numbers, arrays that broadcast, pandas Series or polars Series; so is the result. Where a
spreadsheet shows #NUM! or #VALUE!, an `InputError` lists every argument and row that is wrong. Values are
float64: for cents use `neocalc.depreciate`.
"""

from __future__ import annotations

from neocalc.financial.depreciation import db, ddb, sln, syd, vdb

__all__ = ["db", "ddb", "sln", "syd", "vdb"]
