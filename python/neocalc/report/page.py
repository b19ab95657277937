"""The page: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from neocalc.report.comparison import Comparison, GroupRow, Published
from neocalc.report.figures import (
    book_value_figure,
    difference_figure,
    money,
    series_colour,
    short_money,
    yearly_charge_figure,
)


def percent_more(short: float, long: float) -> str:
    """Say by how much one charge is above another, or a dash where there is nothing to compare with."""
    if not long:
        return "–"
    ratio = (short / long - 1) * 100
    return f"{'+' if ratio >= 0 else '−'}{abs(ratio):,.1f} %"


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], total: Sequence[str] | None, caption: str
) -> str:
    def cells(values: Sequence[str], tag: str = "td") -> str:
        first, *rest = values
        scope = ' scope="row"'
        return f"<th{scope}>{escape(first)}</th>" + "".join(f"<{tag}>{escape(v)}</{tag}>" for v in rest)

    header = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "\n".join(f"<tr>{cells(row)}</tr>" for row in rows)
    foot = f"<tfoot><tr>{cells(total)}</tr></tfoot>" if total else ""
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{header}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
    )


def _group_cells(row: GroupRow) -> list[str]:
    cells = [row.label, *(money(value, digits=1) for value in row.charge)]
    if len(row.charge) > 1:
        cells += [
            money(row.charge[0] - row.charge[-1], digits=1),
            percent_more(row.charge[0], row.charge[-1]),
        ]
    cells += [money(value, digits=1) for value in row.book_value]
    return cells


def _group_table(data: Comparison) -> str:
    year = data.year_shown
    head = [" and ".join(data.by) if data.by else "Fleet", *(f"Charge {p}" for p in data.policies)]
    if len(data.policies) > 1:
        head += ["Difference", "in %"]
    head += [f"Book value {p}" for p in data.policies]
    caption = f"Year to {year:%d %B %Y}, $ million; book value at its end"
    if data.n_groups > len(data.groups):
        caption += f"; the {len(data.groups)} largest of {data.n_groups:,} groups, total over all"
    return _table(head, map(_group_cells, data.groups), _group_cells(data.total), caption)


def _published(published: Published | None) -> str:
    if published is None:
        return ""
    head, *_ = (published.header.split("|"),)
    table = _table(head, published.rows, published.total, published.headline)
    return f"<section><h2>Beside the published figure</h2>{table}<p class='remark'>{escape(published.remark)}</p></section>"


def _tiles(data: Comparison) -> str:
    year = data.year_shown.year
    tiles = [
        (f"charge in {year}, {policy}", short_money(value), series_colour(position))
        for position, (policy, value) in enumerate(zip(data.policies, data.total.charge, strict=True))
    ]
    if len(data.policies) > 1:
        short, long = data.total.charge[0], data.total.charge[-1]
        tiles.append((f"{data.shortest} over {data.longest}", percent_more(short, long), "var(--gap)"))
        tiles.append(("most it ever runs ahead", short_money(max(data.difference)), "var(--gap)"))
    return "".join(
        f'<div class="tile"><strong style="color:{colour}">{escape(value)}</strong><span>{escape(label)}</span></div>'
        for label, value, colour in tiles
    )


def _headline(data: Comparison) -> str:
    if len(data.policies) < 2:
        return f"Depreciation over {data.policies[0]}"
    gap = data.difference
    peak = max(range(len(gap)), key=gap.__getitem__)
    return (
        f"By {data.period_ends[peak]:%B %Y}, {data.shortest} lives have written off "
        f"{short_money(gap[peak])} more than {data.longest} lives."
    )


def _figure(svg: str, heading: str, text: str) -> str:
    return f"<figure><h2>{escape(heading)}</h2><p>{escape(text)}</p>{svg}</figure>"


def render_page(data: Comparison) -> str:
    """Return the whole page as text, drawings and style sheet included."""
    style = files("neocalc.report").joinpath("page.css").read_text(encoding="utf-8")
    figures = [
        _figure(
            book_value_figure(data),
            "Net book value",
            "What the balance sheet still shows at each quarter end. Same machines, same cost; only the life differs.",
        ),
        _figure(
            yearly_charge_figure(data),
            "Charge of each year",
            "A short life charges more at first and nothing later. Over the whole life both charge the same.",
        ),
    ]
    if len(data.policies) > 1:
        figures.append(
            _figure(
                difference_figure(data),
                "The widening difference",
                f"Accumulated depreciation under {data.shortest} less that under {data.longest}: "
                "profit reported early that later years give back.",
            )
        )
    notes = "".join(f"<li>{escape(text)}</li>" for text in data.assumptions)
    source = f"<p>Source: {escape(data.source)}</p>" if data.source else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(data.title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header><p class="kicker">{escape(data.title)}</p><h1>{escape(_headline(data))}</h1></header>
<div class="tiles">{_tiles(data)}</div>
{"".join(figures)}
{_published(data.published)}
<section><h2>By group</h2>{_group_table(data)}</section>
<section class="notes"><h2>Assumptions and source</h2><ul>{notes}</ul>{source}</section>
</main>
</body>
</html>
"""
