"""Amounts as people read them: $1.2 bn, not 1234567890.12."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_UNITS = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))
MINUS = "−"


def symbol(currency: str) -> str:
    """Return what stands before an amount: a sign for the usual currencies, else the code."""
    return _SYMBOLS.get(currency, f"{currency}\u00a0")


def number(value: float | Decimal, digits: int) -> str:
    """Write a number with thousands separated and a minus sign that is one; no minus before zero."""
    text = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def telling_digits(value: float, least: int, usual: int, against: float | None) -> int:
    """Return how many decimals tell a value from what it is held against."""
    for digits in (least, usual, 6, 8, 10):
        near = round(value, digits)
        is_told = against is None or near != round(against, digits)
        if near == round(value, 12) or (digits > least and is_told):
            return digits
    return 12


def amount(value: float, currency: str) -> str:
    """Write an amount with its unit: $1.2 bn, $340 m."""
    sign, size = (MINUS if value <= -0.5 else ""), abs(value)
    for scale, name in _UNITS:
        # 999.6 m would round to a four-digit 1,000 m.
        if size >= scale * 0.9995:
            digits = 1 if name == "bn" or (name == "m" and size < 99.95e6) else 0
            return f"{sign}{symbol(currency)}{size / scale:,.{digits}f}\u00a0{name}"
    return f"{sign}{symbol(currency)}{size:,.0f}"


@dataclass(frozen=True)
class Unit:
    """One unit for all amounts of a figure."""

    scale: float
    name: str
    currency: str

    def plain(self, value: float) -> str:
        """Write the amount without its unit, to a tenth."""
        return number(value / self.scale, 1)

    def signed(self, value: float) -> str:
        """Write the amount without its unit, always with a sign."""
        text = self.plain(value)
        return f"+{text}" if value > 0 else text

    def axis(self, values: Sequence[float]) -> list[str]:
        """Label an axis: the unit once, at the top."""
        scaled = [value / self.scale for value in values]
        digits = next(d for d in range(4) if d == 3 or all(abs(v - round(v, d)) < 1e-6 for v in scaled))
        labels = [number(v, digits) if v else "0" for v in scaled]
        labels[-1] = f"{symbol(self.currency)}{labels[-1]}\u00a0{self.name}".rstrip()
        return labels


def unit_for(highest: float, currency: str) -> Unit:
    """Choose the unit in which the highest amount of a figure is at least 1."""
    scale, name = next(((s, n) for s, n in _UNITS if highest >= s), (1.0, ""))
    return Unit(scale, name, currency)
