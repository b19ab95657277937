"""The report: one file, true to the API's numbers, readable by everyone."""

from __future__ import annotations

import dataclasses
import itertools
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from importlib.resources import files

import pandas as pd
import pytest

import neocalc as nc
from neocalc.report import Comparison, compare_for_report, demo, render_page
from neocalc.report.figures import book_value_figure, difference_figure, yearly_charge_figure
from neocalc.report.money import MINUS, amount, number, unit_for
from neocalc.report.svg import WIDTH, Plot, text_width, ticks

LIVES = [(5,), (4, 6), (3, 4, 6), (3, 4, 5, 6, 8), (1, 20)]


@pytest.fixture(scope="module")
def fleet() -> pd.DataFrame:
    return nc.load_example("gpu_fleet", rows=300)


def compare(fleet: object, years: tuple[float, ...] = (4, 6), **options: object) -> Comparison:
    return compare_for_report(fleet, years, title="fleet.csv", source="fleet.csv", **options)


class Tables(HTMLParser):
    """Rows of cell texts for each table of a page; every tag must be closed."""

    VOID = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


def millions(values: object) -> list[str]:
    return [number(value / 1e6, 1) for value in values]


@pytest.mark.parametrize("years", LIVES)
def test_table_shows_what_the_api_computes(fleet: pd.DataFrame, years: tuple[float, ...]) -> None:
    data = compare(fleet, years, by=["gpu_model"])
    rows = {cells[0]: cells[1:] for cells in Tables(render_page(data)).tables[-1]}
    by_model = nc.compare_lives(fleet, years, by=["gpu_model"], freq="Y")
    total = nc.compare_lives(fleet, years, by=[], freq="Y").assign(gpu_model="Total")
    result = pd.concat([by_model.astype({"gpu_model": str}), total])
    shown = result[result["period_end"] == pd.Timestamp(data.year_shown)]
    assert set(rows) > {"Total", *MODELS}
    for label, rows_of in shown.groupby("gpu_model"):
        group = rows_of.set_index(rows_of["policy"].astype(str)).loc[[f"{year}y" for year in sorted(years)]]
        charge = group["depreciation"].to_list()
        expected = millions(charge)
        if len(years) > 1:
            expected += [*millions([charge[0] - charge[-1]]), rows[label][len(years) + 2]]
        book_value = group["closing_book_value"].to_list()
        expected += millions(book_value if len(years) <= 3 else [book_value[0], book_value[-1]])
        assert rows[label][1:] == expected  # after the mark


MODELS = {"A100", "H100", "H200", "B200", "GB200", "L40S"}


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_every_kind_of_frame_gives_the_same_page(kind: str) -> None:
    pages = {
        render_page(compare(nc.load_example("gpu_fleet", rows=300, kind=k), by=["site"]))
        for k in ("pandas", kind)
    }
    assert len(pages) == 1


def test_series_are_the_apis(fleet: pd.DataFrame) -> None:
    data = compare(fleet, (6, 4))
    assert data.policies == ("4y", "6y")  # shortest first, in whatever order they were named
    years = nc.compare_lives(fleet, (4, 6), by=[], freq="Y")
    # Whole years, so that every figure shows the same ones.
    quarters = nc.compare_lives(fleet, (4, 6), by=[], freq="Q", end=years["period_end"].max())
    assert data.dates[1:] == tuple(quarters["period_end"].dt.date.unique())
    assert data.dates[-1] == data.year_ends[-1]
    for policy, rows in quarters.groupby(quarters["policy"].astype(str)):
        assert data.book_value[policy] == [0.0, *rows["closing_book_value"]]
    # The gap is what the one has written off and the other not yet.
    accumulated = quarters.pivot(index="period_end", columns="policy", values="accumulated_depreciation")
    assert data.gap[1:] == pytest.approx((accumulated["4y"] - accumulated["6y"]).to_list(), abs=0.005)
    assert data.gap[-1] == 0


def test_year_shown_is_the_one_in_which_the_short_life_costs_most(fleet: pd.DataFrame) -> None:
    data = compare(fleet)
    more = [a - b for a, b in zip(data.yearly_charge["4y"], data.yearly_charge["6y"], strict=True)]
    assert more[data.year_ends.index(data.year_shown)] == max(more) > 0


def test_same_bytes_twice(fleet: pd.DataFrame) -> None:
    one, two = (render_page(compare(fleet, by=["gpu_model", "site"])) for _ in range(2))
    assert one.encode() == two.encode()


def test_page_needs_nothing_but_itself() -> None:
    page = render_page(demo.coreweave_comparison(demo.coreweave_fleet("pandas")))
    for loaded in ("http:", "https:", "//", "@import", "url(", "src=", "<script", "<link", "<img", "<iframe"):
        assert loaded not in page, loaded
    assert page.startswith("<!DOCTYPE html>")


def test_demonstration_says_what_is_published_and_what_assumed() -> None:
    page = render_page(demo.coreweave_comparison(demo.coreweave_fleet("pandas")))
    rows = Tables(page).tables[0]
    assert rows[1] == ["Technology equipment", "414.4", "621.7", ""]
    assert rows[-1] == ["Total", "442.4", "649.7", "443"]
    assert f"({MINUS}0.1 %)" in page
    assert "kind A" in page
    for text in demo.ASSUMPTIONS:
        assert text.replace("'", "&#x27;") in page


