"""Just enough SVG for the figures: a plot with two linear scales, coloured by the page's style sheet.

Text is real text and colours are variables, so a figure follows light and dark, scales, prints and can be
searched. Every number is written with a fixed number of decimals: the same data give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 800
FONT_SIZE = 13
_TOP, _RIGHT, _BOTTOM = 24, 10, 30

Point = tuple[float, float]


def text_width(text: str) -> float:
    """Estimate how wide a bold label is; sans-serif digits and letters average 0.6 em."""
    return len(text) * FONT_SIZE * 0.6


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Return round values (steps of 1, 2, 2.5 or 5) from low to high."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _n(value: float) -> str:
    """Write a coordinate: a tenth of a unit is finer than a pixel, and -0.0 is 0.0."""
    return f"{round(value, 1) + 0.0:.1f}"


@dataclass(frozen=True)
class Scale:
    """A linear map from data to coordinates."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the coordinate of a value."""
        share = (value - self.low) / (self.high - self.low) if self.high != self.low else 0.5
        return self.start + share * (self.end - self.start)


class Plot:
    """A drawing in the making: marks are added back to front, `render` closes it."""

    def __init__(
        self, x: Point, y: Point, y_ticks: Sequence[float], y_labels: Sequence[str], height: int = 340
    ) -> None:
        self.height = height
        self.left = max(map(text_width, y_labels)) + 10
        self.right, self.top, self.bottom = WIDTH - _RIGHT, _TOP, height - _BOTTOM
        self.x = Scale(*x, self.left, self.right)
        self.y = Scale(*y, self.bottom, self.top)
        self._marks: list[str] = []
        for value, label in zip(y_ticks, y_labels, strict=True):
            kind = "zero" if value == 0 else "grid"
            at = _n(self.y(value))
            self._marks.append(
                f'<line class="{kind}" x1="{_n(self.left)}" x2="{_n(self.right)}" y1="{at}" y2="{at}"/>'
            )
            self.text(self.left - 10, self.y(value) + 4.5, label, anchor="end", kind="axis")

    def area(self, upper: Iterable[Point], lower: Iterable[Point], colour: str, opacity: float) -> None:
        """Fill between two curves."""
        path = " ".join(self._points([*upper, *reversed(list(lower))]))
        self._marks.append(f'<polygon points="{path}" style="fill:{colour};fill-opacity:{opacity}"/>')

    def line(self, points: Iterable[Point], colour: str, kind: str = "line") -> None:
        """Draw a curve."""
        path = " ".join(self._points(points))
        self._marks.append(f'<polyline class="{kind}" points="{path}" style="stroke:{colour}"/>')

    def dot(self, x: float, y: float, colour: str, radius: float = 4) -> None:
        """Mark one point of the data."""
        at = f'cx="{_n(self.x(x))}" cy="{_n(self.y(y))}"'
        self._marks.append(f'<circle class="dot" {at} r="{radius}" style="fill:{colour}"/>')

    def bar(self, x0: float, x1: float, value: float, colour: str, tip: str) -> None:
        """Draw a bar from zero; pointing at it shows the tip."""
        top, bottom = sorted((self.y(0), self.y(value)))
        self._rect(x0, x1, top, bottom, f'style="fill:{colour}"', tip)

    def hover(self, x0: float, x1: float, tip: str) -> None:
        """Lay an unseen column over the plot that shows the tip."""
        self._rect(x0, x1, self.top, self.bottom, 'class="hover"', tip)

    def _rect(self, x0: float, x1: float, top: float, bottom: float, look: str, tip: str) -> None:
        left, wide = self.x(x0), self.x(x1) - self.x(x0)
        self._marks.append(
            f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(wide)}" height="{_n(bottom - top)}" {look}>'
            f"<title>{escape(tip)}</title></rect>"
        )

    def text(
        self, x: float, y: float, text: str, *, colour: str = "", anchor: str = "middle", kind: str = "label"
    ) -> None:
        """Write at coordinates, not at data; labels stay inside the drawing."""
        if kind == "label":
            left, right = self.label_span(x, text, anchor)
            x = {"start": left, "middle": (left + right) / 2, "end": right}[anchor]
        look = f'class="{kind}" text-anchor="{anchor}"' + (f' style="fill:{colour}"' if colour else "")
        self._marks.append(f'<text x="{_n(x)}" y="{_n(y)}" {look}>{escape(text)}</text>')

    def label_span(self, x: float, text: str, anchor: str) -> Point:
        """Return where a label begins and ends once it has been moved inside the drawing."""
        wide = text_width(text)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        left = min(max(left, 2.0), WIDTH - 2 - wide)
        return left, left + wide

    def tick(self, x: float) -> None:
        """Put a tick under the plot."""
        at = _n(self.x(x))
        self._marks.append(
            f'<line class="grid" x1="{at}" x2="{at}" y1="{_n(self.bottom)}" y2="{_n(self.bottom + 6)}"/>'
        )

    def _points(self, points: Iterable[Point]) -> list[str]:
        return [f"{_n(self.x(x))},{_n(self.y(y))}" for x, y in points]

    def render(self, name: str, title: str, description: str) -> str:
        """Close the drawing; title and description stand for it where it cannot be seen."""
        names = f'aria-labelledby="{name}-title {name}-desc"'
        return (
            f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" {names}>\n'
            f'<title id="{name}-title">{escape(title)}</title>\n'
            f'<desc id="{name}-desc">{escape(description)}</desc>\n' + "\n".join(self._marks) + "\n</svg>"
        )
