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
    int, bool, float, str, "Method"
]  # life in months (0 = none), it wins, residual rate, convention, method
ChangeTuple: TypeAlias = tuple[
    int, int | None, Sequence[PolicyTuple], "Codes | None"
]  # its day since 1970-01-01, that of its posting, policies, which row has which (negative: keeps its own)

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
        useful_life_months: npt.NDArray[np.int64]
        | npt.NDArray[np.int32]
        | npt.NDArray[np.float64]
        | None = None,
        life_null: Mask | None = None,
        opening_accumulated: Money | None = None,
        opening_null: Mask | None = None,
        opening_date: Dates | None = None,
        opening_date_unit: str = "D",
        opening_date_null: Mask | None = None,
        skip: Mask | None = None,
        nan_is_null: bool = True,
        events: Events | None = None,
        usage: Usage | None = None,
    ) -> Fleet: ...
    @property
    def rows(self) -> int: ...

@final
class Events:  # sorted by row; those of row n stand from offsets[n] to offsets[n + 1]
    def __new__(
        cls,
        offsets: npt.NDArray[np.int64],
        date: npt.NDArray[np.int32],  # days since 1970-01-01
        kind: npt.NDArray[np.int8],  # place in EVENT_KINDS
        amount: Money,  # NaN | least int64 = none
        *,
        proceeds: Money | None = None,
        share: npt.NDArray[np.float64] | None = None,  # 1.0
        months: npt.NDArray[np.int32] | None = None,  # 0 = none
        posted: npt.NDArray[np.int32] | None = None,  # months since 1970-01, least int32 = its own
        group: npt.NDArray[np.int32] | None = None,  # -1 = none
        source: npt.NDArray[np.int32] | None = None,  # its own place
    ) -> Events: ...

@final
class Usage:
    def __new__(
        cls,
        offsets: npt.NDArray[np.int64],
        months: npt.NDArray[np.int32],  # since 1970-01, ascending for each row
        cumulative: npt.NDArray[np.int64],  # millionths of a unit
    ) -> Usage: ...

@final
class Method:
    @staticmethod
    def straight_line() -> Method: ...
    @staticmethod
    def declining_balance(factor: float, switch: bool, monthly: bool, keeps_remainder: bool) -> Method: ...
    @staticmethod
    def sum_of_years_digits() -> Method: ...
    @staticmethod
    def table(fractions: Sequence[float], months: int) -> Method: ...
    @staticmethod
    def macrs(system: str, recovery_years: float, percentages: str, convention: str) -> Method: ...
    @staticmethod
    def units_of_production(capacity: int) -> Method: ...

