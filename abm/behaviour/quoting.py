"""Market makers: a ladder of quotes around a reservation price, as deep as the maker's free capital allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from abm.behaviour.decision import middle, notional, rest, withdraw
from abm.behaviour.view import Rows, View
from abm.market.order import OrderBatch, Reason, joined, orders
from abm.record import Record, param

Floats = NDArray[np.float64]
NEAR = 0.01  # depth is declared within 1 % of the mid
EDGE = 0.9 * NEAR  # the level that completes it, inside the mark by a few ticks of rounding
SIGNS = np.array([1, -1])  # bids, offers


def reservation(
    mid: Floats, inventory: NDArray[Any], gamma: Floats | float, sigma: Floats | float, horizon: Floats | float
) -> Floats:
    """Reservation price mid - inventory gamma sigma^2 horizon (Avellaneda & Stoikov 2008, equation for r(s, q, t))."""
    return np.asarray(mid - inventory * (gamma * sigma * sigma * horizon))


def optimal_spread(gamma: float, sigma: float, horizon: Floats, k: float) -> Floats:
    """Bid-ask spread gamma sigma^2 horizon + (2 / gamma) ln(1 + gamma / k), fills arriving as A exp(-k distance)."""
    return np.asarray(gamma * sigma * sigma * horizon + 2.0 / gamma * np.log1p(gamma / k))


@dataclass(frozen=True)
class MakerState:
    """What k makers remember; arrays are (k, n_instruments) unless stated."""

    depth: NDArray[np.int64]  # lots on one side within 1 % of the reference at full capital; never changes
    reference: Floats  # ticks
    value: Floats  # ticks, the outside value when last seen
    capacity: Floats  # (k, n_instruments, 2) in [0, 1]: share of bids, offers that fills have left or refill has restored
    until: Floats  # seconds since the opening: withdrawn before this
    peak: Floats  # cash units: highest equity since the last drawdown

    @classmethod
    def at_opening(cls, depth: NDArray[np.int64], tick: NDArray[np.int64]) -> MakerState:
        """Full ladders around the opening prices `tick` (n_instruments,)."""
        zero = np.zeros(depth.shape)
        full = np.ones((*depth.shape, 2))
        return cls(depth=depth, reference=zero + tick, value=zero + tick, capacity=full, until=zero, peak=zero)


@dataclass(frozen=True)
class Purse:
    """The pool of money behind each maker and instrument, and its fills since the last quote; all (k, n_instruments).

    With common capital every instrument of a maker shows the same pool; without, each shows its own account.
    """

    equity: NDArray[np.int64]  # cash units
    opening: NDArray[np.int64]  # cash units, equity at the opening
    bought: NDArray[np.int64]  # lots
    sold: NDArray[np.int64]  # lots
    shared: NDArray[np.bool_]  # (k, n_instruments, n_instruments): legs that one pool of money backs


class Quoting(Record):
    """Makers with finite capital: widen, thin out, lean against their inventory, and withdraw.

    Reservation price and spread in the manner of Avellaneda & Stoikov 2008 with gamma scaled to capital: a full inventory
    limit moves the quotes by `skew_half_spreads` half-spreads. Fills eat the ladder from the inside; what was eaten comes
    back with `refill_half_life`, so liquidity per second does not depend on the step. `common_capital` is the channel.
    """

    kind: Literal["quoting"] = "quoting"
    count: int = param(6, unit="makers", source="choice: a few firms quote most of a book", help="Number of makers.", ge=0)
    capital_share: float = param(
        0.03, unit="share of open interest", source="choice of regime, swept", help="Joint capital.", ge=0
    )
    common_capital: bool = param(True, unit="1", source="choice", help="One pool of capital for all instruments of a maker.")
    levels: int = param(12, unit="levels", source="choice", help="Price levels per side, half of them within 1 %.", ge=2, le=200)
    half_spread: float = param(
        0.0003,
        unit="share of price",
        source="choice, swept; touches of majors are finer, 0.02 to 0.1 bp",
        help="At normal volatility.",
        gt=0,
        lt=EDGE,
    )
    reach: float = param(0.05, unit="share of price", source="choice", help="Distance of the last level.", gt=NEAR, lt=1)
    depth_exponent: float = param(
        1.3, unit="1", source="L2 data: 1.0 to 1.7", help="Cumulative depth grows as distance to this power.", gt=0, le=4
    )
    volatility_exponent: float = param(
        0.5, unit="1", source="choice, swept", help="Depth falls as volatility ratio to this power.", ge=0
    )
    volatility_cap: float = param(
        6.0, unit="1", source="choice, swept", help="The ratio is read as at most this (and at least 1).", ge=1
    )
    initial_rate: float = param(
        0.05,
        unit="share of notional",
        source="choice: leverage 20, about a first bracket",
        help="Capital bound by inventory.",
        ge=0,
        le=1,
    )
    inventory_leverage: float = param(
        10.0,
        unit="1",
        source="choice, swept: half of what initial margin of 5 % allows",
        help="Sum of inventory limits over opening capital.",
        gt=0,
    )
    skew_half_spreads: float = param(
        5.0, unit="half-spreads", source="choice, swept", help="Shift of the quotes at a full inventory limit.", ge=0
    )
    refill_half_life: float = param(30.0, unit="s", source="resilience: seconds to minutes", help="Eaten depth returns.", gt=0)
    mid_half_life: float = param(
        120.0, unit="s", gt=0, help="The reference follows the book's mid.",
        source="choice, swept: at 30 s calm one-minute volatility fell below that of Binance perpetuals in May 2025",
    )  # fmt: skip
    value_half_life: float = param(300.0, unit="s", source="choice, swept", help="The reference follows the outside value.", gt=0)
    fill_response: float = param(
        0.005,
        unit="share of price",
        source="impact relaxes to 2/3 of its peak (Farmer et al. 2013); choice",
        help="The reference moves at once by this per net fill of the depth within 1 %.",
        ge=0,
        lt=1,
    )
    bleed_seconds: float = param(
        1800.0, unit="s", source="choice, swept", help="Inventory is offered at the reservation price over this.", gt=0
    )
    volatility_memory: float = param(60.0, unit="s", source="choice", help="Half-life of the volatility average.", gt=0)
    withdraw_volatility: float = param(
        8.0, unit="1", source="choice", help="Withdraws from an instrument above this ratio.", gt=1
    )
    drawdown_max: float = param(0.3, unit="share of peak", source="choice", help="Withdraws after losing this.", gt=0, le=1)
    margin_min: float = param(
        1.5, unit="1", source="choice", help="Withdraws when equity over bound capital is below this.", ge=0
    )
    return_seconds: float = param(300.0, unit="s", source="choice", help="Returns this long after the last cause.", ge=0)

    @model_validator(mode="after")
    def _even(self) -> Self:
        if self.levels % 2:
            raise ValueError(f"levels must be even (half within 1 %, half beyond), was {self.levels}")
        return self

    def quote(self, view: View, rows: Rows, state: MakerState, purse: Purse) -> tuple[OrderBatch, MakerState]:
        """Ladders in place of the old ones, and what the makers remember; `state` and `purse` have the rows of `rows`."""
        position = view.position(rows)
        bound = self.initial_rate * notional(view, position)
        bound = np.where(purse.shared, bound[:, None, :], 0.0).sum(axis=2)
        state = self._refilled(view, self._referred(view, state, purse), purse)
        state = self._withdrawn(view, rows, state, purse, bound)
        ratio = np.clip(view.volatility_ratio, 1.0, self.volatility_cap)
        limit = np.maximum(view.traders.limit[rows], 1)
        gamma = self.skew_half_spreads * self.half_spread * ratio * state.reference / limit  # with sigma = horizon = 1
        centre = reservation(state.reference, position, gamma, 1.0, 1.0)
        centre = np.clip(centre, state.reference * (1.0 - self.reach), state.reference * (1.0 + self.reach))
        free = np.clip((purse.equity - bound) / np.maximum(purse.opening, 1), 0.0, 1.0)
        room = view.traders.limit[rows] - np.where(view.instruments.is_spot, self._part(view, position), 0)  # sold once only
        lots = self._ladder(state, position, room, free, ratio)
        distance = np.maximum(self.distances()[:, None], self.half_spread * ratio)  # (levels, n_instruments)
        lots = np.where((view.seconds >= state.until)[:, :, None, None], lots, 0)
        ladder = _ladder_orders(view, rows, lots, centre, distance)
        return joined((withdraw(view, rows), self._bleed(view, rows, position, centre), ladder)), state

    def distances(self) -> Floats:
        """(levels,) shares of the price: geometric from the half-spread to almost 1 %, then to the reach."""
        return _distances(self.levels // 2, self.half_spread, self.reach)

    def profile(self) -> Floats:
        """(levels,) cumulative depth at each distance over the depth within 1 %."""
        return np.asarray((self.distances() / EDGE) ** self.depth_exponent)

    def _referred(self, view: View, state: MakerState, purse: Purse) -> MakerState:
        """The reference after own fills (at once), the mid and the outside value (with their half-lives)."""
        push = self.fill_response * (purse.bought - purse.sold) / np.maximum(state.depth, 1)
        reference = state.reference * (1.0 - np.clip(push, -self.reach, self.reach)) * (view.value / state.value)
        reference = reference + view.gain(self.mid_half_life) * (middle(view) - reference)
        reference = reference + view.gain(self.value_half_life) * (view.value - reference)
        return replace(state, reference=np.maximum(reference, 1.0), value=np.broadcast_to(view.value, reference.shape))

    def _refilled(self, view: View, state: MakerState, purse: Purse) -> MakerState:
        """Capacity recovers toward 1, then falls by the share of the whole ladder that was filled."""
        whole_ladder = np.maximum(state.depth, 1)[..., None] * self.profile()[-1]
        recovered = state.capacity + view.gain(self.refill_half_life) * (1.0 - state.capacity)
        capacity = recovered - np.stack((purse.bought, purse.sold), axis=-1) / whole_ladder
        return replace(state, capacity=np.clip(capacity, 0.0, 1.0))

    def _withdrawn(self, view: View, rows: Rows, state: MakerState, purse: Purse, bound: Floats) -> MakerState:
        """Volatility, drawdown or thin margin send a maker away; the peak starts anew after a drawdown."""
        peak = np.maximum(state.peak, purse.equity)
        fallen = purse.equity < (1.0 - self.drawdown_max) * peak
        rested = view.seconds >= state.until + self.return_seconds
        wild = (view.volatility_ratio > self.withdraw_volatility) & rested
        leave = fallen | wild | (purse.equity < self.margin_min * bound)
        away = self.return_seconds * self._patience(view, rows)
        until = np.where(leave & (view.seconds >= state.until), view.seconds + away, state.until)
        return replace(state, until=until, peak=np.where(fallen, purse.equity, peak))

    @staticmethod
    def _patience(view: View, rows: Rows) -> Floats:
        """(k, 1) about 1, by place in the group: makers do not all come back at once."""
        group = view.traders.group
        first, end = (np.searchsorted(group, group[rows], side=side) for side in ("left", "right"))
        return np.asarray((0.5 + (rows - first + 0.5) / (end - first))[:, None])

    def _ladder(
        self, state: MakerState, position: NDArray[np.int64], limit: NDArray[np.int64], free: Floats, ratio: Floats
    ) -> NDArray[np.int64]:
        """(k, n_instruments, 2, levels) lots per level of bids and offers.

        Cumulative: depth x profile x size, less what fills have eaten, within the inventory limit. The side that works
        inventory off may be as large as the inventory even without free capital.
        """
        full = (state.depth * ratio**-self.volatility_exponent)[..., None]  # (k, n_instruments, 1), lots within 1 %
        held = SIGNS * position[..., None]  # (k, n_instruments, 2): inventory that a fill of the side adds to
        inverse = np.maximum(-held, 0)
        size = np.maximum(free[..., None], np.minimum(inverse / np.maximum(limit, 1)[..., None], 1.0))
        most = np.minimum(limit[..., None] - held, np.maximum(free[..., None] * full * self.profile()[-1], inverse))
        eaten = (1.0 - state.capacity) * (state.depth[..., None] * self.profile()[-1])
        cumulative = (full * size)[..., None] * self.profile() - eaten[..., None]
        cumulative = np.rint(np.clip(cumulative, 0.0, np.maximum(most, 0.0)[..., None])).astype(np.int64)
        return np.asarray(np.diff(cumulative, axis=-1, prepend=0))

    def _part(self, view: View, position: NDArray[np.int64]) -> NDArray[np.int64]:
        """(k, n_instruments) lots of inventory that are offered at the reservation price in a step."""
        return np.ceil(np.abs(position) * min(1.0, view.step_seconds / self.bleed_seconds)).astype(np.int64)

    def _bleed(self, view: View, rows: Rows, position: NDArray[np.int64], centre: Floats) -> OrderBatch:
        """A small part of the inventory at the reservation price: all of it over `bleed_seconds`, withdrawn or not."""
        part = self._part(view, position)
        price = np.where(position > 0, np.ceil(centre), np.floor(centre))
        return rest(view, rows, -np.sign(position) * part, price, reason=Reason.QUOTE)


@lru_cache
def _distances(half: int, nearest: float, reach: float) -> Floats:
    """(2 half,) shares of the price, read-only: `half` from `nearest` to `EDGE`, `half` beyond it to `reach`."""
    inner = np.geomspace(nearest, EDGE, half) if half > 1 else np.array([EDGE])
    distances = np.concatenate((inner, np.geomspace(EDGE, reach, half + 1)[1:]))
    distances.flags.writeable = False
    return distances


def _ladder_orders(view: View, rows: Rows, lots: NDArray[np.int64], centre: Floats, distance: Floats) -> OrderBatch:
    """Limit orders of `lots` (k, n_instruments, 2, levels), `distance` (levels, n_instruments) from `centre`, level by level."""
    away = distance[:, None, :]  # (levels, 1, n_instruments)
    tick = np.stack((np.floor(centre * (1.0 - away)), np.ceil(centre * (1.0 + away))), axis=1)  # (levels, 2, k, n_instruments)
    possible = (tick >= 1) & (tick < view.instruments.ladder_ticks) & ~view.frozen(rows)
    shown = np.where(possible, lots.transpose(3, 2, 0, 1), 0)
    level, side, j, i = np.nonzero(shown)
    return orders(
        trader=rows[j],
        instrument=i,
        side=SIGNS[side],
        lots=shown[level, side, j, i],
        tick=tick[level, side, j, i].astype(np.int64),
        reason=Reason.QUOTE,
    )
