"""The pictures: matplotlib draws, the page's style sheet colours (so they follow light and dark)."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from neocalc.errors import NeocalcError

if TYPE_CHECKING:
    from neocalc.report.comparison import Comparison

# Colours no drawing would use by accident, each replaced by a variable of the style sheet.
_INK, _MUTED, _GRID, _GAP = "#010203", "#040506", "#070809", "#0a0b0c"
_SERIES = ("#111213", "#141516", "#171819", "#1a1b1c", "#1d1e1f")
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _GRID: "var(--grid)",
    _GAP: "var(--gap)",
    **{colour: f"var(--series-{i})" for i, colour in enumerate(_SERIES)},
}
_WIDTH, _HEIGHT = 7.6, 3.7  # inches; the page scales it
_FONT_SIZE = 10.5
_MISSING = "the HTML report draws with matplotlib, which is not installed: pip install 'neocalc[report]'"


def money(value: float, *, digits: int | None = None) -> str:
    """Write an amount in $ million, with a minus sign that is one."""
    millions = value / 1e6
    if digits is None:
        digits = 0 if abs(millions) >= 1000 else 1
    text = f"{abs(millions):,.{digits}f}"
    return f"−{text}" if millions < 0 and float(text.replace(",", "")) else text


def short_money(value: float) -> str:
    """Write an amount with its unit, for a label: $1.2 bn, $340 m."""
    sign, size = ("−" if value < 0 else ""), abs(value)
    if size >= 999.5e6:
        return f"{sign}${size / 1e9:,.1f} bn"
    if size >= 1e6:
        return f"{sign}${size / 1e6:,.0f} m"
    if size >= 1e3:
        return f"{sign}${size / 1e3:,.0f} k"
    return f"{sign}${size:,.0f}"


def series_colour(position: int) -> str:
    """Name the style sheet's variable for the policy in this position."""
    return f"var(--series-{position % len(_SERIES)})"


def _canvas() -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NeocalcError(_MISSING) from None
    # Not pyplot: no global state, no display, safe in a thread.
    figure = Figure(figsize=(_WIDTH, _HEIGHT))
    axes = figure.add_axes((0.085, 0.105, 0.80, 0.84))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    axes.tick_params(length=0, colors=_MUTED, labelsize=_FONT_SIZE, pad=7)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _money_axis(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, min_n_ticks=3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_money(value) if value else "0"))