@final
class Run:
    def __new__(
        cls,
        policies: Sequence[PolicyTuple],
        codes: Codes | None = None,
        changes: Sequence[ChangeTuple] | None = None,
        immediate: npt.NDArray[np.int64] | None = None,  # deducted in the tax year of service
    ) -> Run: ...

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
        framework: str = "us_gaap",  # us_gaap | ifrs | tax | management
        disposal_convention: str | None = None,
        posted_through: int | None = None,
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
        self, columns: Sequence[str]
    ) -> Any: ...  # (columns, runs, groups + 1, periods), float64 major or int64 minor units
    def cells_exact(self, column: str) -> list[int]: ...  # one of them, as a row-major list of minor units

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
def to_minor(
    major: npt.NDArray[np.float64],
    minor: npt.NDArray[np.int64],  # filled
    minor_units: int,
    round_input: bool,
    *,
    threads: int = 0,
    nan_is_none: bool = False,
) -> list[tuple[int, str]]: ...  # (place, code) of those that are wrong
def to_days(
    ticks: npt.NDArray[np.int64],
    days: npt.NDArray[np.int32],  # filled with days since 1970-01-01
    per_day: int,
    *,
    threads: int = 0,
) -> bool: ...  # whether all are days
def to_counts(
    numbers: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int32],  # filled, NaN as 0
    most: int,
    *,
    threads: int = 0,
) -> bool: ...  # whether the rest are whole, from 1 to most
def to_offsets(
    rows: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],  # filled with where each row's stretch begins, and the end of the last
    *,
    threads: int = 0,
) -> bool: ...  # whether the rows are in order
def run_offsets(
    keys: npt.NDArray[np.int64],
    *,
    threads: int = 0,
) -> npt.NDArray[np.int64] | None: ...  # where runs of keys begin and the last ends, if they ascend
def macrs_shares(
    system: str, recovery_years: float, convention: str, percentages: str
) -> tuple[list[int], int]: ...  # cumulative numerators by tax year, denominator
def macrs_charges(
    periods: Sequence[tuple[str, float, str]],  # system, recovery years, percentages
    period_codes: npt.NDArray[np.int8],
    convention_codes: npt.NDArray[np.int8],  # 0 half_year, 1 to 4 mid_quarter_1 to 4
    immediate: npt.NDArray[np.int64],
    basis: npt.NDArray[np.int64],
    service_month: npt.NDArray[np.int32],  # months since 1970-01
    disposal_month: npt.NDArray[np.int32],  # the least int32 = none
    fiscal_year_end: int,
    first_month: int,
    n_periods: int,
    freq: str,
) -> npt.NDArray[np.int64]: ...  # rows x periods
def rate_shares(
    amounts: npt.NDArray[np.int64], codes: npt.NDArray[np.int16], rates: Sequence[float]
) -> npt.NDArray[np.int64]: ...
def waterfall(
    plan: dict[str, Any],
) -> dict[str, npt.NDArray[np.int64]]: ...  # month after month, within one: claims, revolvers, ...
def allocate(total: int, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]: ...
def financial(
    function: str,  # sln | pmt | yearfrac | ...
    arguments: Sequence[float | npt.NDArray[np.float64]],  # in the order of the spreadsheet
    out: npt.NDArray[np.float64],
    threads: int = 0,
) -> list[IssueTuple]: ...
def actus_events(
    rows: int,
    vocabulary: Sequence[str],
    numbers: npt.NDArray[np.float64],  # rows x ACTUS_NUMBERS; NaN = none
    times: npt.NDArray[
        np.int32
    ],  # rows x ACTUS_TIMES; twice the day, plus 1 for its end; the least int32 = none
    words: npt.NDArray[np.int32],  # rows x ACTUS_WORDS; places in the vocabulary; -1 = none
    segments: Sequence[
        tuple[Any, ...]
    ],  # redemptions, interest, resets: starts, anchors, cycles, values, flags
    observed: tuple[Any, ...],  # starts, times, places of types, values
    series: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]],
    series_of: npt.NDArray[np.int32],  # rows x (rate resets, scaling); -1 = none
    to: int | None = None,
    threads: int = 0,
) -> tuple[
    list[IssueTuple], list[int], tuple[npt.NDArray[Any], ...]
]: ...  # problems, rows with one, and contract, time, type, payoff, notional, rate, accrued of each event
def actus_accepts(term: str, word: str) -> bool: ...

ACTUS_EVENT_TYPES: tuple[str, ...]
ACTUS_NUMBERS: tuple[str, ...]
ACTUS_TIMES: tuple[str, ...]
ACTUS_WORDS: tuple[str, ...]

def cash_flows(
    function: str,  # irr | xirr | npv | xnpv | mirr
    values: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],  # where each stream begins, and where the last ends
    arguments: tuple[float | npt.NDArray[np.float64], float | npt.NDArray[np.float64]],
    out: npt.NDArray[np.float64],
    dates: tuple[npt.NDArray[np.int64], int, float] | None = None,  # ticks since 1970, ticks a day, basis
    order: npt.NDArray[np.int64] | None = None,  # flows in the order of streams
    threads: int = 0,
) -> list[IssueTuple]: ...
def cash_flow_roots(
    values: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    dates: tuple[npt.NDArray[np.int64], int, float] | None = None,
) -> tuple[list[float], list[IssueTuple]]: ...
def year_fractions(
    day_count: str,
    start: npt.NDArray[np.int32],  # days since 1970-01-01, here and below; the least integer = none
    end: npt.NDArray[np.int32],
    *,
    maturity: npt.NDArray[np.int32] | None = None,
    reference_start: npt.NDArray[np.int32] | None = None,
    reference_end: npt.NDArray[np.int32] | None = None,
    frequency: str | None = None,
    end_of_month: bool = False,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[int]]: ...  # numerators, denominators, bad rows
