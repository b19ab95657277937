"""A compliance certificate: what was tested on one date, from which amounts, and how it came out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

import numpy as np

from neocalc._covenant_checks import FAILED, MET, Checked, Explanation, explain_row
from neocalc._covenant_terms import LEVELS
from neocalc._options import to_days
from neocalc.errors import ConfigError
from neocalc.report.comparison import column_values
from neocalc.report.money import MINUS, number, symbol, telling_digits
from neocalc.report.page import document, table

_WORDS = {"default": "Default", "lock_up": "Lock-up", "sizing": "Draw"}
UNTESTED = ("insufficient_data", "unknown", "undefined")
MEANING = {
    "pass": "met",
    "at_risk": "met, with little headroom",
    "cured": "met after an equity cure",
    "waived": "not met, waived",
    "breach": "breached",
    "lock_up": "not met: distributions are locked up",
    "draw_stop": "not met: no draw",
    "not_tested": "not tested on this date",
    "insufficient_data": "cannot be tested: amounts are missing",
    "unknown": "cannot be tested: the threshold is not known",
    "undefined": "cannot be tested: the denominator is zero or negative",
}


def covenant_certificate(
    measures: Any,
    covenants: Any,
    *,
    period_end: Any,
    entity_id: Any = None,
    currency: str | None = None,
    title: str | None = None,
    signatory: str = "",
    source: str = "",
    metrics: Any = None,
    cures: Any = None,
    waivers: Any = None,
    cross_default: Any = None,
    freq: str = "Q",
    fiscal_year_end: int = 12,
    amounts: str = "major",
    minor_units: int = 2,
    round_input: bool = False,
    allow_high_thresholds: bool = False,
    threads: int | None = None,
) -> str:
    """Write the certificate of one entity on one date as an HTML page that needs nothing but itself.

    It states every covenant in words, with the amounts of both sides by period, value, threshold, headroom,
    outcome. Equal inputs give equal bytes; the page knows no time of its own.

    Parameters
    ----------
    measures, covenants, metrics, cures, waivers, cross_default, freq, fiscal_year_end, amounts, minor_units
        As for `neocalc.check_covenants`.
    round_input, allow_high_thresholds, threads
        As there.
    period_end, entity_id, currency
        Whose certificate, and of which test date; the last two where there are several.
    title, signatory, source
        Headline, who signs, and where the amounts are from.

    Returns
    -------
    str
        The page.

    Raises
    ------
    InputError, ConfigError
        As `neocalc.check_covenants`; also where nothing is due on the date.

    Examples
    --------
    >>> import pandas as pd
    >>> from neocalc.report import covenant_certificate
    >>> measures = pd.DataFrame({"period_end": ["2025-12-31"], "total_debt": [60.0],
    ...                          "collateral_value": [100.0]})
    >>> terms = pd.DataFrame({"covenant_id": ["LTV"], "metric": ["ltv"], "threshold": [0.65]})
    >>> page = covenant_certificate(measures, terms, period_end="2025-12-31", freq="Y")
    >>> "All 1 covenants tested are met" in page, "60.0 %" in page
    (True, True)
    """
    given = {
        "metrics": metrics, "cures": cures, "waivers": waivers, "cross_default": cross_default, "freq": freq,
        "fiscal_year_end": fiscal_year_end, "amounts": amounts, "minor_units": minor_units,
        "round_input": round_input, "allow_high_thresholds": allow_high_thresholds, "threads": threads,
        "start": None, "end": None,
    }  # fmt: skip
    checked = Checked(measures, covenants, given)
    return render_certificate(checked, period_end, entity_id, currency, title, signatory, source)


def render_certificate(
    checked: Checked,
    period_end: Any,
    entity_id: Any,
    currency: str | None,
    title: str | None,
    signatory: str,
    source: str,
) -> str:
    """Write the certificate from tests that were done."""
    day = to_days("period_end", period_end)
    rows = [
        row
        for row in np.flatnonzero(checked.days == day).tolist()
        if entity_id in (None, checked.key(row).series[0]) and currency in (None, checked.key(row).series[1])
    ]
    whose = {checked.key(row).series for row in rows}
    if len(whose) != 1:
        found = "nothing" if not rows else f"{len(whose)} entities"
        raise ConfigError(f"there is {found} to certify on {period_end}: give entity_id (and currency)")
    ((entity, money),) = whose
    options = checked.inputs.options
    figures = _Figures(money, options.minor_units, options.amounts == "minor")
    cells = [explain_row(checked, row, figures.value) for row in rows]
    date = cells[0].period_end
    heading = title or " · ".join(["Compliance certificate", *([str(entity)] if entity is not None else [])])
    return document(
        heading,
        f'<header><p class="kicker">{escape(heading)}</p><h1>{escape(_headline(cells, date))}</h1></header>\n'
        f"{_tiles(cells)}{_summary(checked, rows, cells, figures)}"
        + "".join(_detail(cell, figures) for cell in cells if cell.definition)
        + _signature(signatory, source, date),
    )


def _headline(cells: Sequence[Explanation], date: dt.date) -> str:
    tested = [cell for cell in cells if cell.status != "not_tested"]
    failed = [cell for cell in tested if cell.status in FAILED]
    open_ = [cell for cell in tested if cell.status not in (*FAILED, *MET)]
    on = f"on {date:%d %B %Y}"
    if failed:
        return f"{len(failed)} of {len(tested)} covenants tested {on} not met."
    if open_:
        return f"{len(open_)} of {len(tested)} covenants due {on} cannot be tested."
    if not tested:
        return f"No covenant is tested {on}."
    return f"All {len(tested)} covenants tested are met {on}."


def _tiles(cells: Sequence[Explanation]) -> str:
    groups: tuple[tuple[str, Iterable[str], str], ...] = (
        ("met", MET, "var(--long)"),
        ("not met", FAILED, "var(--short)"),
        ("could not be tested", UNTESTED, "var(--gap)"),
        ("not due", ("not_tested",), "var(--muted)"),
    )
    tiles = "".join(
        f'<div class="tile"><strong style="color:{colour}">{count}</strong><span>{escape(label)}</span></div>'
        for label, statuses, colour in groups
        if (count := sum(cell.status in statuses for cell in cells)) or label == "met"
    )
    return f'<div class="tiles">{tiles}</div>\n'


@dataclass(frozen=True)
class _Figures:
    """How the figures of a certificate are written."""

    currency: str | None
    digits: int  # of the currency
    in_minor: bool  # whether amounts come as minor units

    def value(self, value: float | None, unit: str, against: float | None = None) -> str:
        """Write a value in its unit, told from a threshold it misses: 1.40x, 65.0 %, $100.00."""
        if value is None:
            return "–"
        scale = {"times": 1.0, "share": 100.0}.get(unit, 10.0**-self.digits if self.in_minor else 1.0)
        least, usual = {"times": (2, 4), "share": (1, 4)}.get(unit, (self.digits, self.digits))
        shown = value * scale
        digits = telling_digits(shown, least, usual, None if against is None else against * scale)
        text = number(shown, digits)
        if unit == "times":
            return f"{text.rstrip('0').rstrip('.') if digits > least else text}x"
        return f"{text} %" if unit == "share" else self._signed(text)

    def amount(self, value: Any) -> str:
        """Write an amount of money to the minor unit."""
        if value is None:
            return "–"
        exact = Decimal(int(value)).scaleb(-self.digits) if self.in_minor else value
        return self._signed(number(exact, self.digits))

    def _signed(self, text: str) -> str:
        if not self.currency:
            return text
        # The minus stands before the sign of the currency, as in all amounts of a report.
        sign = symbol(self.currency)
        return f"{MINUS}{sign}{text[1:]}" if text.startswith(MINUS) else f"{sign}{text}"


def _summary(checked: Checked, rows: Sequence[int], cells: Sequence[Explanation], figures: _Figures) -> str:
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Covenant", "Level", "Value", "Threshold", "Headroom", "in money", "Outcome")
    )
    lines = []
    for row, cell in zip(rows, cells, strict=True):
        unit, result = checked.unit(row), cell.result
        colour = (
            "var(--short)"
            if cell.status in FAILED
            else "var(--gap)"
            if cell.status not in MET
            else "var(--long)"
        )
        lines.append(
            [
                escape(str(cell.covenant_id)),
                _WORDS[cell.level] if cell.level in LEVELS else escape(cell.level),
                figures.value(result["value"], unit, result["threshold"]),
                figures.value(result["threshold"], unit),
                figures.value(result["headroom"], unit, 0.0),
                figures.amount(result["headroom_amount"]),
                f'<span class="said" style="color:{colour}">{escape(MEANING[cell.status])}</span>',
            ]
        )
    body = table("Tests due on this date, and those that are not yet", f"<tr>{head}</tr>", lines)
    return f"<section><h2>Covenants</h2>\n{body}</section>\n"


def _detail(cell: Explanation, figures: _Figures) -> str:
    columns: Mapping[str, list[Any]] = {
        name: column_values(cell.inputs, name)
        for name in ("side", "measure", "period_end", "amount", "weight", "is_cure")
    }
    lines = [
        [
            escape(str(measure).replace("_", " ")) + (" (equity cure)" if cure else ""),
            escape("above the line" if side == "numerator" else "below it"),
            f"{end:%d %b %Y}",
            figures.amount(amount) if amount is not None else "missing",
            number(weight, 4).rstrip("0").rstrip("."),
        ]
        for side, measure, end, amount, weight, cure in zip(*columns.values(), strict=True)
    ]
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("Amount", "Side", "Period to", "Amount", "Weight")
    )
    notes = [cell.definition]
    needed, applied, ripe = cell.result["cure_needed"], cell.result["cure_applied"], cell.status == "breach"
    if applied is not None:
        notes.append(
            f"an equity cure of {figures.amount(applied)} counted; {figures.amount(needed)} was needed"
        )
    elif needed is not None and float(needed) > 0:
        notes.append(f"a cure of {figures.amount(needed)} would meet it")
    if ripe and cell.default_date is not None:
        notes.append(f"an event of default from {cell.default_date:%d %B %Y} on")
    body = table("Amounts that went into it", f"<tr>{head}</tr>", lines) if lines else ""
    text = ". ".join(note[:1].upper() + note[1:] for note in notes)
    heading = f"<h2>{escape(str(cell.covenant_id))}</h2>"
    return f'<section>{heading}<p class="text">{escape(text)}.</p>{body}</section>\n'


def _signature(signatory: str, source: str, date: dt.date) -> str:
    of = f"<p>Source: {escape(source)}</p>" if source else ""
    certified = f"The undersigned certifies that the amounts and tests above are those of {date:%d %B %Y}."
    how = "Tests compare whole minor units with the thresholds as written; nothing is rounded before."
    return (
        f'<section class="notes"><h2>Certified</h2><p>{certified}</p>'
        f"<p>Signed: ______________________________ {escape(signatory)}</p><p>{how}</p>{of}</section>\n"
    )
