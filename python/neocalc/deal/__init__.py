"""Deals: a company with its fleet, customers, leases, lenders and promises, run month by month.

>>> from neocalc.deal import load_deal
>>> load_deal("coreweave-2025q1").name
'CoreWeave, first quarter of 2025'
"""

from __future__ import annotations

from neocalc.deal._deal import Deal, DealComparison, DealResult, load_deal

__all__ = ["Deal", "DealComparison", "DealResult", "load_deal"]