def adjust_dates(
    dates: npt.NDArray[np.int32],
    convention: str,
    weekend: int,  # bit 0 = Monday
    holidays: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int32], list[int]]: ...  # dates, bad rows
def payment_dates(
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    frequency: str,
    stub: str,
    end_of_month: bool,
    convention: str,
    weekend: int,
    holidays: npt.NDArray[np.int32],
    *,
    first: npt.NDArray[np.int32] | None = None,
    last_regular: npt.NDArray[np.int32] | None = None,
) -> tuple[
    npt.NDArray[np.int32], npt.NDArray[np.int64], list[tuple[int, str, str]]
]: ...  # dates row after row, how many each row has, (row, argument, code)

@final
class Loans:
    # By name: money, months, rates (values, nulls | None); dates (values, unit, nulls | None); words (codes, what they
    # mean); end_of_month (codes: 0, 1, -1 = null); tables beside, each a dict with offsets and columns sorted by loan.
    def __new__(
        cls,
        columns: dict[str, Any],
        rows: int,
        *,
        skip: Mask | None = None,
        nan_is_null: bool = True,
    ) -> Loans: ...
    @property
    def rows(self) -> int: ...

@final
class LoanSettings:
    def __new__(
        cls,
        *,
        rounded: bool = True,
        minor_units: int = 2,
        freq: str = "M",
        fiscal_year_end: int = 12,
        start: int | None = None,  # days since 1970-01-01
        end: int | None = None,
        accrual: str = "adjusted",  # adjusted | unadjusted
        nominal: bool = False,
        holidays: npt.NDArray[np.int32] | None = None,  # days since 1970-01-01
        weekend: int = 0b110_0000,  # bit 0 is Monday
        allow_high_rate: bool = False,
        allow_negative_amortization: bool = False,
        draws_apart: bool = False,
        round_input: bool = False,
        floor_time: bool = False,
        max_term_months: int = 1200,
        threads: int = 0,  # 0 = as many as there are
        chunk_rows: int = 0,  # 0 = chosen by the core
    ) -> LoanSettings: ...
    def observing(self) -> LoanSettings: ...  # books have rows at the ends of periods too
    def observing_on(self, day: int) -> LoanSettings: ...  # books have a row on that day too
    def drawn_until(self, day: int) -> LoanSettings: ...  # what is drawn after that day is left out

@final
class Curves:
    def __new__(
        cls,
        names: Sequence[str],
        codes: npt.NDArray[np.int32],  # place in names, negative for none
        dates: npt.NDArray[np.int32],  # days since 1970-01-01
        values: npt.NDArray[np.float64],
        *,
        flat: bool = False,
        allow_high_rate: bool = False,
    ) -> Curves: ...
    @property
    def issues(self) -> list[IssueTuple]: ...

@final
class LoanRowsPlan:
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
        payment_number: npt.NDArray[np.int64] | None = None,
        payment_date: npt.NDArray[np.int64] | npt.NDArray[np.int32] | None = None,  # microseconds | days
        accrual_start: npt.NDArray[np.int64] | npt.NDArray[np.int32] | None = None,
        annual_rate: npt.NDArray[np.float64] | None = None,
        draw_number: npt.NDArray[np.int64] | None = None,
        money: dict[str, Money] | None = None,
    ) -> None: ...

@final
class LoanTotals:
    @property
    def issues(self) -> list[IssueTuple]: ...
    @property
    def group_rows(self) -> npt.NDArray[np.int64]: ...  # good rows per group, null group last
    @property
    def period_ends(self) -> npt.NDArray[np.int32]: ...  # days since 1970-01-01
    def cells(
        self, columns: Sequence[str]
    ) -> Any: ...  # (columns, 1, groups + 1, periods), float64 major or int64 minor units
    def cells_exact(self, column: str) -> list[int]: ...  # one of them, as a row-major list of minor units

