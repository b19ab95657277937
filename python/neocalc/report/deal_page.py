"""The page of a deal: its answer in front, then pictures, statements, covenants, checks and assumptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from neocalc.deal._outcomes import DealResult
from neocalc.report.certificate import MEANING, UNTESTED
from neocalc.report.comparison import column_values
from neocalc.report.deal_summary import COVER, DealSummary, Line, summarise
from neocalc.report.figures import policy_colour
from neocalc.report.money import MINUS, amount, number, symbol, telling_digits, unit_for
from neocalc.report.page import document, figure, spelled, table
from neocalc.report.svg import Plot, ticks

_UNKNOWN = "not known"
_NOT_OF_STATEMENTS = frozenset(("period_end",))
_KIND_WORDS = {"E": "exact", "A": "approximate", "F": "fitted", "L": "logic only"}
_MOST_COLUMNS = 8


def deal_report(
    result: DealResult,
    *,
    lives: Mapping[str, DealResult] | None = None,
    title: str | None = None,
) -> str:
    """Write a deal that was run as an HTML page that needs nothing but itself.

    Parameters
    ----------
    result
        What `Deal.run` gave.
    lives
        Results under several lives beside it, such as `Deal.compare_lives` gives.
    title
        Instead of the deal's name.

    Returns
    -------
    str
        The page: equal results give equal bytes.

    Raises
    ------
    InputError
        For a published figure that nothing is computed for.

    Examples
    --------
    >>> import neocalc as nc
    >>> from neocalc.report import deal_report
    >>> deal = nc.load_deal("coreweave-2025q1")
    >>> page = deal_report(deal.run(), lives=deal.compare_lives(years=(4, 6)))
    >>> "$14.2" in page, "not known" in page
    (True, True)
    """
    summary = summarise(result, lives)
    heading, said = title or summary.title, _joined(headline(summary))
    return document(
        heading,
        f'<header><p class="kicker">{escape(heading)}</p><h1>{escape(said)}</h1></header>\n'
        f'<div class="tiles">{_tiles(summary)}</div>\n'
        f"{_figures(summary)}{_lives(summary)}{_covenants(summary)}{_checks(summary)}"
        f"{_statements(result)}{_notes(result)}",
    )


def headline(summary: DealSummary) -> str:
    """Say what the deal comes to in one sentence."""
    operating = summary.lines[0]
    span = f"from {summary.first:%B %Y} to {summary.last:%B %Y}"
    values = operating.values
    if values[0] is None:
        return f"What the company earns {span} is not known; {_kept(summary)}."
    said = show(values[0], operating.unit, summary.currency)
    if len(values) == 1:
        text = f"The operating result {span} is {said}"
    else:
        other = show(values[-1], operating.unit, summary.currency)
        first, last = spelled(summary.policies[0]), spelled(summary.policies[-1])
        text = f"At a {first} life the operating result {span} is {said}, at a {last} life {other}"
    return f"{text}; {_kept(summary)}."


def _joined(text: str) -> str:
    """Keep a minus with what follows it where a line is broken."""
    return text.replace(MINUS, f"{MINUS}\u2060")


def _kept(summary: DealSummary) -> str:
    """Say whether promises are kept: what cannot be tested is not met."""
    if summary.past_due:
        return "not all that is owed can be paid"
    if summary.breached:
        return "a covenant is breached"
    if any(str(test["status"]) in UNTESTED for test in summary.covenants):
        return "no covenant is known to be breached"
    return "no covenant is breached" if summary.covenants else "there are no covenants"


def show(value: float | None, unit: str, currency: str) -> str:
    """Write a figure as people read it."""
    if value is None:
        return _UNKNOWN
    if unit == "times":
        return f"{number(value, 2)}x"
    if unit == "share":
        return f"{number(value * 100, 1)} %"
    if unit == "years":
        return f"{number(value, 1)} years"
    return amount(value, currency)


def _exact(value: float | None, unit: str) -> str:
    """Write a figure to the thousandth of a million, for tables."""
    if value is None:
        return _UNKNOWN
    return number(value / 1e6, 3) if unit == "money" else show(value, unit, "")


def _tiles(summary: DealSummary) -> str:
    tiles = []
    count = len(summary.policies)
    for line in (summary.lines[0], summary.lines[-1]):
        for position in (0, count - 1) if count > 1 else (0,):
            policy = f", {spelled(summary.policies[position])} life" if count > 1 else ""
            value = show(line.values[position], line.unit, summary.currency)
            tiles.append((value, f"{line.label.lower()}{policy}", policy_colour(position, count)))
    return "".join(
        f'<div class="tile"><strong style="color:{colour}">{escape(value)}</strong>'
        f"<span>{escape(label)}</span></div>"
        for value, label, colour in tiles
    )


def _figures(summary: DealSummary) -> str:
    if len(summary.policies) < 2:
        return ""
    texts = {
        "Operating result": "Everything but the life of the machines is the same.",
        "Net property and equipment": "What the balance sheet shows at the end, construction included.",
        COVER: "Book value of what secures loans over what they owe; the market's value is another question.",
    }  # fmt: skip
    return "".join(
        figure(line_figure(summary, line), line.label, texts[line.label])
        for line in summary.lines
        if line.label in texts and None not in line.values
    )


def line_figure(summary: DealSummary, line: Line) -> str:
    """Draw one figure under each policy as bars, and what was reported as a line across."""
    values = [value for value in line.values if value is not None]
    marks = [*values, *([] if line.reported is None else [line.reported])]
    low, high = min(0.0, *marks), max(0.0, *marks)
    margin = (high - low) * 0.12 or 1.0
    span = (low - margin if low < 0 else 0.0, high + margin)
    places = ticks(*span)
    if line.unit == "money":
        unit = unit_for(max(high, -low), summary.currency)
        labels = unit.axis(places)
    else:
        labels = [f"{number(place, 2)}x" for place in places]
    count = len(line.values)
    # What was reported is said to the right of the bars.
    right = count - 0.5 + (0 if line.reported is None else 0.6)
    plot = Plot((-0.5, right), span, places, labels, height=300)
    said = [show(value, line.unit, summary.currency) for value in values]
    for position, value in enumerate(values):
        tip = f"{summary.policies[position]}: {said[position]}"
        plot.bar(position - 0.28, position + 0.28, value, policy_colour(position, count), tip)
        plot.text(plot.x(position), plot.bottom + 20, spelled(summary.policies[position]), kind="axis")
    if line.reported is not None:
        plot.line([(-0.5, line.reported), (right, line.reported)], "var(--ink)", "bracket")
        text = f"reported {show(line.reported, line.unit, summary.currency)}"
        plot.text(plot.right, plot.y(line.reported) - 8, text, anchor="end")
    for position, value in enumerate(values):
        # Above a bar that rises, below one that falls.
        y = plot.y(value) + (-8 if value >= 0 else 18)
        plot.text(plot.x(position), y, said[position], colour=policy_colour(position, count))
    name = line.label.lower().replace(" ", "-").replace(",", "")
    told = "; ".join(
        f"{policy}: {show(value, line.unit, summary.currency)}"
        for policy, value in zip(summary.policies, line.values, strict=True)
    )
    return plot.render(name, line.label, f"{told}.")


def _lives(summary: DealSummary) -> str:
    heads = [escape(spelled(policy)) for policy in summary.policies]
    head = _head("", *heads, "Reported", "Kind")
    rows = [
        [
            escape(line.label),
            *(escape(_exact(value, line.unit)) for value in line.values),
            "–" if line.reported is None else escape(_exact(line.reported, line.unit)),
            escape(_KIND_WORDS.get(line.kind or "", "–")),
        ]
        for line in summary.lines
    ]
    caption = f"{summary.first:%d %B %Y} to {summary.last:%d %B %Y}, {summary.currency} million"
    heading = "Under each life" if len(summary.policies) > 1 else "In short"
    return f"<section><h2>{heading}</h2>\n{table(caption, f'<tr>{head}</tr>', rows)}</section>\n"


def _head(*names: str) -> str:
    return "".join(f'<th scope="col">{name}</th>' for name in names)


def _covenants(summary: DealSummary) -> str:
    if not summary.covenants:
        return ""
    head = _head("Covenant", "Value", "Threshold", "Date", "Outcome")
    rows = []
    for test in summary.covenants:
        status = str(test["status"])
        failed = status in ("breach", "lock_up", "draw_stop")
        colour = "var(--short)" if failed else "var(--long)" if status in ("pass", "cured") else "var(--gap)"
        rows.append(
            [
                f"{escape(str(test['covenant_id']))}<br><small>{escape(_whose(test))}</small>",
                "–" if test["value"] is None else _tested(test, "value", summary.currency),
                _UNKNOWN if test["threshold"] is None else _tested(test, "threshold", summary.currency),
                f"{test['period_end']:%d %b %Y}",
                f'<span class="said" style="color:{colour}">{escape(MEANING[status])}</span>',
            ]
        )
    body = table("Of each covenant its worst test, of equal ones the last", f"<tr>{head}</tr>", rows)
    return f"<section><h2>Covenants</h2>\n{body}</section>\n"


def _tested(test: Mapping[str, Any], name: str, currency: str) -> str:
    """Write what is tested, or against what, so that it fits a cell."""
    value = float(test[name])
    against = None if test["threshold"] is None or name == "threshold" else float(test["threshold"])
    if test["unit"] == "money":
        text = amount(value, currency)
        misses = against not in (None, value) and text == amount(float(test["threshold"]), currency)
        return f"{symbol(currency)}{number(value, 2)}" if misses else text
    return number(value, telling_digits(value, 4, 4, against)) if name == "value" else f"{value:,.12g}"


def _whose(test: Mapping[str, Any]) -> str:
    """Say whose test it is, where its name does not, and of which level."""
    level = str(test["level"]).replace("_", "-")
    whose = str(test["entity_id"] or "")
    return f"{whose}, {level}" if whose and not str(test["covenant_id"]).startswith(whose) else level


def _checks(summary: DealSummary) -> str:
    if not summary.checks:
        return ""
    head = _head("Figure", "Computed", "Published", "Off by", "Kind", "Source")
    rows = []
    for check in summary.checks:
        off = check.difference_rate
        colour = {True: "var(--long)", False: "var(--short)", None: "var(--gap)"}[check.within]
        shown = _UNKNOWN if check.computed is None else _exact(float(check.computed), check.unit)
        text = "–" if off is None else f"{number(off * 100, 2)} %"
        note = f"<br><small>{escape(check.note)}</small>" if check.note else ""
        trust = f"{check.source or '–'} [{check.trust}]" if check.trust else check.source or "–"
        rows.append(
            [
                f"{escape(check.label)}{note}",
                f'<span style="color:{colour}">{escape(shown)}</span>',
                escape(_exact(float(check.published), check.unit)),
                escape(text),
                escape(_KIND_WORDS.get(check.kind, check.kind)),
                escape(trust),
            ]
        )
    caption = (
        f"{summary.currency} million unless a unit is shown. Exact: the inputs suffice; approximate: a named "
        "assumption is needed; fitted: one parameter was chosen so that the figure comes out"
    )
    body = table(caption, f"<tr>{head}</tr>", rows)
    return f"<section><h2>Beside published figures</h2>\n{body}</section>\n"


def _statements(result: DealResult) -> str:
    sections = []
    for name, heading in (
        ("income_statement", "Income"),
        ("cashflow", "Cash"),
        ("balance_sheet", "Balance sheet"),
        ("debt_balance", "Debt at face"),
        ("property", "Property"),
    ):
        freq = (
            "Q" if len(column_values(result.to_frame(name, freq="Q"), "period_end")) <= _MOST_COLUMNS else "Y"
        )
        frame = result.to_frame(name, freq=freq)
        ends = column_values(frame, "period_end")[:_MOST_COLUMNS]
        head = "".join(f'<th scope="col">{escape(f"{end:%b %Y}")}</th>' for end in ends)
        rows = []
        for line in _columns(frame):
            if line in _NOT_OF_STATEMENTS:
                continue
            values = [None if _is_null(value) else float(value) for value in column_values(frame, line)]
            if any(value is None or value for value in values):
                cells = [_exact(value, "money") for value in values[:_MOST_COLUMNS]]
                rows.append([escape(line.replace("_", " ")), *map(escape, cells)])
        if rows:
            words = "quarter" if freq == "Q" else "year"
            body = table(f"By {words}, {result.currency} million", f"<tr><td></td>{head}</tr>", rows)
            sections.append(f"<section><h2>{heading}</h2>\n{body}</section>\n")
    return "".join(sections)


def _columns(frame: Any) -> list[str]:
    return [str(name) for name in getattr(frame, "column_names", None) or frame.columns]


def _is_null(value: Any) -> bool:
    return value is None or value != value


# --- what the deal assumes, and where it is from ------------------------------------------------------------


def assumptions(result: DealResult) -> list[str]:
    """Return what a deal assumes, each reason once, with where it stands."""
    found: dict[str, list[str]] = {}
    terms = result._results.outcome.inputs.terms
    for key, beside in terms.provenance.items():
        if beside.get("assumed"):
            found.setdefault(str(beside.get("note") or "no reason is given"), []).append(key)
    for name, frame in result._results.tables.frames.items():
        if name in ("published", "sources") or not {"assumed", "note"} <= set(_columns(frame)):
            continue
        for assumed, note in zip(column_values(frame, "assumed"), column_values(frame, "note"), strict=True):
            if str(assumed).lower() == "true":
                reason = "no reason is given" if _is_null(note) else str(note)
                found.setdefault(reason, []).append(name)
    return [f"{_where(places)}: {reason}." for reason, places in found.items()]


def _where(places: Sequence[str]) -> str:
    counts = {place: places.count(place) for place in dict.fromkeys(places)}
    return ", ".join(place if n == 1 else f"{place} ({n} rows)" for place, n in counts.items())


def _notes(result: DealResult) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in assumptions(result))
    unknown = result._results.outcome.inputs.terms.unknown
    told = f"<p>Not known: {escape(', '.join(unknown).replace('_', ' '))}.</p>" if unknown else ""
    equity = (
        "<p>Equity at the start is what assets less liabilities leave; it was not told.</p>"
        if result.equity_is_derived
        else ""
    )
    sources = _sources(result)
    body = f"<ul>{items}</ul>" if items else "<p>None is marked.</p>"
    return f'<section class="notes"><h2>Assumptions and sources</h2>{body}{told}{equity}{sources}</section>\n'


def _sources(result: DealResult) -> str:
    if result.sources is None:
        return ""
    columns = [
        column_values(result.sources, name)
        for name in ("source", "document", "filed", "where")
        if name in _columns(result.sources)
    ]
    lines: Iterable[str] = (
        ", ".join(str(value) for value in row if not _is_null(value)) for row in zip(*columns, strict=True)
    )
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
