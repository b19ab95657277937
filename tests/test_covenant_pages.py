"""Certificates and the command line: what a lender gets to see, files in, files out, exit status."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc
from neocalc.cli import main
from neocalc.report import covenant_certificate, deal_report
from neocalc.report.deal_summary import summarise
from small_deals import deal, term

MEASURES = """entity_id,period_end,cfads,debt_service,cash
A,2025-03-31,36.00,25.00,120.00
A,2025-06-30,36.00,25.00,110.00
A,2025-09-30,34.00,25.00,105.00
A,2025-12-31,34.00,25.00,99.99
B,2025-12-31,50.00,25.00,500.00
"""
TERMS = """covenant_id,entity_id,metric,threshold,level,annualize
dscr,A,dscr,1.40,lock_up,true
cash,A,liquidity,100,default,
cash,B,liquidity,,default,
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    measures, terms = tmp_path / "measures.csv", tmp_path / "covenants.csv"
    measures.write_text(MEASURES, encoding="utf-8")
    terms.write_text(TERMS, encoding="utf-8")
    return measures, terms


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neocalc", "covenants", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_breach_is_exit_status_3(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "tests.csv"
    done = run(*files, "-o", out)
    assert (done.returncode, done.stdout) == (3, "")
    assert "1 default-level breaches" in done.stderr
    found = pd.read_csv(out)
    assert found["status"].tolist() == ["pass"] * 4 + ["pass"] * 3 + ["breach", "unknown"]
    assert found["headroom_amount"].tolist()[7] == -0.01


def test_no_breach_is_0_and_lock_ups_are_no_breach(files: tuple[Path, Path]) -> None:
    measures, terms = files
    measures.write_text(MEASURES.replace("99.99", "100.00").replace("36.00", "34.99"), encoding="utf-8")
    done = run(measures, terms)
    assert done.returncode == 0
    assert "lock_up" in done.stdout
    assert "breach," not in done.stdout


def test_waivers_and_cures_from_files(files: tuple[Path, Path], tmp_path: Path) -> None:
    cures, waivers = tmp_path / "cures.csv", tmp_path / "waivers.csv"
    cures.write_text("entity_id,covenant_id,period_end,amount\nA,cash,2025-12-31,0.01\n", encoding="utf-8")
    waivers.write_text("entity_id,from_date,to_date\nA,2025-12-01,2025-12-31\n", encoding="utf-8")
    assert "cured" in (done := run(*files, "--cures", cures)).stdout
    assert done.returncode == 0
    assert "waived" in (done := run(*files, "--waivers", waivers)).stdout
    assert done.returncode == 0


def test_wrong_use_and_bad_data(files: tuple[Path, Path], tmp_path: Path) -> None:
    measures, terms = files
    assert run(tmp_path / "none.csv", terms).returncode == 2
    assert run(measures, terms, "--entity", "A").returncode == 2
    assert run(measures, terms, "-o", measures).returncode == 2
    terms.write_text(TERMS.replace("liquidity", "liquid"), encoding="utf-8")
    done = run(measures, terms)
    assert (done.returncode, done.stdout) == (1, "")
    assert "metric_unknown" in done.stderr


def test_a_certificate_from_files(files: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "certificate.html"
    assert run(*files, "-o", page).returncode == 2, "two entities have the last date"
    assert run(*files, "-o", page, "--entity", "A").returncode == 3
    text = page.read_text(encoding="utf-8")
    for part in (
        "1 of 2 covenants tested on 31 December 2025 not met.",
        "Cfads over 4 periods, scaled to a year ÷ debt service over 4 periods, scaled to a year; at least 1.4",
        "A cure of 0.01 would meet it",
        "An event of default from 31 December 2025 on",
        "1.40x",
        "measures.csv",
    ):
        assert part in text, part
    assert run(*files, "-o", page, "--entity", "B", "--date", "2025-12-31").returncode == 3, (
        "A is still in breach"
    )
    assert "the threshold is not known" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_a_certificate_is_the_same_from_every_kind_of_frame(kind: str) -> None:
    make: Any = {"pandas": lambda frame: frame, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}[
        kind
    ]
    measures = pd.DataFrame(
        {"entity_id": "<A>", "period_end": pd.to_datetime(["2025-09-30", "2025-12-31"]), "total_debt": [70.0, 66.0],
         "collateral_value": [100.0, None], "currency": "USD"}
    )  # fmt: skip
    terms = pd.DataFrame({"covenant_id": ["LTV & more"], "metric": ["ltv"], "threshold": [0.65]})
    cures = pd.DataFrame(
        {"entity_id": ["<A>"], "period_end": pd.to_datetime(["2025-09-30"]), "amount": [6.0]}
    )

    def page(date: str) -> str:
        return covenant_certificate(make(measures), make(terms), cures=make(cures), period_end=date)

    text = page("2025-09-30")
    for part in (
        "An equity cure of $6.00 counted; $5.00 was needed",
        "(equity cure)",
        "64.0 %",
        "LTV &amp; more",
    ):
        assert part in text, part
    assert "<A>" not in text
    assert "missing" in page("2025-12-31")
    assert "1 of 1 covenants due on 31 December 2025 cannot be tested." in page("2025-12-31")
    assert page("2025-09-30") == text


def test_what_cannot_be_certified() -> None:
    measures = pd.DataFrame({"period_end": ["2025-12-31"], "cash": [1.0]})
    terms = pd.DataFrame({"covenant_id": ["cash"], "metric": ["liquidity"], "threshold": [1]})
    with pytest.raises(nc.ConfigError, match="nothing to certify"):
        covenant_certificate(measures, terms, period_end="2025-11-30")


def test_main_in_this_process(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["covenants", *map(str, files), "-o", str(tmp_path / "out.parquet"), "--start", "2025-12-31"])
        == 3
    )
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 3
    assert "3 tests" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["coreweave-2025q1", "coreweave-2026q2"])