def _year_axis(axes: Any, dates: Sequence[dt.date]) -> None:
    from matplotlib.dates import DateFormatter, YearLocator

    span = max(1, dates[-1].year - dates[0].year)
    axes.xaxis.set_major_locator(YearLocator(base=max(1, -(-span // 9))))
    axes.xaxis.set_major_formatter(DateFormatter("%Y"))
    axes.set_xlim(dates[0], dates[-1])


def _to_svg(figure: Any, name: str, title: str, description: str) -> str:
    import matplotlib

    buffer = io.StringIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": name, "font.sans-serif": ["DejaVu Sans"]}
    with matplotlib.rc_context(settings):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", svg)
    # Several drawings share one page, so every id gets the drawing's name.
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    # The size comes from the page; the names are for people who cannot see the picture.
    opening = re.sub(r'\s(width|height)="[^"]*pt"', "", svg[: svg.index(">")])
    opening += f' role="img" aria-labelledby="{name}-title {name}-desc"'
    names = (
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    )
    return f"{opening}>{names}{svg[svg.index('>') + 1 :]}"


def _spread(positions: Sequence[float], least: float) -> list[float]:
    """Move labels apart until none is nearer than `least` to the next, keeping their order."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    moved = list(positions)
    for before, after in zip(order, order[1:], strict=False):
        moved[after] = max(moved[after], moved[before] + least)
    return moved


def book_value_figure(data: Comparison) -> str:
    """Net book value over time, a line for each life, the gap between the outer two shaded."""
    figure, axes = _canvas()
    dates = data.period_ends
    outer = [data.book_value[data.shortest], data.book_value[data.longest]]
    axes.fill_between(dates, outer[0], outer[1], color=_GAP, alpha=0.13, linewidth=0)
    gaps = [long - short for short, long in zip(*outer, strict=True)]
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    top = max(max(values) for values in data.book_value.values()) or 1.0
    # Labels stand at the widest gap, above the upper line and below the lower: no legend to look up.
    for position, policy in enumerate(data.policies):
        values = data.book_value[policy]
        axes.plot(dates, values, color=_SERIES[position % 5], linewidth=2.6, solid_capstyle="round")
    anchors = _spread([data.book_value[p][widest] for p in data.policies], top * 0.07)
    for position, policy in enumerate(data.policies):
        last = position == len(data.policies) - 1
        first = position == 0
        axes.annotate(
            f"{policy}  {short_money(data.book_value[policy][widest])}",
            (dates[widest], anchors[position] if not (first or last) else data.book_value[policy][widest]),
            xytext=(9, 9) if last else ((-9, -9) if first else (9, 0)),
            textcoords="offset points",
            color=_SERIES[position % 5],
            fontsize=_FONT_SIZE + 1,
            fontweight="bold",
            ha="right" if first else "left",
            va="top" if first else "bottom",
        )
    if gaps[widest] > 0:
        ends = [data.book_value[data.shortest][widest], data.book_value[data.longest][widest]]
        axes.plot([dates[widest]] * 2, ends, color=_INK, linewidth=1, marker="o", markersize=3.5)
    axes.set_ylim(bottom=min(0, min(map(min, data.book_value.values()))), top=top * 1.07)
    _money_axis(axes)
    _year_axis(axes, dates)
    summary = f"On {dates[widest]:%d %B %Y} the gap is widest, {short_money(gaps[widest])}: " + ", ".join(
        f"{policy} {short_money(data.book_value[policy][widest])}" for policy in data.policies
    )
    return _to_svg(figure, "book-value", "Net book value under each life", summary)


def yearly_charge_figure(data: Comparison) -> str:
    """Each year's depreciation, a bar for each life side by side."""
    figure, axes = _canvas()
    count = len(data.policies)
    # Years without a charge under any life are only an empty tail.
    used = [
        i
        for i in range(len(data.year_ends))
        if any(abs(data.yearly_charge[p][i]) >= 0.005 for p in data.policies)
    ]
    shown = range(used[0], used[-1] + 1) if used else range(len(data.year_ends))
    places = list(range(len(shown)))
    width = 0.78 / count
    for position, policy in enumerate(data.policies):
        heights = [data.yearly_charge[policy][i] for i in shown]
        offsets = [x + (position - (count - 1) / 2) * width for x in places]
        axes.bar(offsets, heights, width * 0.92, color=_SERIES[position % 5], linewidth=0)
        if not any(heights):
            continue
        # One label for each life, on its tallest bar.
        tallest = max(range(len(heights)), key=heights.__getitem__)
        axes.annotate(
            f"{policy}  {short_money(heights[tallest])}",
            (offsets[tallest] + (-width / 2 if position == 0 else width / 2), heights[tallest]),
            xytext=(0, 6),
            textcoords="offset points",
            color=_SERIES[position % 5],
            fontsize=_FONT_SIZE + 1,
            fontweight="bold",
            ha="left",
            va="bottom",
        )
    axes.margins(x=0.02)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.07)
    every = max(1, -(-len(places) // 12))
    axes.set_xticks(places[::every], [str(data.year_ends[i].year) for i in shown][::every])
    _money_axis(axes)
    parts = "; ".join(
        f"{data.year_ends[i].year}: "
        + ", ".join(f"{p} {short_money(data.yearly_charge[p][i])}" for p in data.policies)
        for i in shown
    )
    return _to_svg(figure, "yearly-charge", "Depreciation charged each year", parts)


def difference_figure(data: Comparison) -> str:
    """How far the shortest life has run ahead of the longest, as an area."""
    figure, axes = _canvas()
    dates, gap = data.period_ends, data.difference
    axes.fill_between(dates, 0, gap, color=_GAP, alpha=0.22, linewidth=0)
    axes.plot(dates, gap, color=_GAP, linewidth=2.6, solid_capstyle="round")
    peak = max(range(len(gap)), key=gap.__getitem__)
    axes.plot([dates[peak]], [gap[peak]], "o", color=_GAP, markersize=6.5)
    axes.annotate(
        f"{short_money(gap[peak])} ahead by {dates[peak]:%B %Y}",
        (dates[peak], gap[peak]),
        xytext=(0, 10),
        textcoords="offset points",
        color=_GAP,
        fontsize=_FONT_SIZE + 1,
        fontweight="bold",
        ha="center",
        va="bottom",
    )
    axes.set_ylim(bottom=min(0, min(gap)), top=(max(gap) or 1.0) * 1.18)
    _money_axis(axes)
    _year_axis(axes, dates)
    summary = (
        f"Accumulated depreciation under {data.shortest} less that under {data.longest} peaks at "
        f"{short_money(gap[peak])} at the end of {dates[peak]:%B %Y} and is {short_money(gap[-1])} at the end."
    )
    return _to_svg(figure, "difference", "The widening difference", summary)
