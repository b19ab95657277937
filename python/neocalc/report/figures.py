"""The pictures of a comparison: book value, yearly charge, running difference, and one mark per group."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from neocalc.report.comparison import Comparison, GroupRow
from neocalc.report.money import Unit, unit_for
from neocalc.report.svg import FONT_SIZE, Plot, Point, text_width, ticks

_GAP = "var(--gap)"


def policy_colour(position: int, count: int) -> str:
    """Colour of a life among `count`, shortest first: lives are ordered, so their colours are."""
    if position == count - 1:
        return "var(--long)"
    if position == 0:
        return "var(--short)"
    return f"color-mix(in oklch, var(--short) {100 - round(100 * position / (count - 1))}%, var(--long))"


def year_label(year_end: dt.date) -> str:
    """Name a fiscal year: plain when it is the calendar's."""
    return str(year_end.year) if year_end.month == 12 else f"FY{year_end.year}"


def _day(date: dt.date) -> float:
    return float(date.toordinal())


def _every(plot: Plot, count: int, label: str) -> int:
    """Return of how many labels one is written, so that they do not touch."""
    return math.ceil(count * (text_width(label) + 12) / (plot.right - plot.left))


def _year_axis(plot: Plot) -> None:
    """Name each calendar year in the middle of its span, as many as there is room for."""
    first, last = dt.date.fromordinal(int(plot.x.low) + 1), dt.date.fromordinal(int(plot.x.high))
    years = range(first.year, last.year + 1)
    step = _every(plot, len(years), "2026")
    for year in years:
        start = max(_day(dt.date(year - 1, 12, 31)), plot.x.low)
        end = min(_day(dt.date(year, 12, 31)), plot.x.high)
        if start > plot.x.low:
            plot.tick(start)
        wide = plot.x(end) - plot.x(start)
        if (year - first.year) % step == 0 and (wide > text_width(str(year)) or step > 1):
            plot.text((plot.x(start) + plot.x(end)) / 2, plot.bottom + 20, str(year), kind="axis")


def _plot(data: Comparison, x: tuple[float, float], low: float, high: float) -> tuple[Plot, Unit]:
    """Open a plot whose amounts start at zero or below, with room for a label above the highest."""
    low, high = min(0.0, low), max(0.0, high)
    margin = (high - low) * 0.07 or 1.0
    y = (low - margin if low < 0 else 0.0, high + margin)
    values = ticks(*y)
    unit = unit_for(max(high, -low), data.currency)
    return Plot(x, y, values, unit.axis(values)), unit


def book_value_figure(data: Comparison) -> str:
    """Net book value over time, a line for each life, the gap between the outer two shaded."""
    days = [_day(date) for date in data.dates]
    highest = max(max(values) for values in data.book_value.values())
    plot, _ = _plot(data, (days[0], days[-1]), 0.0, highest)
    count, widest = len(data.policies), data.widest
    short, long = data.book_value[data.shortest], data.book_value[data.longest]
    if count > 1:
        plot.area(zip(days, long, strict=True), zip(days, short, strict=True), _GAP, 0.12)
    for position, policy in enumerate(data.policies):
        plot.line(zip(days, data.book_value[policy], strict=True), policy_colour(position, count))
    _year_axis(plot)
    said = [f"{policy} {data.money(data.book_value[policy][widest])}" for policy in data.policies]
    x = plot.x(days[widest])
    if count > 1 and data.gap[widest] > 0:
        plot.line([(days[widest], short[widest]), (days[widest], long[widest])], "var(--ink)", "bracket")
        middle = (plot.y(short[widest]) + plot.y(long[widest])) / 2
        if count == 2 and plot.y(short[widest]) - plot.y(long[widest]) > 4 * FONT_SIZE:
            plot.text(x, middle + 4, data.money(data.gap[widest]), colour=_GAP)
    # Above the upper line and below the lower there is room for a label, so no legend is needed.
    plot.dot(days[widest], long[widest], policy_colour(count - 1, count))
    above = min(_heights(plot, days, long, plot.label_span(x + 10, said[-1], "start"))) - 10
    plot.text(x + 10, above, said[-1], colour=policy_colour(count - 1, count), anchor="start")
    if count > 1:
        plot.dot(days[widest], short[widest], policy_colour(0, count))
        below = max(_heights(plot, days, short, plot.label_span(x - 10, said[0], "end"))) + 20
        plot.text(x - 10, min(below, plot.bottom - 7), said[0], colour=policy_colour(0, count), anchor="end")
    taken = [plot.y(long[widest])]
    for position in range(count - 2, 0, -1):
        y = plot.y(data.book_value[data.policies[position]][widest])
        if min(abs(y - other) for other in taken) > FONT_SIZE:
            colour = policy_colour(position, count)
            plot.text(x + 10, y - 2, data.policies[position], colour=colour, anchor="start")
            taken.append(y)
    for (before, day), date, index in zip(pairwise(days), data.dates[1:], range(1, len(days)), strict=True):
        tip = ", ".join(f"{p} {data.money(data.book_value[p][index])}" for p in data.policies)
        plot.hover(before, day, f"{date:%d %B %Y}: {tip}")
    summary = f"On {data.dates[widest]:%d %B %Y}: {', '.join(said)}."
    if count > 1:
        summary = f"The gap is widest, {data.money(data.gap[widest])}, on {summary[3:]}"
    return plot.render("book-value", "Net book value under each life", summary)


