"""Exact arithmetic in whole numbers."""

from __future__ import annotations


def half_even(top: int, bottom: int) -> int:
    """Round a fraction to a whole number once, halves to even; `bottom` is positive."""
    whole, rest = divmod(top, bottom)
    return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))
