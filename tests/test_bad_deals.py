"""Deals with something wrong: every problem at once, each with its file or table, its row or its key."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import neocalc as nc
from small_deals import term

TERMS = """
[deal]
name = "SPV"
start = 2025-01-01
end = 2025-12-31
[opening]
cash = 1000
[books.six]
method = "straight_line"
years = 6
"""
GOOD: dict[str, str] = {
    "assets": "asset_id,cost,in_service_date,facility_id\nA,600,2025-01-01,loan\nB,300,2025-02-01,\n",
    "facilities": "facility_id,kind,start_date,term_months,principal,commitment,annual_rate\n"
    "loan,term,2025-01-01,24,400,,0.08\nrcf,revolver,2025-01-01,36,,100,0.07\nold,ladder,2025-01-01,24,50,,0.1\n",
    "ladders": "facility_id,bucket,principal\nold,2025,20\nold,thereafter,30\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def made(terms: str | bytes = TERMS, **tables: str | None) -> Path:
        text = terms.encode() if isinstance(terms, str) else terms
        (tmp_path / "deal.toml").write_bytes(text)
        for name, table in {**GOOD, **tables}.items():
            if table is not None:
                (tmp_path / f"{name}.csv").write_text(table, encoding="utf-8")
        return tmp_path

    return made


def refused(folder: Path, **options: Any) -> nc.InputError:
    with pytest.raises(nc.InputError) as caught:
        nc.load_deal(folder, **options)
    error = caught.value
    assert str(error).startswith("deal: ")
    assert len(str(error).splitlines()) <= 20
    assert all(issue.hint and issue.rule == nc.list_error_codes()[issue.code][0] for issue in error.issues)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of our own
    assert (again.issues, str(again)) == (error.issues, str(error))
    return error


def found(error: nc.InputError) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(issue.column, issue.code, issue.rows) for issue in error.issues]


def test_the_good_deal_is_good(folder: Callable[..., Path]) -> None:
    result = nc.load_deal(folder()).run()
    assert len(result.balance_sheet) == 12


TERMS_WRONG: list[tuple[str, str, str, str]] = [
    ("cash = 1000", "cash = -1", "opening.cash", "range"),
    ("cash = 1000", "csah = 1000", "opening.cash", "missing_key"),
    ("cash = 1000", "cash = nan", "opening.cash", "nonfinite"),
    ("cash = 1000", "cash = 1000.005", "opening.cash", "precision"),
    ("cash = 1000", 'cash = "much"', "opening.cash", "dtype"),
    ("cash = 1000", "cash = true", "opening.cash", "dtype"),
    ("cash = 1000", "cash = { value = 1000, surce = 'A' }", "opening.cash.surce", "unknown_key"),
    ("cash = 1000", "cash = 1000\nreceivables_months = 0", "opening.receivables_months", "range"),
    ("cash = 1000", "cash = 1000\nreceivables_months = 1.5", "opening.receivables_months", "dtype"),
    ("[books.six]", "[hedgefund]\nx = 1\n[books.six]", "hedgefund", "unknown_key"),
    ('name = "SPV"', 'name = "SPV"\ncurency = "USD"', "deal.curency", "unknown_key"),
    ('name = "SPV"', 'name = "SPV"\ncurrency = "dollars"', "deal.currency", "currency"),
    ('name = "SPV"', "name = 7", "deal.name", "dtype"),
    ('name = "SPV"', "", "deal.name", "missing_key"),
    ("end = 2025-12-31", "end = 2024-12-31", "deal.end", "date_order"),
    ("end = 2025-12-31", "", "deal.end", "missing_key"),
    ("end = 2025-12-31", 'end = "soon"', "deal.end", "date_parse"),
    ("years = 6", "years = 0", "books.six", "range"),
    ("years = 6", "yaers = 6", "books.six", "unknown_key"),
    ('method = "straight_line"', 'method = "linear"', "books.six.method", "choice"),
    ("[books.six]\nmethod = \"straight_line\"\nyears = 6", "[books.six.servers]\nmethod = 'straight_line'\nyears = 6",
     "deal.policy_by", "missing_key"),
    ("[books.six]", "[tax]\nloss_limit_rate = 0.8\n[books.six]", "tax.rate", "missing_key"),
    ("[books.six]", "[tax]\nrate = 21\n[books.six]", "tax.rate", "range"),
    ("[books.six]", "[tax]\nrate = 0.21\nbook = 'macrs'\n[books.six]", "tax.book", "choice"),
    ("[books.six]", "[tax]\nrate = 0.21\npayment_months = [13]\n[books.six]", "tax.payment_months", "dtype"),
    ("[books.six]", "[cash]\norder = ['taxes', 'lunch']\n[books.six]", "cash.order", "choice"),
    ("[books.six]", "[cash]\norder = ['taxes', 'taxes']\n[books.six]", "cash.order", "choice"),
    ("[books.six]", "[market]\ncollateral = 'hope'\n[books.six]", "market.collateral", "choice"),
    ("[opening]", "[opening]\nequity = 5e14", "opening.equity", "precision"),
    ("end = 2025-12-31", "end = 1970-01-01", "deal.end", "date_order"),
    ("end = 2025-12-31", "end = 2199-12-31", "deal.end", "range"),
    ("cash = 1000", "cash = 1" + "0" * 400, "opening.cash", "range"),
    ("cash = 1000", "cash = 1e400", "opening.cash", "nonfinite"),
    ('method = "straight_line"', "method = []", "books.six.method", "choice"),
    ('method = "straight_line"', "method = {}", "books.six.method", "choice"),
    ("years = 6", "years = { value = 6, surce = 'A' }", "books.six.years.surce", "unknown_key"),
    ("[books.six]\nmethod = \"straight_line\"\nyears = 6", "[books.six]", "books.six.method", "missing_key"),
    ("[books.six]", "[tax]\nrate = 0.21\nrecognise_losses = 1\n[books.six]", "tax.recognise_losses", "choice"),
    ("[books.six]", "[cash]\norder = ['interest_4']\n[books.six]", "cash.order", "choice"),
    ("[books.six]", "[cash]\norder = ['interest_01']\n[books.six]", "cash.order", "choice"),
    ("[books.six]", "[cash]\norder = ['interest_²']\n[books.six]", "cash.order", "choice"),
    ("[books.six]", "[lives]\nwhere = { colour = 'red' }\n[books.six]", "lives.where.colour", "missing_column"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "code"), TERMS_WRONG)
def test_terms_name_their_key(folder: Callable[..., Path], old: str, new: str, key: str, code: str) -> None:
    assert old in TERMS
    issues = found(refused(folder(TERMS.replace(old, new))))
    assert (f"deal.toml: {key}", code, ()) in issues
    # A key that is misspelt is both unknown and missing; nothing else is wrong.
    assert len(issues) == 1 + ("csah" in new)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        (TERMS + "years = 5\n", "line 11"),  # stands twice
        (TERMS.replace("[opening]", "[opening"), "line 6"),
        (b"\xff\xfe", "UTF-8"),
        (TERMS.replace("cash = 1000", "cash = 1" + "0" * 5_000), "digits"),
        ("x = " + "[" * 100_000, ""),
    ],
)
def test_what_is_no_toml_is_told_by_line(folder: Callable[..., Path], terms: str | bytes, says: str) -> None:
    with pytest.raises(nc.ConfigError) as caught:
        nc.load_deal(folder(terms))
    assert "deal.toml" in str(caught.value)
    assert says in str(caught.value)


TABLES_WRONG: list[tuple[str, str, str, str, tuple[int, ...]]] = [
    ("assets", "asset_id,cost,in_service_date,colour\nA,600,2025-01-01,red\n", "assets.colour", "unknown_column", ()),
    ("assets", "asset_id,cost,in_service_date\nA,600,2025-01-01\nA,6,2025-01-01\n", "assets.asset_id", "duplicate_id", (0, 1)),
    ("assets", "asset_id,cost,in_service_date\nA,600,\n", "assets.in_service_date", "null", (0,)),
    ("assets", "asset_id,cost,in_service_date\nA,six,2025-01-01\n", "assets.cost", "dtype", (0,)),
    ("assets", "asset_id,in_service_date\nA,2025-01-01\n", "assets.cost", "missing_column", ()),
    ("assets", "asset_id,cost,in_service_date,facility_id\nA,600,2025-01-01,loan\nB,6,2025-01-01,laon\n",
     "assets.facility_id", "unknown_id", (1,)),
    ("assets", "asset_id,cost,in_service_date,currency\nA,600,2025-01-01,USD\nB,6,2025-01-01,EUR\n",
     "assets.currency", "currency_mix", (1,)),
    ("asset_payments", "asset_id,date,amount\nA,2025-01-01,500\nA,2025-02-01,99\n", "assets.cost", "payments", (0,)),
    ("asset_payments", "asset_id,date,amount\nC,2025-01-01,500\n", "asset_payments.asset_id", "unknown_id", (0,)),
    ("facilities", GOOD["facilities"].replace("term,", "bond,"), "facilities.kind", "choice", (0,)),
    ("facilities", GOOD["facilities"].replace("36,,100", "36,,"), "facilities.commitment", "null", (1,)),
    ("facilities", GOOD["facilities"].replace(",0.07", ","), "facilities.annual_rate", "null", (1,)),
    ("facilities", GOOD["facilities"].replace("revolver,2025-01-01,36,", "revolver,2025-01-01,,"),
     "facilities.maturity_date", "null", (1,)),
    ("facilities", GOOD["facilities"].replace("2025-01-01,36,,", "2025-01-01,36,50,"),
     "facilities.principal", "term_conflict", (1,)),
    ("ladders", "facility_id,bucket,principal\nold,2025,20\nloan,2025,20\n", "ladders.facility_id", "term_conflict", (1,)),
    ("ladders", "facility_id,bucket,principal\nold,later,20\n", "ladders.bucket", "choice", (0,)),
    ("ladders", "facility_id,bucket,principal\n", "facilities.kind", "missing_ladder", (2,)),
    ("draws", "facility_id,date,amount\nrcf,2025-02-01,20\n", "draws.facility_id", "term_conflict", (0,)),
    ("costs", "cost_id,category\npower,power\n", "costs.monthly_amount", "null", (0,)),
    ("costs", "cost_id,amount\nfine,3\n", "costs.date", "null", (0,)),
    ("costs", "cost_id,monthly_amount,settlement\npower,3,beads\n", "costs.settlement", "choice", (0,)),
    ("costs", "cost_id,monthly_amount\npower,-3\n", "costs.monthly_amount", "range", (0,)),
    ("costs", "cost_id,monthly_amount,payment_days\npower,3,900\n", "costs.payment_days", "range", (0,)),
    ("equity", "date,kind,amount\n2025-02-30,contribution,5\n", "equity.date", "date_parse", (0,)),
    ("equity", "date,kind,amount\n2025-02-20,gift,5\n", "equity.kind", "choice", (0,)),
    ("prices", "gpu_model,date,hourly_price\nH100,2025-01-01,2\n", "contracts", "missing_table", ()),
    ("facilities", GOOD["facilities"].replace("rcf,", "SPV,"), "facilities.facility_id", "duplicate_id", (1,)),
    ("facilities", GOOD["facilities"].replace("term_months,", "term_months,rank,").replace(",24,400", ",24,0,400")
     .replace(",36,,", ",36,,,").replace(",24,50", ",24,,50"), "facilities.rank", "range", (0,)),
    ("reserves", "reserve_id,facility_id,amount\nR,loan,1\nR,old,2\n", "reserves.facility_id", "term_conflict", (1,)),
    ("fleet", "asset_id,cost\nA,1\n", "fleet.csv", "unknown_table", ()),
    ("facilities", GOOD["facilities"].replace("annual_rate\n", "annual_rate,secured_share\n").replace("0.08", "0.08,1.5")
     .replace("0.07", "0.07,").replace("0.1\n", "0.1,1\n"), "facilities.secured_share", "range", (0,)),
    ("covenants", "covenant_id,metric,threshold\nA,leverage,4\nB,secured_leverage,4\n", "covenants.metric", "metric_unknown", (1,)),
    ("metrics", "name,numerator\nown,cash\n", "covenants", "missing_table", ()),
    ("measures", "entity_id,period_end,measure,amount\nSPV,2024-12-31,ebitda,5\n,2024-12-31,ebitda,7\n",
     "measures.period_end", "duplicate_period", (1,)),
    ("measures", "period_end,measure,amount\n2024-12-31,ebitda,5\n2025-01-31,ebitda,7\n", "measures.period_end", "date_order", (1,)),
    ("measures", "entity_id,period_end,measure,amount\nloan,2024-12-31,ebitda,5\nlaon,2024-12-31,ebitda,5\n",
     "measures.entity_id", "unknown_id", (1,)),
]  # fmt: skip
METRICS_WRONG: list[tuple[str, str, str, tuple[int, ...]]] = [
    ("own,sum(cash,,", "numerator", "formula", (1,)),
    ("own,cash * 2,,", "numerator", "formula", (1,)),
    ("own,cash,total_debt / 2,", "denominator", "formula", (1,)),
    ('own,"sum(cash, 9999)",,', "numerator", "formula", (1,)),
    ("own,,ebitda,", "numerator", "null", (1,)),
    (",cash,ebitda,", "name", "null", (1,)),
    ("quick,cash,,", "name", "duplicate_id", (0, 1)),
    ("own,secured_dept,ebitda,", "numerator", "measure_unknown", (1,)),
    ("own,cash,ebidta,", "denominator", "measure_unknown", (1,)),
    ("own,cash,ebitda,most", "limit", "choice", (1,)),
    ("own,cash,ebitda,max,dollars", "unit", "choice", (1,)),
    ("own,cash,ebitda,max,money", "unit", "choice", (1,)),
    ("own,cash,,max,times", "unit", "choice", (1,)),
    ("own,cash,ebitda,max,times,+revenue", "cure", "choice", (1,)),
    ("own,cash,ebitda,max,times,ebitda x", "cure", "choice", (1,)),
]


@pytest.mark.parametrize(("row", "column", "code", "rows"), METRICS_WRONG)
def test_metrics_name_their_column_and_row(
    folder: Callable[..., Path], row: str, column: str, code: str, rows: tuple[int, ...]
) -> None:
    row += "," * (5 - row.replace('"sum(cash, 9999)"', "x").count(","))
    table = f"name,numerator,denominator,limit,unit,cure\nquick,cash,sum(ebitda),max,,+ebitda\n{row}\n"
    error = refused(folder(metrics=table, covenants="covenant_id,metric,threshold\nA,quick,4\n"))
    assert found(error) == [(f"metrics.{column}", code, rows)]
    if row.startswith("own"):
        assert error.issues[0].ids == ("own",)


def test_several_metrics_are_told_together(folder: Callable[..., Path]) -> None:
    table = "name,numerator,denominator\na,cash +,ebitda\nb,cash,ebidta\nc,+,ebitda\n"
    error = refused(folder(metrics=table, covenants="covenant_id,metric,threshold\nA,b,4\n"))
    assert set(found(error)) == {
        ("metrics.numerator", "formula", (0, 2)),
        ("metrics.denominator", "measure_unknown", (1,)),
    }


@pytest.mark.parametrize(
    ("tables", "column"),
    [
        ({"metrics": "name,denominator\nown,cash\n", "covenants": "covenant_id,metric,threshold\nA,own,4\n"}, "metrics.numerator"),
        ({"facilities": "facility_id,term_months,principal,annual_rate\nloan,24,400,0.08\n", "ladders": None,
          "draws": "facility_id,date,amount\nloan,2025-02-01,5\n"}, "facilities.start_date"),
        ({"assets": "asset_id,in_service_date\nA,2025-01-01\n", "asset_payments": "asset_id,date,amount\nA,2025-01-01,6\n"},
         "assets.cost"),
        # So it is with a file that is no table, or has words for numbers.
        ({"facilities": GOOD["facilities"].replace("400", "four")}, "facilities.principal"),
        ({"facilities": GOOD["facilities"].replace("loan,term", "loan")}, "facilities.csv"),
        ({"metrics": 'name,numerator\n"own,cash\n', "covenants": "covenant_id,metric,threshold\nA,own,4\n"}, "metrics.csv"),
        ({"assets": "\x00", "asset_payments": "asset_id,date,amount\nA,2025-01-01,6\n"}, "assets.asset_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_the_only_problem(
    folder: Callable[..., Path], tables: dict[str, str | None], column: str
) -> None:
    """It says nothing about the tables that name its rows."""
    issues = found(refused(folder(**tables)))
    assert column in {name for name, _, _ in issues}
    table = column.partition(".")[0]
    assert {name.partition(".")[0] for name, _, _ in issues} == {table}
    assert {code for _, code, _ in issues} <= {"missing_column", "dtype", "file", "unknown_column"}


HINTS: list[tuple[dict[str, str], dict[str, tuple[str, str]]]] = [
    (
        {"facilities": GOOD["facilities"].replace("annual_rate\n", "annual_rate,secured_share\n").replace("0.08", "0.08,1.5")
         .replace("0.07", "0.07,").replace("0.1\n", "0.1,1\n")},
        {"facilities.secured_share": ("1.5", "a share lies between 0 and 1; 5 % is 0.05")},
    ),
    (
        {"assets": "asset_id,cost,in_service_date,currency\nA,-600.5,2025-01-01,EUR\n"},
        {"assets.currency": ("'EUR'", "amounts of this deal are in USD"), "assets.cost": ("-600.5", "")},
    ),
    (
        {"metrics": "name,numerator,denominator,unit,cure\nm,cash,,,\nm,revenu,,,\nk,cash,,times,\nj,cash,,,+ebitda\n",
         "covenants": "covenant_id,metric,limit,threshold\nc,m,min,1\n"},
        {
            "metrics.name": ("'m'", "rename these rows, or put them together"),
            "metrics.numerator": ("'revenu'", "did you mean 'revenue'?"),
            "metrics.unit": ("'times'", "unit must be 'times' or 'share' of a quotient, 'money' without a denominator"),
            "metrics.cure": ("'+ebitda'", "cure must be '+' or '-' and a measure of the metric"),
        },
    ),
    ({"facilities": GOOD["facilities"].replace("term,", "bond,")},
     {"facilities.kind": ("'bond'", "one of 'term', 'revolver', 'ladder'")}),
    # A name that means nothing is put right where it stands.
    ({"csts": "a\n1\n"}, {"csts.csv": ("", "did you mean 'costs'?")}),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "wanted"), HINTS)
def test_hints_say_what_to_write(
    folder: Callable[..., Path], tables: dict[str, str], wanted: dict[str, tuple[str, str]]
) -> None:
    issues = {issue.column: issue for issue in refused(folder(**tables)).issues}
    assert set(issues) == set(wanted)
    for column, (example, hint) in wanted.items():
        assert issues[column].example == example
        assert issues[column].hint == (hint or nc.list_error_codes()[issues[column].code][1])


def test_a_key_that_is_misspelt_is_put_right_where_it_stands(folder: Callable[..., Path]) -> None:
    terms = TERMS.replace("cash = 1000", "cash = 1000\nequty = 5") + "[cahs]\nminimum_cash = 1\n"
    issues = {issue.column: issue.hint for issue in refused(folder(terms)).issues}
    assert issues == {
        "deal.toml: opening.equty": "did you mean 'equity'?",
        "deal.toml: cahs": "did you mean 'cash'?",
    }


def test_a_covenant_is_named_where_its_terms_are_wrong(folder: Callable[..., Path]) -> None:
    terms = "covenant_id,metric,limit,threshold\nfirst,liquidity,min,1\nsecond,icr,max,2\nthird,icr,min,200\n"
    with pytest.raises(nc.InputError) as caught:
        nc.load_deal(folder(covenants=terms)).run()
    assert [(issue.code, issue.ids, issue.example.split(" of ")[0]) for issue in caught.value.issues] == [
        ("limit_sense", ("second",), "'max'"),
        ("rate_unit", ("third",), "200"),
    ]
    assert "(covenant second)" in str(caught.value)


def test_text_files_of_windows(folder: Callable[..., Path]) -> None:
    """A byte order mark before terms and tables, and line ends of two characters."""
    plain = nc.load_deal(folder()).run()
    at = folder()
    for path in at.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert nc.load_deal(at).run().balance_sheet.equals(plain.balance_sheet)


@pytest.mark.parametrize(("table", "text", "column", "code", "rows"), TABLES_WRONG)
def test_tables_name_their_column_and_row(
    folder: Callable[..., Path], table: str, text: str, column: str, code: str, rows: tuple[int, ...]
) -> None:
    error = refused(folder(**{table: text}))
    assert (column, code, rows) in found(error)
    assert len(error.issues) == 1


def test_all_problems_come_at_once(folder: Callable[..., Path]) -> None:
    terms = TERMS.replace("cash = 1000", "cash = -1").replace("years = 6", "years = 0")
    text = "asset_id,cost,in_service_date,colour\nA,600,,red\n"
    issues = found(refused(folder(terms, assets=text, ladders=None, fleet="a\n1\n")))
    assert {(column, code) for column, code, _ in issues} == {
        ("deal.toml: opening.cash", "range"),
        ("deal.toml: books.six", "range"),
        ("assets.colour", "unknown_column"),
        ("assets.in_service_date", "null"),
        ("facilities.kind", "missing_ladder"),
        ("fleet.csv", "unknown_table"),
    }


def test_columns_of_your_own_are_named(folder: Callable[..., Path]) -> None:
    path = folder(assets="asset_id,cost,in_service_date,colour\nA,600,2025-01-01,red\n")
    assert nc.load_deal(path, extra_columns={"assets": ["colour"]}).run().name == "SPV"


def test_a_table_is_one_file_and_readable(folder: Callable[..., Path]) -> None:
    path = folder()
    pl.DataFrame({"asset_id": ["A"], "cost": [1.0]}).write_parquet(path / "assets.parquet")
    assert ("assets.csv", "duplicate_table", ()) in found(refused(path))
    (path / "assets.csv").unlink()
    (path / "assets.parquet").write_bytes(b"not a table")
    assert ("assets.parquet", "file", ()) in found(refused(path))


def test_a_folder_that_is_none() -> None:
    with pytest.raises(nc.ConfigError, match="no such folder"):
        nc.load_deal("no such deal")
    with pytest.raises(nc.ConfigError, match="a folder or the name"):
        nc.load_deal(7)
    with pytest.raises(nc.ConfigError, match=r"no deal\.toml"):
        nc.load_deal(Path(__file__).parent)
    for name in ("", ".", "..", "../deals"):
        with pytest.raises(nc.ConfigError):
            nc.load_deal(name)


def test_equity_that_does_not_tie(folder: Callable[..., Path]) -> None:
    deal = nc.load_deal(folder(TERMS.replace("cash = 1000", "cash = 1000\nequity = 999.99")))
    with pytest.raises(nc.InputError) as caught:
        deal.run()
    assert found(caught.value) == [("deal.toml: opening.equity", "opening_balance", ())]
    assert "999.99, where assets less liabilities are 1000.0" in str(caught.value)
    fine = nc.load_deal(folder(TERMS.replace("cash = 1000", "cash = 1000\nequity = 1000"))).run()
    assert not fine.equity_is_derived


def test_problems_of_the_verbs_are_named_after_the_tables(folder: Callable[..., Path]) -> None:
    floating = GOOD["facilities"].replace("annual_rate\n", "annual_rate,index,margin_rate\n")
    floating = (
        floating.replace("0.08\n", ",SOFR,0.02\n").replace("0.07\n", "0.07,,\n").replace("0.1\n", "0.1,,\n")
    )
    rates = "index,date,value\nSOFR,2025-06-01,0.04\n"
    deal = nc.load_deal(folder(facilities=floating, rates=rates))
    with pytest.raises(nc.InputError) as caught:
        deal.run()
    (issue,) = caught.value.issues
    assert (issue.column, issue.code, issue.ids) == ("facilities.index", "curve_range", ("loan",))
    contracts = "contract_id,start_date,end_date,hourly_price\nK,2025-01-01,2024-12-31,2\n"
    with pytest.raises(nc.InputError) as caught:
        nc.load_deal(folder(contracts=contracts)).run()
    assert {issue.column.partition(".")[0] for issue in caught.value.issues} == {"contracts"}


def test_arguments_that_mean_nothing() -> None:
    assets = pd.DataFrame(
        {"asset_id": ["A"], "cost": [1.0], "in_service_date": ["2025-01-01"], "site": ["x"]}
    )
    terms: dict[str, Any] = {
        "name": "SPV",
        "start": "2025-01-01",
        "end": "2025-03-31",
        "opening": {"cash": 1},
    }
    deal = nc.Deal(**terms, books={"six": nc.straight_line(years=6)}, assets=assets)
    for call in (
        lambda: deal.run(amounts="cents"),
        deal.with_lives,
        lambda: deal.with_lives(years=4, months=48),
        lambda: deal.with_lives(years=0),
        lambda: deal.with_lives(years=True),
        lambda: deal.with_lives(years=4, where={"colour": "red"}),
        lambda: deal.with_lives(years=4, where={"site": "y"}),
        lambda: deal.with_policy("seven"),
        lambda: deal.with_policy(6),
        lambda: deal.compare_lives(years=4),
        lambda: deal.compare_lives(years=()),
        lambda: deal.run().to_frame("lunch"),
        lambda: deal.run().to_frame("tax", freq="W"),
        lambda: nc.Deal(**terms, extra_columns={"fleet": ["site"]}),
        lambda: nc.Deal(**terms, extra_columns=["site"]),
    ):
        with pytest.raises(nc.ConfigError):
            call()
    with pytest.raises(TypeError, match="unexpected keyword argument 'fleet'"):
        nc.Deal(**terms, fleet=assets)
    with pytest.raises(AttributeError):
        _ = deal.run().lunch
    with pytest.raises(nc.InputError) as caught:
        nc.Deal(**terms, assets=[1, 2])
    assert found(caught.value)[0][:2] == ("assets", "frame")
    with pytest.raises(nc.InputError) as caught:
        nc.Deal(**terms, assets=assets)
    assert found(caught.value) == [("deal.toml: books", "missing_key", ())]


def test_what_is_too_large_is_named_by_its_table() -> None:
    terms: dict[str, Any] = {
        "name": "x",
        "start": "2025-01-01",
        "end": "2025-12-31",
        "opening": {"cash": 0.0},
    }
    assets = pd.DataFrame({"asset_id": range(6_000), "cost": 2e13, "in_service_date": "2025-01-01"})
    equity = pd.DataFrame({"date": "2025-01-05", "kind": "contribution", "amount": [Decimal(9 * 10**16)] * 2})
    costs = pd.DataFrame({"cost_id": ["a", "b"], "monthly_amount": [Decimal(1), Decimal(9 * 10**16)]})
    loans = term(principal=[Decimal(9 * 10**16)])
    for tables, column, rows in (
        ({"assets": assets}, "assets.cost", 5),
        ({"equity": equity}, "equity.amount", 2),
        ({"costs": costs}, "costs.monthly_amount", 1),
        ({"facilities": loans}, "facilities.principal", 1),
    ):
        with pytest.raises(nc.InputError) as caught:
            nc.Deal(**terms, books={"6y": nc.straight_line(years=6)}, **tables)
        (issue,) = caught.value.issues
        assert (issue.column, issue.code, len(issue.rows)) == (column, "overflow", rows)
    rented = {
        "contract_id": ["a"],
        "gpus": [900_000],
        "hourly_price": [4e8],
        "start_date": ["2025-01-01"],
        "end_date": ["2025-12-31"],
    }
    with pytest.raises(nc.InputError) as caught:
        nc.Deal(**terms, contracts=pd.DataFrame(rented)).run()
    assert {(issue.column.partition(".")[0], issue.code) for issue in caught.value.issues} == {
        ("contracts", "overflow")
    }