def test_the_table_of_a_deal_fits_a_page_of_1000_pixels(name: str) -> None:
    """What cannot be broken, at 9 pixels a character and 18 of padding a cell, is below the 884 between the margins."""
    page = deal_report(nc.load_deal(name).run())
    section = page[page.index("<h2>Covenants</h2>") :]
    rows = re.findall(r"<tr>(.*?)</tr>", section[: section.index("</table>")], re.DOTALL)
    assert len(rows) > 2
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    assert {len(row) for row in cells} == {5}
    widths = [0] * 5
    for row in cells:
        for at, cell in enumerate(row):
            # Names and outcomes may be broken: the longest line of the one is 10.5 em, of the other 14.
            broken = at == 0 or 'class="said"' in cell
            text = re.sub(r"<[^>]+>", "", cell)
            widths[at] = max(widths[at], (26 if at else 20) if broken else len(text))
    assert sum(widths) * 9 + 5 * 18 <= 884, widths
    assert all('class="said"' in row[-1] for row in cells[1:])


def test_a_deal_shows_each_test_in_the_unit_of_its_own_clause() -> None:
    """One name for the company's cash and the loan's collateral, and one whose metric changes with a date."""
    fleet = pd.DataFrame(
        {"asset_id": ["a"], "cost": [2_400.0], "in_service_date": ["2025-01-01"], "facility_id": ["loan"]}
    )
    promised = pd.DataFrame(
        {
            "covenant_id": ["cover", "cover", "step", "step"],
            "entity_id": ["SPV", "loan", "SPV", "SPV"],
            "metric": ["liquidity", "ltv", "ltv", "liquidity"],
            "threshold": [1_000_000.0, 0.8, 0.8, 2_000_000.0],
            "test_frequency": "Y",
            "from_date": [None, None, "2025-01-01", "2025-07-01"],
        }
    )
    made = deal(
        5_000_000.0,
        facilities=term(),
        assets=fleet,
        covenants=promised,
        books={"4y": nc.straight_line(years=4)},
    )
    for terms in (promised, promised.iloc[::-1]):
        tests = summarise(made.with_tables(covenants=terms).run()).covenants
        units = {(test["covenant_id"], test["entity_id"]): test["unit"] for test in tests}
        assert units == {("cover", "SPV"): "money", ("cover", "loan"): "share", ("step", "SPV"): "money"}
    page = deal_report(made.run())
    rows = re.findall(r"<tr>.*?</tr>", page[page.index("<h2>Covenants</h2>") :], re.DOTALL)
    assert ["$" in row for row in rows[1:4]] == [True, False, True]