def _heights(plot: Plot, days: Sequence[float], values: Sequence[float], span: Point) -> list[float]:
    """Sample the coordinates of a curve above or below a label."""
    places = np.linspace(*span, 9)
    return [float(y) for y in np.interp(places, [plot.x(day) for day in days], [plot.y(v) for v in values])]


def yearly_charge_figure(data: Comparison) -> str:
    """Each year's depreciation, a bar for each life side by side."""
    count = len(data.policies)
    # Years without a charge under any life are only an empty tail.
    charged = [any(charges) for charges in zip(*data.yearly_charge.values(), strict=True)]
    used = [i for i, any_charge in enumerate(charged) if any_charge] or [0]
    shown = list(range(used[0], used[-1] + 1))
    charges = [[data.yearly_charge[p][i] for i in shown] for p in data.policies]
    plot, unit = _plot(data, (-0.5, len(shown) - 0.5), min(map(min, charges)), max(map(max, charges)))
    width = 0.8 / count
    pixels = plot.x(width) - plot.x(0)
    names = data.policies
    # Amounts and names stand on the bars where they fit; else the names stand on top, once.
    room = pixels > text_width(unit.plain(max(map(max, charges)))) * 0.9
    named = data.year_ends.index(data.year_shown)
    for position, (policy, values) in enumerate(zip(names, charges, strict=True)):
        colour = policy_colour(position, count)
        for place, value in enumerate(values):
            x0 = place - 0.4 + position * width
            tip = f"{year_label(data.year_ends[shown[place]])}, {policy}: {data.money(value)}"
            plot.bar(x0 + width * 0.04, x0 + width * 0.96, value, colour, tip)
            middle, top = plot.x(x0 + width / 2), min(plot.y(value), plot.y(0))
            if room and unit.plain(value) != "0.0":
                plot.text(middle, top - 6, unit.plain(value), colour=colour, kind="value")
            if room and shown[place] == named:
                plot.text(middle, top - 21, policy, colour=colour)
    if not room:
        right: float = plot.right
        for position, policy in reversed(list(enumerate(names))):
            plot.text(right, 14, policy, colour=policy_colour(position, count), anchor="end")
            right -= text_width(policy) + 14
    for place in range(0, len(shown), _every(plot, len(shown), year_label(data.year_shown))):
        plot.text(plot.x(place), plot.bottom + 20, year_label(data.year_ends[shown[place]]), kind="axis")
    parts = (
        f"{year_label(data.year_ends[i])}: "
        + ", ".join(f"{p} {data.money(data.yearly_charge[p][i])}" for p in names)
        for i in shown
    )
    return plot.render("yearly-charge", "Depreciation charged each year", "; ".join(parts) + ".")


def difference_figure(data: Comparison) -> str:
    """Bars: the year's charge under the shortest life less the longest. Line: their running total."""
    days = [_day(date) for date in data.dates]
    pairs = zip(data.yearly_charge[data.shortest], data.yearly_charge[data.longest], strict=True)
    yearly = [short - long for short, long in pairs]
    peak = data.widest
    plot, unit = _plot(data, (days[0], days[-1]), min([*yearly, *data.gap]), max([*yearly, *data.gap]))
    plot.area(zip(days, data.gap, strict=True), ((day, 0.0) for day in days), _GAP, 0.12)
    # A year lasts from the end of the one before.
    starts = [plot.x.low, *map(_day, data.year_ends[:-1])]
    for start, end, value in zip(starts, data.year_ends, yearly, strict=True):
        colour = "var(--short)" if value > 0 else "var(--long)"
        margin = (_day(end) - start) * 0.14
        text = unit.signed(value)
        plot.bar(start + margin, _day(end) - margin, value, colour, f"{year_label(end)}: {text} {unit.name}")
        wide = plot.x(_day(end) - margin) - plot.x(start + margin)
        if wide > text_width(text) * 0.9 and abs(plot.y(value) - plot.y(0)) > 1.5 * FONT_SIZE:
            # At the foot of the bar the line does not cross it.
            y = plot.y(0) + (-6 if value > 0 else 15)
            plot.text((plot.x(start) + plot.x(_day(end))) / 2, y, text, kind="inside")
    plot.line(zip(days, data.gap, strict=True), _GAP)
    plot.dot(days[peak], data.gap[peak], _GAP, 5)
    said = f"{data.money(data.gap[peak])} ahead at the end of {data.dates[peak]:%B %Y}"
    plot.text(plot.x(days[peak]), plot.y(data.gap[peak]) - 12, said, colour=_GAP)
    _year_axis(plot)
    summary = (
        f"Accumulated depreciation under {data.shortest} less that under {data.longest}: {said}, "
        f"{data.money(data.gap[-1])} at the end of the picture."
    )
    return plot.render("difference", "How far the short life runs ahead", summary)


def group_mark(row: GroupRow, highest: float) -> str:
    """One group's charges on a line from zero: a dot for each life, the outer two joined."""
    count, wide = len(row.charge), 150

    def x(value: float) -> str:
        return f"{6 + (wide - 12) * max(value, 0.0) / (highest or 1.0):.1f}"

    dots = "".join(
        f'<circle cx="{x(value)}" cy="9" r="5" style="fill:{policy_colour(position, count)}"/>'
        for position, value in reversed(list(enumerate(row.charge)))
    )
    span = f'<line class="span" x1="{x(min(row.charge))}" x2="{x(max(row.charge))}" y1="9" y2="9"/>'
    return (
        f'<svg class="mark" viewBox="0 0 {wide} 18" aria-hidden="true">'
        f'<line class="grid" x1="6" x2="{wide - 6}" y1="9" y2="9"/>{span}{dots}</svg>'
    )
