"""The compiled core. Not public: the verbs of `neocalc` are. Arrays are 1-D, C-contiguous, aligned, native-endian."""

from collections.abc import Sequence
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

Money: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.int64]  # major units | minor units
Dates: TypeAlias = (
    npt.NDArray[np.int64] | npt.NDArray[np.int32]
)  # ticks of the unit given | days since 1970-01-01
Mask: TypeAlias = npt.NDArray[np.bool_]  # True = null
Codes: TypeAlias = (
    npt.NDArray[np.int8] | npt.NDArray[np.int16] | npt.NDArray[np.int32] | npt.NDArray[np.int64]
)  # negative = null
IssueTuple: TypeAlias = tuple[str, str, int, list[int], str]  # column, code, n_bad, first rows, example
PolicyTuple: TypeAlias = tuple[
    int, bool, float, str
]  # life in months (0 = none), it wins, residual rate, convention

@final
class Fleet:
    def __new__(
        cls,
        cost: Money,
        in_service_date: Dates,
        date_unit: str,
        *,
        cost_null: Mask | None = None,
        date_null: Mask | None = None,
        residual_value: Money | None = None,
        residual_null: Mask | None = None,
        useful_life_months: npt.NDArray[np.int64] | npt.NDArray[np.float64] | None = None,
        life_null: Mask | None = None,
        opening_accumulated: Money | None = None,
        opening_null: Mask | None = None,
        opening_date: Dates | None = None,
        opening_date_unit: str = "D",
        opening_date_null: Mask | None = None,
        skip: Mask | None = None,
        nan_is_null: bool = True,
    ) -> Fleet: ...
    @property
    def rows(self) -> int: ...

@final
class Run:
    def __new__(cls, policies: Sequence[PolicyTuple], codes: Codes | None = None) -> Run: ...

@final
class Settings:
    def __new__(
        cls,
        *,
        rounding: str = "balance",  # balance | level | none
        minor_units: int = 2,
        freq: str = "M",
        fiscal_year_end: int = 12,
        start: int | None = None,  # days since 1970-01-01
        end: int | None = None,
        rows_all: bool = False,
        allow_credit: bool = False,
        round_input: bool = False,
        floor_time: bool = False,
        max_life_months: int = 1200,
        threads: int = 0,  # 0 = as many as there are
        chunk_rows: int = 0,  # 0 = chosen by the core
    ) -> Settings: ...

@final
class RowsPlan:
    @property
    def issues(self) -> list[IssueTuple]: ...
    @property
    def n_rows(self) -> int: ...
    @property
    def counts(self) -> npt.NDArray[np.int32]: ...
    def fill(
        self,
        *,
        position: npt.NDArray[np.int32] | None = None,
        ids: npt.NDArray[np.int64] | None = None,
        ids_out: npt.NDArray[np.int64] | None = None,
        period_end: npt.NDArray[np.int64] | npt.NDArray[np.int32] | None = None,  # microseconds | days
        money: dict[str, Money] | None = None,
    ) -> None: ...

@final
class Totals:
    @property
    def issues(self) -> list[IssueTuple]: ...
    @property
    def group_rows(self) -> npt.NDArray[np.int64]: ...  # good rows per group, null group last
    @property
    def period_ends(self) -> npt.NDArray[np.int32]: ...  # days since 1970-01-01
    def cells(
        self, column: str
    ) -> Any: ...  # (runs, groups + 1, periods), float64 major or int64 minor units
    def cells_exact(self, column: str) -> list[int]: ...  # the same in one row-major list of minor units

def validate(
    fleet: Fleet, runs: Sequence[Run], settings: Settings
) -> tuple[list[IssueTuple], Mask | None]: ...
def plan_rows(fleet: Fleet, run: Run, settings: Settings) -> RowsPlan: ...
def totals(
    fleet: Fleet,
    runs: Sequence[Run],
    settings: Settings,
    group: Codes | None,
    n_groups: int,
    columns: Sequence[str],
    amounts: str = "major",  # major | minor | decimal
    memory_limit: int | None = None,  # bytes
) -> Totals: ...
def book_values(
    fleet: Fleet, run: Run, settings: Settings, as_of: int, amounts: str = "major"
) -> tuple[
    list[IssueTuple], Money, Money, Money, npt.NDArray[np.int32]
]: ...  # cost, accumulated, book value, months
def financial(
    function: str,  # sln | syd | db | ddb | vdb
    arguments: Sequence[float | npt.NDArray[np.float64]],  # in the order of the spreadsheet
    out: npt.NDArray[np.float64],
    threads: int = 0,
) -> list[IssueTuple]: ...

__version__: str