def certified(terms: dict[str, Any], **given: Any) -> list[str]:
    """The cells of a certificate of one covenant on the last day of 2025."""
    options = {name: given.pop(name) for name in ("amounts", "minor_units") if name in given}
    measures = pd.DataFrame(
        {"period_end": ["2025-12-31"], **{name: [value] for name, value in given.items()}}
    )
    frame = pd.DataFrame({"covenant_id": ["c"], **{name: [value] for name, value in terms.items()}})
    page = covenant_certificate(measures, frame, period_end="2025-12-31", freq="Y", **options)
    (words,) = re.findall(r'<p class="text">(.*?)</p>', page)
    return [words, *(re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", page, re.DOTALL))]


def test_a_certificate_states_money_in_the_unit_of_its_currency() -> None:
    """10,000 cents are $100.00, whatever unit they came in; a yen has no cents."""
    cash = {"metric": "liquidity", "threshold": 50.0}
    wanted = ["$100.00", "$50.00", "$50.00", "$50.00"]
    for given, threshold in (({"cash": 100.0}, 50.0), ({"cash": 10_000, "amounts": "minor"}, 5_000.0)):
        cells = certified({**cash, "threshold": threshold}, currency="USD", **given)
        assert cells[0] == "Cash; at least $50.00."
        assert cells[2:6] == wanted
        assert cells[-2] == "$100.00"
    yen = certified(cash, currency="JPY", cash=100, minor_units=0)
    assert (yen[0], yen[2:6], yen[-2]) == ("Cash; at least ¥50.", ["¥100", "¥50", "¥50", "¥50"], "¥100")
    short = certified(
        {"metric": "liquidity", "threshold": 5_000}, currency="USD", cash=4_999, amounts="minor"
    )
    assert (
        short[0]
        == "Cash; at least $50.00. A cure of $0.01 would meet it. An event of default from 31 December 2025 on."
    )


def test_a_miss_by_a_cent_is_seen() -> None:
    """1,399,999.99 over a million is no 1.40x, and 650,000.01 no 65.0 %."""
    cover = {"metric": "dscr", "threshold": 1.4}
    assert certified(cover, cfads=1_399_999.99, debt_service=1e6)[2:6] == [
        "1.39999999x",
        "1.40x",
        "−0.00000001x",
        "−0.01",
    ]
    assert certified(cover, cfads=1_400_000.00, debt_service=1e6)[2:6] == ["1.40x", "1.40x", "0.00x", "0.00"]
    assert certified(cover, cfads=1_234_567.89, debt_service=1e6)[2] == "1.2346x"
    share = {"metric": "ltv", "threshold": 0.65}
    assert certified(share, total_debt=650_000.01, collateral_value=1e6)[2:5] == [
        "65.000001 %",
        "65.0 %",
        "−0.000001 %",
    ]
    promised = pd.DataFrame(
        {"covenant_id": ["q"], "metric": ["liquidity"], "threshold": [1e6], "test_frequency": ["Y"]}
    )
    for held, shown in (
        (1e6 - 0.01, "$999,999.99"),
        (1e6, "$1.0\u00a0m"),
        (1e6 + 0.01, "$1,000,000.01"),
        (2e6, "$2.0\u00a0m"),
    ):
        assert f"<td>{shown}</td><td>$1.0\u00a0m</td>" in deal_report(deal(held, covenants=promised).run())


def test_a_condition_and_a_first_date_are_stated() -> None:
    """A lender who reads "not tested on this date" asks why."""
    ends = pd.to_datetime(["2025-03-31", "2025-06-30"])
    given = pd.DataFrame({"period_end": ends, "currency": "USD", "cash": [90.0, 1_000.0], "total_debt": 50.0,
                          "collateral_value": 100.0})  # fmt: skip
    promised = pd.DataFrame(
        {"covenant_id": ["cash", "ltv"], "metric": ["liquidity", "ltv"], "threshold": [95.0, 0.6], "currency": "USD",
         "springing_measure": ["ltv", None], "springing_above": [0.5, None], "first_test_date": [None, "2025-06-30"]}
    )  # fmt: skip
    page = covenant_certificate(given, promised, period_end="2025-03-31")
    assert "At least $95.00; tested only while total debt ÷ collateral value is above 50.0 %" in page.replace(
        "Cash; at", "At"
    )
    assert "at most 60.0 %; first tested on 2025-06-30" in page
    assert "first tested" not in covenant_certificate(given, promised, period_end="2025-06-30")
    cell = nc.explain(
        given, promised.assign(springing_above=[None, None]), covenant_id="cash", period_end=ends[0]
    )
    assert cell.definition.endswith("is above a threshold that is not known")


def test_a_definition_says_how_often_where_not_every_period_is_tested() -> None:
    ends = pd.date_range("2025-01-31", periods=12, freq="ME")
    given = pd.DataFrame({"period_end": ends, "cash": 100.0, "drawn": 9.0})
    term = {"covenant_id": ["c"], "metric": ["liquidity"], "threshold": [95.0], "test_frequency": ["H"]}
    promised = pd.DataFrame(term)
    asked: dict[str, Any] = {"freq": "M", "fiscal_year_end": 4, "period_end": "2025-10-31"}
    cell = nc.explain(given, promised, covenant_id="c", **asked)
    assert cell.definition == "cash; at least 95; tested half-yearly"
    sprung = promised.assign(springing_measure="drawn", springing_above=5.0)
    cell = nc.explain(given, sprung, covenant_id="c", **asked)
    assert cell.definition == "cash; at least 95; tested half-yearly, only while drawn is above 5"
    page = covenant_certificate(given, promised, **asked)
    assert "tested half-yearly" in page
    monthly = promised.assign(test_frequency="M")
    assert nc.explain(given, monthly, covenant_id="c", **asked).definition == "cash; at least 95"
    halves = given[given["period_end"].dt.month.isin([4, 10])]
    assert "tested" not in nc.explain(halves, promised, covenant_id="c", **{**asked, "freq": "H"}).definition


def test_a_definition_states_the_threshold_to_the_cent() -> None:
    """It was written with twelve digits: at least 1.23456789012e+12."""
    given = pd.DataFrame({"period_end": ["2025-03-31"], "cash": [1.0]})
    promised = pd.DataFrame(
        {"covenant_id": ["c"], "metric": ["liquidity"], "threshold": [1_234_567_890_123.45]}
    )
    cell = nc.explain(given, promised, covenant_id="c", period_end="2025-03-31")
    assert cell.definition == "cash; at least 1,234,567,890,123.45"


def test_a_minus_stands_before_the_sign_of_the_currency() -> None:
    given = pd.DataFrame({"period_end": ["2025-03-31"], "currency": ["USD"], "cash": [40.0]})
    promised = pd.DataFrame({"covenant_id": ["c"], "metric": ["liquidity"], "threshold": [100.0]})
    page = covenant_certificate(given, promised, period_end="2025-03-31")
    assert "−$60.00" in page
    assert "$−" not in page


def test_columns_that_no_metric_names_may_hold_text(files: tuple[Path, Path], tmp_path: Path) -> None:
    """They were read as numbers, and the file refused as a fleet."""
    measures, terms = files
    measures.write_text(
        MEASURES.replace("cash\n", "cash,note\n").replace("0\n", "0,checked\n").replace(".99\n", ".99,\n")
    )
    assert run(*files).returncode == 3
    measures.write_text(MEASURES.replace("120.00", "12O"))
    done = run(*files)
    assert done.returncode == 1
    assert done.stderr.startswith("neocalc: measures: 1 problem")
    assert "'cash'" in done.stderr
    # A measure that only a condition names is an amount, too.
    measures.write_text("period_end,cash,drawn\n2025-12-31,50.00,10.01\n")
    terms.write_text(
        "covenant_id,metric,threshold,springing_measure,springing_above\nc,liquidity,100,drawn,10\n"
    )
    assert run(*files, "-o", tmp_path / "tests.csv").returncode == 3
    measures.write_text(
        "entity_id,period_end,cash,drawn\nA,2025-12-31,50.00,10.01\nB,2025-12-31,500.00,10.01\n"
    )
    terms.write_text("covenant_id,metric,threshold\nc,liquidity,100\n")
    follows = tmp_path / "follows.csv"
    follows.write_text("entity_id,trigger_entity_id,above,measure\nB,A,10,drawn\n")
    done = run(*files, "--cross-default", follows)
    assert (done.returncode, done.stdout.count("breach")) == (3, 2)


def test_what_could_not_be_tested_is_told(files: tuple[Path, Path]) -> None:
    done = run(*files)
    assert done.stderr.endswith("9 tests, 1 default-level breaches; 1 could not be tested\n")


def test_a_certificate_of_a_number_and_of_a_currency(tmp_path: Path) -> None:
    """--entity 1 found no entity 1 in a Parquet file; an entity in two currencies had no certificate."""
    measures, terms, page = (tmp_path / name for name in ("m.parquet", "t.csv", "page.html"))
    pd.DataFrame({"entity_id": [1, 2, 1], "currency": ["USD", "USD", "JPY"], "period_end": pd.to_datetime(["2025-12-31"] * 3),
                  "cash": [120.0, 90.0, 80.0]}).to_parquet(measures)  # fmt: skip
    terms.write_text("covenant_id,metric,threshold,currency\nc,liquidity,100,USD\nc,liquidity,80,JPY\n")
    assert run(measures, terms, "--entity", "1", "--currency", "JPY", "-o", page).returncode == 3
    assert "¥80" in page.read_text(encoding="utf-8")
    assert run(measures, terms, "--currency", "JPY").returncode == 2


@pytest.mark.parametrize(("cash", "options", "shown"), [
    ("1234.567", ("--minor-units", "3"), "KWD\u00a01,234.567"),
    ("1234567", ("--minor-units", "3", "--amounts", "minor"), "KWD\u00a01,234.567"),
])  # fmt: skip
def test_three_decimals_and_minor_units_from_files(
    cash: str, options: tuple[str, ...], shown: str, tmp_path: Path
) -> None:
    measures, terms, page = (tmp_path / name for name in ("m.csv", "t.csv", "page.html"))
    measures.write_text(f"period_end,currency,cash\n2025-12-31,KWD,{cash}\n")
    terms.write_text(f"covenant_id,metric,threshold\nc,liquidity,{cash}\n")
    done = run(measures, terms, *options, "-o", page)
    assert done.returncode == 0, done.stderr
    assert shown in page.read_text(encoding="utf-8")