@pytest.mark.parametrize("years", LIVES)
@pytest.mark.parametrize(
    "options",
    [{}, {"fiscal_year_end": 2}, {"fiscal_year_end": 6}, {"end": "2024-06-30"}, {"start": "2027-01-01"}],
    ids=str,
)
def test_figures_are_named_and_no_label_covers_another(
    fleet: pd.DataFrame, years: tuple[float, ...], options: dict[str, object]
) -> None:
    data = compare(fleet, years, **options)
    figures = [book_value_figure(data), yearly_charge_figure(data)]
    if len(years) > 1:
        figures.append(difference_figure(data))
    for figure in figures:
        root = ET.fromstring(figure)
        title, description = root.find("title"), root.find("desc")
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert title.text
        assert description.text
        boxes = []
        for text in root.iter("text"):
            size = 12 if text.get("class") in ("value", "inside") else 13
            wide = 0.5 * size * len(text.text)
            x = float(text.get("x")) - {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor")] * wide
            y = float(text.get("y"))
            assert x > -1, text.text
            assert x + wide < WIDTH + 1, text.text
            boxes.append((x, x + wide, y - 0.75 * size, y, text.text))
        for a, b in itertools.combinations(boxes, 2):
            apart = a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]
            assert apart, (a, b)


@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
@pytest.mark.parametrize("x", [0.0, WIDTH / 2, WIDTH])
def test_labels_stay_inside(anchor: str, x: float) -> None:
    plot = Plot((0, 1), (0, 1), [0.0, 1.0], ["0", "1"])
    label = "4y $13.5 bn"
    plot.text(x, 50, label, anchor=anchor)
    text = list(ET.fromstring(plot.render("name", "title", "description")).iter("text"))[-1]
    left = float(text.get("x")) - {"start": 0, "middle": 0.5, "end": 1}[anchor] * text_width(label)
    assert 0 <= left <= WIDTH - text_width(label)


def test_ids_of_a_page_are_its_own(fleet: pd.DataFrame) -> None:
    ids = re.findall(r'\bid="([^"]+)"', render_page(compare(fleet)))
    assert len(ids) == len(set(ids)) == 6


def test_text_of_the_fleet_is_text(fleet: pd.DataFrame) -> None:
    evil = '<script>alert("1")</script>'
    data = compare(fleet.assign(team=evil), by=["team"])
    page = render_page(dataclasses.replace(data, title=evil, source=evil, assumptions=(evil,)))
    assert "<script" not in page
    assert Tables(page).tables[-1][2][0] == evil


def test_many_groups_are_cut_and_said_to_be(fleet: pd.DataFrame) -> None:
    data = compare(fleet, by=["gpu_model", "site"])
    assert data.n_groups > len(data.groups) == 25
    page = render_page(data)
    assert f"the 25 largest of {data.n_groups} groups, total over all" in page
    assert len(Tables(page).tables[-1]) == 2 + 25 + 1
    charges = [max(row.charge) for row in data.groups]
    assert charges == sorted(charges, reverse=True)


def test_groups_without_a_name_have_a_row(fleet: pd.DataFrame) -> None:
    team = pd.Series(["a", None] * 150, index=fleet.index)
    data = compare(fleet.assign(team=team), by=["team"])
    assert {row.label for row in data.groups} == {"a", "(none)"}


def test_amounts_carry_the_fleets_currency(fleet: pd.DataFrame) -> None:
    page = render_page(compare(fleet.assign(currency="EUR")))
    assert "€" in page
    assert "$" not in page


def test_empty_fleet_is_refused_in_words(fleet: pd.DataFrame) -> None:
    with pytest.raises(nc.NeocalcError, match="nothing to draw"):
        compare(fleet.head(0))


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_can_be_told_from_their_ground() -> None:
    """WCAG 2.1, 1.4.3: 4.5 to 1 for text; text in bars is on the colour what the colour is on the card."""
    style = files("neocalc.report").joinpath("page.css").read_text(encoding="utf-8")
    schemes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{.*?\}", style, re.DOTALL)
    ]
    assert len(schemes) == 3  # light, dark, print
    assert schemes[2].items() > {k: v for k, v in schemes[0].items() if k not in ("paper", "card")}.items()
    for scheme in schemes:
        for name, ground in itertools.product(("ink", "muted", "short", "long", "gap"), ("card", "paper")):
            light, dark = sorted((luminance(scheme[name]), luminance(scheme[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, ground)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "$0"), (12.4, "$12"), (999.6, "$1 k"), (1234.0, "$1 k"), (999_600.0, "$1.0 m"), (99.94e6, "$99.9 m"),
        (340e6, "$340 m"), (999.6e6, "$1.0 bn"), (13.46e9, "$13.5 bn"), (-2.5e9, "−$2.5 bn"), (1234.5e9, "$1,234.5 bn"),
    ],
)  # fmt: skip
def test_amounts_as_people_read_them(value: float, text: str) -> None:
    assert amount(value, "USD").replace("\u00a0", " ") == text


def test_axis_names_its_unit_once() -> None:
    assert unit_for(8e9, "USD").axis([0.0, 2.5e9, 5e9]) == ["0", "2.5", "$5.0\u00a0bn"]
    assert unit_for(3e6, "CHF").axis([-1e6, 0.0, 2e6]) == ["−1", "0", "CHF\u00a02\u00a0m"]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.07), (0, 26.1e9), (-3.6e9, 8.1e9), (0, 1e13)])
def test_ticks_are_round_few_and_inside(low: float, high: float) -> None:
    values = ticks(low, high)
    steps = {round(b - a, 9) for a, b in itertools.pairwise(values)}
    assert 3 <= len(values) <= 8
    assert len(steps) == 1
    assert low <= values[0]
    assert values[-1] <= high
    assert 0 in values