def validate_loans(
    loans: Loans, settings: LoanSettings, values_only: bool = False
) -> tuple[list[IssueTuple], Mask | None]: ...
def plan_loan_rows(loans: Loans, settings: LoanSettings) -> LoanRowsPlan: ...
def loan_totals(
    loans: Loans,
    settings: LoanSettings,
    group: Codes | None,
    n_groups: int,
    columns: Sequence[str],
    amounts: str = "major",  # major | minor | decimal
    memory_limit: int | None = None,  # bytes
) -> LoanTotals: ...
def payment_amounts(
    loans: Loans, settings: LoanSettings, amounts: str = "major"
) -> tuple[list[IssueTuple], Any]: ...
def loan_books(
    loans: Loans, settings: LoanSettings, measured: bool
) -> tuple[
    list[IssueTuple], npt.NDArray[np.int64], npt.NDArray[np.float64], dict[str, npt.NDArray[Any]]
]: ...  # issues, rows and rate of each loan, columns in minor units
def loan_payoffs(loans: Loans, settings: LoanSettings) -> tuple[list[IssueTuple], npt.NDArray[Any]]: ...
def debt_capacities(
    loans: Loans, settings: LoanSettings, most: npt.NDArray[np.int64]
) -> tuple[list[IssueTuple], npt.NDArray[np.int64]]: ...  # principal of each loan, at most `most`
def is_loan_word(column: str, word: str) -> bool: ...

PROFILES: tuple[str, ...]
BUSINESS_DAY_CONVENTIONS: tuple[str, ...]
INDEX_AVERAGINGS: tuple[str, ...]
RESET_FREQUENCIES: tuple[str, ...]
RATE_TERMS: tuple[str, ...]
HEDGE_KINDS: tuple[str, ...]
CONVENTIONS: tuple[str, ...]
DAY_COUNTS: tuple[str, ...]
EVENT_KINDS: tuple[str, ...]
PAYMENT_FREQUENCIES: tuple[str, ...]
STUBS: tuple[str, ...]
__version__: str

TermTuple: TypeAlias = tuple[int, bool, str, int]  # measure, taken off, kind of window, periods
MetricTuple: TypeAlias = tuple[
    Sequence[TermTuple], Sequence[TermTuple], tuple[int, bool] | None
]  # above the line, below it, what a cure changes and whether it lowers it
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
COVENANT_STATUSES: tuple[str, ...]

@final
class CovenantBook:
    def __new__(
        cls,
        metrics: Sequence[MetricTuple],
        measures: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]],  # minor units, known
        periods: Arrays,
        covenants: Arrays,
        clauses: Arrays,
        cures: Arrays,
        waivers: Arrays,
        edges: Arrays,
        cross_waivers: Arrays,
        *,
        per_year: int,
        scale: int,
        fiscal_year_end: int,
    ) -> CovenantBook: ...
    def test(self, threads: int = 0) -> Arrays: ...
    def overflows(self) -> list[tuple[int, int, int]]: ...  # covenant, clause, period
    def inputs(
        self, covenant: int, period: int
    ) -> list[
        tuple[int, int, bool, int, int | None, int, int, bool]
    ]: ...  # side, measure, taken off, period, amount, factor as a quotient, a cure
    def test_cube(
        self,
        measures: Sequence[Money],
        is_flat: Sequence[bool],
        shape: tuple[int, int, int],  # facilities, periods, scenarios
        tests: npt.NDArray[np.int32],  # of each facility the covenants by number, -1 for none
        first: npt.NDArray[np.int16],
        headroom: npt.NDArray[np.float64],
        undecided: npt.NDArray[np.bool_],
        statuses: npt.NDArray[np.int8],  # empty where they are not asked for
        *,
        minor_units: int,
        round_input: bool = False,
        threads: int = 0,
    ) -> list[list[IssueTuple]]: ...
