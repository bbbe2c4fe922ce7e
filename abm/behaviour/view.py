"""What a trader sees and draws: the same view for everybody in a step, and random numbers that belong to the trader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from abm.clearing.ledger import State
from abm.market.instrument import Instruments
from abm.streams import Streams

Rows = NDArray[np.int64]  # (k,) rows of the traders table
PerTrader = Callable[[Rows], NDArray[np.int64]]


@dataclass(frozen=True)
class Traders:
    """The table of traders: identity and beliefs, drawn once; money lives in the ledger. Rows are grouped by behaviour."""

    group: NDArray[np.int64]  # (n_traders,), row of the group
    groups: tuple[str, ...]  # names of the groups, in row order
    collateral: NDArray[np.int64]  # (n_traders,), cash units of equity at the opening
    opening: NDArray[np.int64]  # (n_traders, n_instruments), lots held at the opening, sums to zero over traders
    leverage: NDArray[np.float64]  # (n_traders,), gross notional over collateral at the opening (0 without positions)
    horizon: NDArray[np.int64]  # (n_traders,), column of `View.trend` that a trend follower watches
    opinion: NDArray[np.float64]  # (n_traders, n_instruments), perceived value over true value, about 1
    discount: NDArray[np.float64]  # (n_traders, n_instruments), how far below perceived value a value trader bids
    limit: NDArray[np.int64]  # (n_traders, n_instruments), lots: largest position of those who start flat, 0 for holders;
    # of a token the opening inventory, too: half of what its owner can ever hold
    mode: NDArray[np.int8] | None = None  # (n_traders,), margin mode where stated, -1 where drawn; None if all are drawn
    entry: NDArray[np.int64] | None = None  # (n_traders, n_instruments), cash units at which `opening` was entered, if stated

    def rows(self, name: str) -> Rows:
        """Rows of one group (contiguous)."""
        return np.flatnonzero(self.group == self.groups.index(name))


@dataclass(frozen=True)
class Legs:
    """A table of accounts, read by owner: what an owner has in an instrument stands in the account that backs it."""

    table: NDArray[np.int64]  # (n_accounts, n_instruments)
    backing: NDArray[np.int64]  # (n_owners, n_instruments), accounts

    def __call__(self, rows: Rows) -> NDArray[np.int64]:
        """(k, n_instruments) of owners `rows` (k,)."""
        return np.asarray(self.table[self.backing[rows], np.arange(self.table.shape[1])])


@dataclass(frozen=True)
class View:
    """One step as every agent sees it. Prices per instrument are in that instrument's ticks."""

    step: int
    seconds: float  # since the opening
    step_seconds: float
    instruments: Instruments
    traders: Traders
    mark: NDArray[np.int64]  # (n_instruments,)
    last: NDArray[np.int64]  # (n_instruments,), last trade
    bid: NDArray[np.int64]  # (n_instruments,), best bid, 0 where the side is empty
    ask: NDArray[np.int64]  # (n_instruments,), best ask, 0 where the side is empty
    value: NDArray[np.float64]  # (n_instruments,), outside value
    trend: NDArray[np.float64]  # (n_horizons, n_instruments), mark over its moving average - 1
    volatility_ratio: NDArray[np.float64]  # (n_instruments,), recent volatility of the mark over its normal level
    position: Legs  # rows -> (k, n_instruments), lots; of tokens what was bought or sold since the opening, 0 for collateral
    open_buy: Legs  # rows -> (k, n_instruments), lots of resting bids
    open_sell: Legs  # rows -> (k, n_instruments), lots of resting offers
    equity: PerTrader  # rows -> (k,), cash units over all accounts of the trader
    state: NDArray[np.int8]  # (n_accounts,), clearing's State

    def frozen(self, rows: Rows) -> NDArray[np.bool_]:
        """(k, n_instruments), the account behind it is in liquidation or closed."""
        if not self._some_frozen:
            return np.zeros((len(rows), len(self.mark)), dtype=np.bool_)
        return np.asarray(self.state[self.position.backing[rows]] >= State.LIQUIDATING)

    @cached_property
    def _some_frozen(self) -> bool:
        return bool(self.state.max(initial=State.HEALTHY) >= State.LIQUIDATING)

    def probability(self, per_hour: float) -> float:
        """Chance of at least one event of a Poisson process within a step (first order, capped at 1)."""
        return min(1.0, per_hour * self.step_seconds / 3600.0)

    def gain(self, half_life: float) -> float:
        """Weight of the newest observation in a moving average with this half-life (seconds)."""
        return float(1.0 - 2.0 ** (-self.step_seconds / half_life))


@dataclass(frozen=True)
class Draws:
    """A group's random numbers of one step: every draw is made for the whole group, then read at the rows asked for."""

    streams: Streams
    step: int
    group: str
    first: int  # first row of the group
    count: int
    width: int  # instruments
    _made: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def uniform(self, name: str, rows: Rows) -> NDArray[np.float64]:
        """(k,) uniform on [0, 1): one number per trader for the decision `name`."""
        return self._read(self._of(name, (self.count,), normal=False), rows)

    def normal(self, name: str, rows: Rows) -> NDArray[np.float64]:
        """(k,) standard normal: one number per trader."""
        return self._read(self._of(name, (self.count,), normal=True), rows)

    def _read(self, made: NDArray[np.float64], rows: Rows) -> NDArray[np.float64]:
        """The numbers of `rows`; without a copy where these are the whole group."""
        whole = len(rows) == self.count > 0 and rows[0] == self.first and bool((rows[1:] - rows[:-1] == 1).all())
        return made if whole else made[rows - self.first]

    def _of(self, name: str, shape: tuple[int, ...], *, normal: bool) -> NDArray[np.float64]:
        if name not in self._made:
            generator = self.streams.at(f"{self.group}.{name}", self.step)
            self._made[name] = generator.standard_normal(shape) if normal else generator.random(shape)
        return self._made[name]
