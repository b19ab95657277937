"""One bad row need not lose the fleet: raise, skip, flag, validate."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import neocalc as nc
from small_fleets import MONEY, YEARS, fleet

# --- on_error -----------------------------------------------------------------------------------------------------


def broken() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "asset_id": ["good", "nan", "credit", "date", "fine"],
            "cost": pd.Series([1200.0, float("nan"), -5.0, 10.0, 2400.0]),
            "in_service_date": pd.Series(
                ["2025-01-01", "2025-01-01", "2025-01-01", "2025-02-30", "2025-01-01"]
            ),
            "site": ["x", "x", "y", "y", "z"],
        }
    )


def test_raise_reports_all_problems_at_once() -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(broken(), YEARS)
    found = [(i.column, i.code, i.n_bad, i.rows, i.ids) for i in caught.value.issues]
    assert found == [
        ("cost", "nonfinite", 1, (1,), ("nan",)),
        ("cost", "range", 1, (2,), ("credit",)),
        ("in_service_date", "date_parse", 1, (3,), ("date",)),
    ]
    assert caught.value.code == "nonfinite"
    assert "in 5 rows" in str(caught.value)


def test_skip_gives_what_the_good_rows_give() -> None:
    good = broken().iloc[[0, 4]].reset_index(drop=True)
    skipped = nc.depreciate(broken(), YEARS, on_error="skip", keep_id_dtype=True)
    assert [issue["code"] for issue in skipped.attrs["issues"]] == ["nonfinite", "range", "date_parse"]
    skipped.attrs = {}
    pd.testing.assert_frame_equal(skipped, nc.depreciate(good, YEARS, keep_id_dtype=True))
    totals = nc.compare_lives(broken(), by=["site"], on_error="skip")
    assert totals["site"].unique().tolist() == ["x", "z"]
    totals.attrs = {}
    pd.testing.assert_frame_equal(totals, nc.compare_lives(good, by=["site"]))
    assert nc.book_values(broken(), YEARS, as_of="2025-12-31", on_error="skip").index.tolist() == [0, 4]


@pytest.mark.parametrize("amounts", ["major", "minor", "decimal"])
def test_flag_keeps_a_row_of_each_bad_asset(amounts: str) -> None:
    data = broken()
    flagged = nc.depreciate(data, YEARS, on_error="flag", amounts=amounts, round_input=amounts == "minor")
    bad = flagged[flagged["issue"].notna()]
    assert list(zip(bad["asset_id"], bad["issue"], strict=True)) == [
        ("nan", "nonfinite"), ("credit", "range"), ("date", "date_parse"),
    ]  # fmt: skip
    assert bad[["period_end", *MONEY]].isna().all().all()
    assert list(dict.fromkeys(flagged["asset_id"])) == data["asset_id"].tolist()
    good = flagged[flagged["issue"].isna()].drop(columns="issue").reset_index(drop=True)
    skipped = nc.depreciate(data, YEARS, on_error="skip", amounts=amounts)
    assert good.astype(object).values.tolist() == skipped.astype(object).values.tolist()


def test_flag_in_every_verb() -> None:
    books = nc.book_values(broken(), YEARS, as_of="2025-12-31", on_error="flag")
    assert books["issue"].astype(object).fillna("").tolist() == ["", "nonfinite", "range", "date_parse", ""]
    assert books["book_value"].isna().tolist() == [False, True, True, True, False]
    both = nc.compare_lives(broken(), (4, 6), on_error="flag", baseline=4)
    bad = both[both["issue"].notna()]
    assert list(zip(bad["policy"], bad["issue"], strict=True)) == [
        (policy, code) for policy in ("4y", "6y") for code in ("nonfinite", "range", "date_parse")
    ]
    totals = nc.depreciate(broken(), YEARS, by=[], on_error="flag")
    assert totals["additions"].sum() == 3600.0
    assert len(totals.attrs["issues"]) == 3
    clean = nc.depreciate(broken().iloc[[0, 4]], YEARS, on_error="flag")
    assert clean["issue"].isna().all()
    assert "issues" not in clean.attrs


def test_flag_of_doubtful_ids() -> None:
    data = fleet(asset_id=["a", "a"])
    flagged = nc.depreciate(data, YEARS, on_error="flag")
    assert flagged["issue"].tolist() == ["duplicate_id", "duplicate_id"]
    none = nc.depreciate(fleet(asset_id=["a", None]), YEARS, on_error="flag")
    assert none["issue"].dropna().tolist() == ["null"]


def test_a_whole_column_cannot_be_skipped() -> None:
    with pytest.raises(nc.InputError, match="missing_column"):
        nc.depreciate(fleet().drop(columns="cost"), YEARS, on_error="skip")


def test_a_result_with_issues_can_be_written(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    skipped = nc.depreciate(broken(), YEARS, on_error="skip")
    skipped.to_parquet(tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet").attrs["issues"][0]["code"] == "nonfinite"


# --- validate -----------------------------------------------------------------------------------------------------


def test_validate_lists_what_a_verb_would_raise() -> None:
    issues = nc.validate(broken())
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(broken(), YEARS)
    assert issues["code"].tolist() == caught.value.issues["code"]
    assert issues["rows"].tolist() == [[1], [2], [3]]
    assert len(nc.validate(fleet())) == 0
    assert list(nc.validate(fleet()).columns) == list(issues.columns)
    assert nc.validate(fleet(), nc.straight_line())["code"].tolist() == ["life_missing"]
