"""The page: one HTML file that needs nothing but itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from neocalc.report.comparison import Comparison, GroupRow, Published
from neocalc.report.figures import (
    book_value_figure,
    difference_figure,
    group_mark,
    policy_colour,
    year_label,
    yearly_charge_figure,
)
from neocalc.report.money import MINUS, number, symbol


def percent_more(short: float, long: float) -> str:
    """Say by how much one charge is above another, or a dash where there is nothing to compare with."""
    if not long:
        return "–"
    ratio = (short / long - 1) * 100
    text = number(ratio, 1)
    return f"{text} %" if text.startswith((MINUS, "0.0")) else f"+{text} %"


def spelled(policy: str) -> str:
    """Say ``4y`` as people do, 4-year; other names stay."""
    return re.sub(r"^([\d.]+)([ym])$", lambda m: f"{m[1]}-{'year' if m[2] == 'y' else 'month'}", policy)


def _singled_out(count: int) -> tuple[int, ...]:
    """Positions of the lives that are written out: all, or of many the outer two."""
    return tuple(range(count)) if count <= 3 else (0, count - 1)


def table(caption: str, head: str, rows: Iterable[Sequence[str]], total: Sequence[str] = ()) -> str:
    """Lay out cells that are HTML already."""

    def line(cells: Sequence[str]) -> str:
        first, *rest = cells
        return f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"

    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>\n<thead>{head}</thead>\n<tbody>\n'
        + "\n".join(map(line, rows))
        + ("\n</tbody>\n" + (f"<tfoot>{line(total)}</tfoot>" if total else "") + "</table></div>")
    )


def _group_cells(row: GroupRow, mark: str) -> list[str]:
    cells = [escape(row.label), mark, *(number(value / 1e6, 1) for value in row.charge)]
    if len(row.charge) > 1:
        short, long = row.charge[0], row.charge[-1]
        cells += [number((short - long) / 1e6, 1), percent_more(short, long)]
    return [*cells, *(number(row.book_value[i] / 1e6, 1) for i in _singled_out(len(row.charge)))]


def _group_table(data: Comparison) -> str:
    count = len(data.policies)
    names = [
        f'<th scope="col" style="color:{policy_colour(position, count)}">{escape(policy)}</th>'
        for position, policy in enumerate(data.policies)
    ]
    outer = [names[position] for position in _singled_out(count)]
    less = escape(f"{data.shortest} less {data.longest}")
    more = f'<th scope="col">{less}</th><th scope="col">in %</th>'
    charge = f"Charge, {symbol(data.currency)} million"
    head = (
        f'<tr><th scope="col" rowspan="2">{escape(", ".join(data.by)) or "Fleet"}</th>'
        f'<th scope="colgroup" colspan="{1 + count + 2 * (count > 1)}">{escape(charge)}</th>'
        f'<th scope="colgroup" colspan="{len(outer)}">Book value at its end</th></tr>'
        f"<tr><td></td>{''.join(names)}{more if count > 1 else ''}{''.join(outer)}</tr>"
    )
    caption = f"Year to {data.year_shown:%d %B %Y}"
    if count > 1:
        caption += ", in which a short life costs most"
    if data.n_groups > len(data.groups):
        caption += f"; the {len(data.groups)} largest of {data.n_groups:,} groups, total over all"
    highest = max((max(row.charge) for row in data.groups), default=0.0)
    rows = [_group_cells(row, group_mark(row, highest)) for row in data.groups]
    return table(caption, head, rows, _group_cells(data.total, ""))


def _published(published: Published | None) -> str:
    if published is None:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in published.header)
    rows = [[escape(cell) for cell in row] for row in published.rows]
    total = [escape(cell) for cell in published.total]
    return (
        "<section><h2>Beside the published figure</h2>\n"
        + table(published.headline, f"<tr>{head}</tr>", rows, total)
        + f'<p class="text">{escape(published.remark)}</p></section>\n'
    )


def _tiles(data: Comparison) -> str:
    year, count = year_label(data.year_shown), len(data.policies)
    tiles = [
        (
            data.money(data.total.charge[position]),
            f"charge in {year}, {spelled(data.policies[position])} life",
            policy_colour(position, count),
        )
        for position in _singled_out(count)
    ]
    if count > 1:
        more = percent_more(data.total.charge[0], data.total.charge[-1])
        tiles.append((more, f"at {data.shortest} against {data.longest}", "var(--gap)"))
    return "".join(
        f'<div class="tile"><strong style="color:{colour}">{escape(value)}</strong>'
        f"<span>{escape(label)}</span></div>"
        for value, label, colour in tiles
    )


def _headline(data: Comparison) -> str:
    short, long, at = spelled(data.shortest), spelled(data.longest), data.dates[data.widest]
    if len(data.policies) < 2:
        return f"Depreciation over a {short} life"
    return (
        f"By {at:%B %Y}, {short} lives have written off {data.money(data.gap[data.widest])} "
        f"more than {long} lives."
    )


def figure(svg: str, heading: str, text: str) -> str:
    """Frame a drawing with its heading and what it shows."""
    return (
        f'<figure><figcaption><h2>{escape(heading)}</h2><p class="text">{escape(text)}</p></figcaption>\n'
        f'<div class="scroll">{svg}</div></figure>\n'
    )


def document(title: str, body: str) -> str:
    """Return a whole page as text, style sheet included; `body` is HTML."""
    style = files("neocalc.report").joinpath("page.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""


def render_page(data: Comparison) -> str:
    """Return the whole page as text, drawings and style sheet included.

    Equal comparisons give equal bytes: nothing in the page is a time, a random id or a path.
    """
    compared = len(data.policies) > 1
    short, long = spelled(data.shortest), spelled(data.longest)
    figures = figure(
        book_value_figure(data),
        "Net book value",
        "What the balance sheet still shows: same machines, same cost, another life."
        if compared
        else "What the balance sheet still shows.",
    )
    figures += figure(
        yearly_charge_figure(data),
        "Charge of each year",
        "A short life charges more at first and nothing later; over the whole life all charge the same."
        if compared
        else "Depreciation in the income statement, year by year.",
    )
    if compared:
        figures += figure(
            difference_figure(data),
            "The widening difference",
            f"Bars: the year's charge over {short} lives less that over {long} lives. "
            "Line: their running total, the profit that later years give back.",
        )
    notes = "".join(f"<li>{escape(text)}</li>" for text in data.assumptions)
    source = f"<p>Source: {escape(data.source)}</p>" if data.source else ""
    return document(
        data.title,
        f"""<header><p class="kicker">{escape(data.title)}</p><h1>{escape(_headline(data))}</h1></header>
<div class="tiles">{_tiles(data)}</div>
{figures}{_published(data.published)}<section><h2>{"By group" if data.by else "The fleet"}</h2>
{_group_table(data)}</section>
<section class="notes"><h2>Assumptions and source</h2><ul>{notes}</ul>{source}</section>
""",
    )
