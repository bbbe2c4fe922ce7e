"""What is kept of a run: frozen arrays and tables with their units, and the same as data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.clearing.journal import EventKind
from abm.market.causes import Cause
from abm.market.instrument import Instruments

if TYPE_CHECKING:
    import pandas as pd

RUN = "run"  # the name of the run itself among its twins


class Column(NamedTuple):
    """One recorded number: how it is kept and what it is."""

    dtype: type
    unit: str  # as kept: ticks, lots, cash units, accounts ...
    help: str


PER_INSTRUMENT = {
    "mark": Column(np.int64, "ticks", "price positions are valued at, fixed in phase 2"),
    "index": Column(np.float64, "ticks", "index price, fixed in phase 2"),
    "value": Column(np.float64, "ticks", "outside value"),
    "last": Column(np.int64, "ticks", "last trade"),
    "bid": Column(np.int64, "ticks", "best bid, 0 where the side is empty"),
    "ask": Column(np.int64, "ticks", "best offer, 0 where the side is empty"),
    "depth_bid": Column(np.int64, "lots", "bids near the mark at the end of the step"),
    "depth_ask": Column(np.int64, "lots", "offers near the mark at the end of the step"),
    "depth_bid_low": Column(np.int64, "lots", "least bids near the mark right after forced orders of the step"),
    "volume": Column(np.int64, "lots", "traded on the book in the step"),
    "forced": Column(np.int64, "lots", "fills of forced orders in the step, bought or sold, each counted once"),
    "forced_value": Column(np.int64, "cash units", "value of those fills"),
    "open_interest": Column(np.int64, "lots", "one-sided open interest"),
    "adl": Column(np.int64, "lots", "closed by auto-deleveraging in the step, one side"),
    "takeover": Column(np.int64, "lots", "taken over by keepers, vault, members or fund in the step"),
    "exhausted": Column(np.int64, "1", "1 in steps in which the book had too little for a forced order within its limit, else 0"),
    "halted": Column(np.int64, "1", "1 in steps in which a circuit breaker closed the book, else 0"),
    "stopped": Column(np.int64, "lots", "fills of stop orders in the step, each counted once"),
}

SCALARS = {
    "in_liquidation": Column(np.int64, "accounts", "seized at the end of the step"),
    "entered": Column(np.int64, "accounts", "newly seized in the step"),
    "closed": Column(np.int64, "accounts", "ended in the step"),
    "deficit": Column(np.int64, "cash units", "negative equity met at the close of accounts in the step"),
    "by_fund": Column(np.int64, "cash units", "of it borne by the insurance fund"),
    "by_keeper": Column(np.int64, "cash units", "of it borne by the keeper"),
    "by_adl": Column(np.int64, "cash units", "of it borne by auto-deleveraged accounts"),
    "by_socialised": Column(np.int64, "cash units", "of it socialised"),
    "fund": Column(np.int64, "cash units", "cash of the insurance fund"),
    "keeper_equity": Column(np.int64, "cash units", "joint equity of the keepers"),
    "vault_equity": Column(np.int64, "cash units", "equity of the backstop vaults"),
    "maker_equity": Column(np.int64, "cash units", "joint equity of the makers"),
    "dealer_equity": Column(np.int64, "cash units", "joint equity of the options dealers, options not counted"),
    "refused": Column(np.int64, "orders", "refused in the step"),
    "called": Column(np.int64, "accounts", "with a margin call at the end of the step"),
    "calls_value": Column(np.int64, "cash units", "asked by the margin calls made in the step"),
    "topped_up": Column(np.int64, "cash units", "arrived in accounts from their owners' reserves and other accounts in the step"),
    "unattended": Column(np.int64, "accounts", "below maintenance margin and left alone in the step because of a halt"),
    "maintenance": Column(np.int64, "cash units", "maintenance margin of all accounts, on the marks of phase 2"),
    "gross": Column(np.int64, "cash units", "gross notional of all accounts that a house margins, on the same marks"),
    "withdrawn_makers": Column(np.int64, "makers", "not quoting at the end of the step"),
}

LIQUIDATION = np.dtype(
    [
        ("step", np.int32),
        ("account", np.int32),
        ("trader", np.int32),
        ("group", np.int32),
        ("instrument", np.int32),
        ("lots", np.int64),  # of the forced order, signed: < 0 sells
        ("filled", np.int64),  # signed as `lots`
        ("value", np.int64),  # cash units of the fills, >= 0
        ("mark_value", np.int64),  # cash units of the fills at the mark, >= 0
        ("healthy", np.bool_),  # the leg alone, with its share of collateral, was above its maintenance margin
        ("equity", np.int64),  # cash units of the account before the slice
        ("maintenance", np.int64),  # cash units the account had to hold
    ]
)

EVENT = np.dtype(
    [
        ("step", np.int32),
        ("kind", np.int8),
        ("account", np.int32),
        ("trader", np.int32),
        ("instrument", np.int32),
        ("lots", np.int64),
        ("value", np.int64),  # cash units
        ("amount", np.int64),  # cash units of loss borne by the counterparty; of calls what is asked or came
        ("counterparty", np.int32),
    ]
)

LINEAGE = np.dtype(
    [
        ("step", np.int32),  # in which the account was seized
        ("liquidation", np.int32),  # number in the order of seizure
        ("account", np.int32),
        ("instrument", np.int32),  # leg that lost (or gained) through the cause
        ("cause", np.int8),  # Cause
        ("parent", np.int32),  # liquidation whose forced orders were the cause, -1 where no single one is named
        ("loss", np.int64),  # cash units, < 0 for a gain
    ]
)

SEIZURE = np.dtype(
    [
        ("step", np.int32),
        ("liquidation", np.int32),  # number in the order of seizure
        ("account", np.int32),
        ("trader", np.int32),
        ("instrument", np.int32),  # one row per leg held at the seizure
        ("lots", np.int64),  # signed
        ("mark", np.int64),  # ticks
        ("equity", np.int64),  # cash units of the account that counted as collateral
        ("maintenance", np.int64),  # cash units the account had to hold
        ("own", np.int64),  # cash units of the leg: its share of the opening collateral and its profit since
        ("alone", np.int64),  # cash units the leg would have to hold as the only one
    ]
)

HEALTH_EDGES = np.arange(-10, 51) / 100  # buffers from -10 % to 50 % of gross notional in bins of 1 %


@dataclass(frozen=True)
class Meta:
    """What the columns of a run mean and how the run came about."""

    scenario: str
    twin: str  # `RUN`, or the name of the twin
    seed: int
    step_seconds: float
    shock_step: int | None  # step in whose phase 1 the shock first strikes; None where nothing is shocked
    shock_steps: int  # length of its ramp; 0 where nothing is shocked
    shocked: tuple[int, ...]  # rows of the shocked assets
    instruments: Instruments
    assets: tuple[str, ...]  # names, in row order
    groups: tuple[str, ...]  # names of the groups of traders, in row order
    cash_unit: float  # currency per cash unit
    currency: str
    depth_within: float  # depth counts orders within this share of the mark
    opening_open_interest: NDArray[np.int64]  # (n_instruments,), one-sided lots
    opening_leveraged_notional: int  # cash units, gross, of leveraged accounts
    opening_maker_equity: int  # cash units
    equity: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # by group and of all, opening and end, cash units
    conservation: Mapping[str, int] = field(default_factory=dict)  # cash_error (cash units), lots_error (lots)
    owned: NDArray[np.int64] = field(  # equity of each owner in all its accounts, opening and end, cash units
        default_factory=lambda: np.zeros((0, 2), dtype=np.int64)
    )  # (n_owners, 2)
    uncollected: int = 0  # cash units of negative equity of accounts still open at the end
    aftermath: Mapping[str, int] = field(default_factory=dict)  # counts of `abm.clearing.aftermath`, over all houses
    traced: bool = True  # whether causes were carried to the marks: without, `lineage` and `seizures` are empty
    under_alone: tuple[int, int] = (0, 0)  # cash units of `abm.seizures.Seizures.under`
    timing: Mapping[str, float] = field(default_factory=dict)  # seconds of wall time; differs between equal runs

    @property
    def opening_notional(self) -> NDArray[np.int64]:
        """One-sided open interest at opening prices, (n_instruments,), cash units."""
        return self.opening_open_interest * self.instruments.opening_tick * self.instruments.unit


@dataclass(frozen=True)
class Health:
    """Gross notional of leveraged accounts by buffer = (equity - maintenance margin) / gross notional, at intervals.

    Buffers beyond the outer edges count in the outer bins.
    """

    step: NDArray[np.int64]  # (n_snapshots,)
    edges: NDArray[np.float64]  # (n_bins + 1,), share of gross notional
    notional: NDArray[np.int64]  # (n_snapshots, n_bins), cash units


@dataclass(frozen=True)
class Exposure:
    """Accounts with positions and the books, as they stood before the shock (or at the end of a calm beginning)."""

    position: NDArray[np.int64]  # (n_accounts, n_instruments), lots
    buffer: NDArray[np.int64]  # (n_accounts,), cash units of collateral above maintenance margin
    rate: NDArray[np.float64]  # (n_accounts,), maintenance margin over gross notional
    price: NDArray[np.int64]  # (n_instruments,), cash units per lot at the mark
    bids: NDArray[np.int64]  # (n_instruments,), lots within `within` of the mark
    within: float  # share of the mark
    moves: NDArray[np.float64]  # (n_instruments,), what the shocks will do to the outside value, shares
    maintenance: NDArray[np.int64]  # (n_accounts,), cash units
    alone: NDArray[np.int64]  # (n_accounts, n_instruments), maintenance margin of each leg as the only one, cash units
    step: int = 0  # at whose end


@dataclass(frozen=True)
class Records:
    """One run as arrays and tables; row s is the state at the end of step s. Holds no model and can be pickled."""

    meta: Meta
    seconds: NDArray[np.float64]  # (n_steps,), since the opening
    per_instrument: Mapping[str, NDArray[Any]]  # name of `PER_INSTRUMENT` -> (n_steps, n_instruments)
    scalars: Mapping[str, NDArray[Any]]  # name of `SCALARS` -> (n_steps,)
    liquidations: NDArray[Any]  # (n,), LIQUIDATION: one row per forced slice order
    events: NDArray[Any]  # (n,), EVENT, in order
    health: Health
    lineage: NDArray[Any] = field(default_factory=lambda: np.empty(0, LINEAGE))  # (n,), LINEAGE, by liquidation
    seizures: NDArray[Any] = field(default_factory=lambda: np.empty(0, SEIZURE))  # (n,), SEIZURE, by liquidation
    exposure: Exposure | None = None  # None where the run ended before

    def __len__(self) -> int:
        return len(self.seconds)

    def frames(self) -> dict[str, pd.DataFrame]:
        """The tables `steps`, `liquidations`, `events`, `health`, `lineage` and `seizures` in human units.

        Prices in currency, quantities in units of the asset, money in currency; an empty side of a book is null.
        """
        return {
            "steps": _steps(self),
            "liquidations": _liquidations(self),
            "events": _events(self),
            "health": _health(self),
            "lineage": _lineage(self),
            "seizures": _seizures(self),
        }

    def save(self, directory: Path) -> None:
        """Write every table of `frames` as Parquet into an existing directory."""
        for name, frame in self.frames().items():
            frame.to_parquet(directory / f"{name}.parquet", index=False)


def _steps(records: Records) -> pd.DataFrame:
    """One row per step: `step`, `seconds`, `<instrument>.<column>` and the columns of `SCALARS`."""
    import pandas as pd  # slow to import

    columns: dict[str, Any] = {"step": np.arange(len(records)), "seconds": records.seconds}
    for i, name in enumerate(records.meta.instruments.names):
        for what, column in PER_INSTRUMENT.items():
            values = records.per_instrument[what][:, i] * _scale(records.meta, column.unit)[i]
            columns[f"{name}.{what}"] = np.where(values == 0, np.nan, values) if what in ("bid", "ask") else values
    for what, column in SCALARS.items():
        columns[what] = records.scalars[what] * (records.meta.cash_unit if column.unit == "cash units" else 1)
    return pd.DataFrame(columns)


def _liquidations(records: Records) -> pd.DataFrame:
    """One row per forced slice order; `lots` and `filled` become `quantity` and `filled` in units of the asset."""
    import pandas as pd

    table, meta = records.liquidations, records.meta
    lot = meta.instruments.lot_size[table["instrument"]]
    columns = {
        "step": table["step"],
        "seconds": records.seconds[table["step"]],
        "account": table["account"],
        "trader": table["trader"],
        "group": _named(meta.groups, table["group"]),
        "instrument": _named(meta.instruments.names, table["instrument"]),
        "quantity": table["lots"] * lot,
        "filled": table["filled"] * lot,
        "healthy": table["healthy"],
    }
    money = {name: table[name] * meta.cash_unit for name in ("value", "mark_value", "equity", "maintenance")}
    return pd.DataFrame(columns | money)


def _events(records: Records) -> pd.DataFrame:
    """One row per event, in order; `kind` by name in lower case, -1 for no account or trader."""
    import pandas as pd

    table, meta = records.events, records.meta
    lot = np.append(meta.instruments.lot_size, 0.0)[table["instrument"]]
    columns = {
        "step": table["step"],
        "seconds": records.seconds[table["step"]],
        "kind": _named([kind.name.lower() for kind in EventKind], table["kind"]),
        "account": table["account"],
        "trader": table["trader"],
        "counterparty": table["counterparty"],
        "instrument": _named(meta.instruments.names, table["instrument"]),
        "quantity": table["lots"] * lot,
        "value": table["value"] * meta.cash_unit,
        "amount": table["amount"] * meta.cash_unit,
    }
    return pd.DataFrame(columns)


def _health(records: Records) -> pd.DataFrame:
    """One row per snapshot and bin: `step`, `seconds`, `low`, `high` (share of gross notional), `notional`."""
    import pandas as pd

    health = records.health
    snapshots, bins = health.notional.shape
    columns = {
        "step": np.repeat(health.step, bins),
        "seconds": np.repeat(records.seconds[health.step], bins),
        "low": np.tile(health.edges[:-1], snapshots),
        "high": np.tile(health.edges[1:], snapshots),
        "notional": health.notional.ravel() * records.meta.cash_unit,
    }
    return pd.DataFrame(columns)


def _lineage(records: Records) -> pd.DataFrame:
    """One row per seized account, leg and cause (or parent): what was lost through it since the leg last changed."""
    import pandas as pd

    table, meta = records.lineage, records.meta
    columns = {
        "step": table["step"],
        "seconds": records.seconds[table["step"]],
        "liquidation": table["liquidation"],
        "account": table["account"],
        "instrument": _named(meta.instruments.names, table["instrument"]),
        "cause": _named([cause.name.lower() for cause in Cause], table["cause"]),
        "parent": table["parent"],
        "loss": table["loss"] * meta.cash_unit,
    }
    return pd.DataFrame(columns)


def _seizures(records: Records) -> pd.DataFrame:
    """One row per seized account and leg, as they were at the seizure; `healthy`: the leg by itself held its margin."""
    import pandas as pd

    table, meta = records.seizures, records.meta
    instrument = table["instrument"]
    columns = {
        "step": table["step"],
        "seconds": records.seconds[table["step"]],
        "liquidation": table["liquidation"],
        "account": table["account"],
        "trader": table["trader"],
        "instrument": _named(meta.instruments.names, instrument),
        "quantity": table["lots"] * meta.instruments.lot_size[instrument],
        "mark": table["mark"] * meta.instruments.tick_size[instrument],
        "healthy": table["own"] >= table["alone"],
    }
    money = {name: table[name] * meta.cash_unit for name in ("equity", "maintenance", "own", "alone")}
    return pd.DataFrame(columns | money)


def _scale(meta: Meta, unit: str) -> NDArray[np.float64]:
    """Human units per kept unit, (n_instruments,)."""
    scales = {"ticks": meta.instruments.tick_size, "lots": meta.instruments.lot_size, "1": np.ones(len(meta.instruments))}
    return scales.get(unit, np.full(len(meta.instruments), meta.cash_unit))


def _named(names: Sequence[str], rows: NDArray[Any]) -> NDArray[np.object_]:
    """Names of rows, None for row -1."""
    named: NDArray[np.object_] = np.array([*names, None], dtype=object)[rows]
    return named
