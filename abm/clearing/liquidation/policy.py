"""Liquidation policies: which lots of a seized account are to be closed."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.clearing.liquidation.impact import restoring
from abm.clearing.liquidation.limit import LimitPrice
from abm.clearing.liquidation.priority import TOGETHER, Priority, first, urgency
from abm.clearing.liquidation.seized import Seized
from abm.clearing.liquidation.slicing import AtOnce, Slicing
from abm.clearing.liquidation.throttle import NoThrottle, Throttle
from abm.own import Own
from abm.record import Record, param


class NoLiquidation(Record):
    """Nobody is ever liquidated; accounts may go negative (the counterfactual `no_liquidation`)."""

    kind: Literal["none"] = "none"

    def slices(self, seized: Seized) -> NDArray[np.int64]:
        """Nothing is sold."""
        return np.zeros_like(seized.position)


class OnTheBook(Record):
    """What all policies share that send a seized account's positions to the order book."""

    order: Literal["random", "worst_first"] = param(
        "random",
        unit="choice",
        source="choice of regime; random has no favourite",
        help="Which seized account's orders reach the book first within a step.",
    )
    trigger: float = param(
        1.0,
        unit="equity / maintenance margin",
        source="venues seize at 1; below it the house is patient, swept",
        help="An account is seized below this margin ratio (calls count from it) and worked on until it holds its margin.",
        gt=0,
        le=1,
    )
    limit_price: LimitPrice = param(
        "share",
        unit="choice",
        source="choice of regime; Binance support pages on liquidation protocol: IOC at the bankruptcy price",
        help="Worst price of forced orders: a share of the mark, the price that leaves the account nothing, or none.",
    )
    limit: float = param(
        0.02,
        unit="share of mark",
        source="Binance support pages on liquidation protocol: one large IOC inside a price limit; 2 % is a choice, swept",
        help="Forced orders are IOC no further than this from the mark, 1 means no limit; depth within it is what is seen.",
        gt=0,
        le=1,
    )
    interval: float = param(
        5.0,
        unit="s",
        source="choice: one slice per account and interval keeps the speed of selling free of the step length",
        help="Least time between two slices of one account.",
        gt=0,
    )
    slicing: Slicing = param(
        AtOnce(), unit="rule", source="per field", help="How much of what is to be closed goes to the book in one slice."
    )
    throttle: Throttle = param(
        NoThrottle(), unit="rule", source="per field", help="Most that forced orders of the venue may take of what is traded."
    )


_FIRST = param(
    "all_at_once",
    unit="choice",
    source="choice of regime; it decides which way contagion runs",
    help="All positions together (so does pro_rata), or one after the other, this one first; the next when it is gone.",
)


class Whole(OnTheBook):
    """Whole positions: all of the account at once, or one after the other."""

    kind: Literal["whole"] = "whole"
    priority: Priority = _FIRST

    def slices(self, seized: Seized) -> NDArray[np.int64]:
        """Lots of each position to close, signed like the position, (k, n_instruments)."""
        return np.where(first(self.priority, seized), seized.position, 0)


class JustEnough(OnTheBook):
    """As many lots as restore the margin ratio, position by position in the stated priority (Binance-style)."""

    kind: Literal["just_enough"] = "just_enough"
    priority: Priority = param(
        "largest_loss",
        unit="choice",
        source="choice of regime; venues differ, and it decides which way contagion runs",
        help="Which position of an account is worked first; all_at_once and pro_rata: all in proportion.",
    )
    target: float = param(
        1.05,
        unit="equity / maintenance margin",
        source="Binance support pages: enough to be compliant again; 5 % headroom for slippage is a choice",
        help="Margin ratio that the slice aims to restore on the mark.",
        ge=1,
        le=10,
    )

    def slices(self, seized: Seized) -> NDArray[np.int64]:
        """Lots that lift equity to `target` x maintenance if filled at the mark: closing a share s of a position frees
        s x target x its margin and costs s x fee x its notional. Signed like the position, (k, n_instruments)."""
        if self.priority == "least_impact":
            return restoring(seized, self.target)
        missing = self.target * seized.leg_margin.sum(axis=1) - seized.equity
        freed = self.target * seized.leg_margin - seized.fee_rate * seized.notional
        freed = np.where(seized.position == 0, 0.0, freed)  # what a halt keeps from being sold frees nothing
        if self.priority in TOGETHER:
            share = np.broadcast_to(_ratio(missing, freed.sum(axis=1))[:, None], freed.shape)
        else:
            share = _greedy(missing, freed, np.argsort(-urgency(self.priority, seized), axis=1, kind="stable"))
        lots = np.minimum(np.ceil(share * np.abs(seized.position)).astype(np.int64), np.abs(seized.position))
        return np.sign(seized.position) * lots


class Fraction(OnTheBook):
    """A fraction of every position while the account is large, the whole after the cool-down (Hyperliquid-style)."""

    kind: Literal["fraction"] = "fraction"
    priority: Priority = _FIRST
    fraction: float = param(
        0.2,
        unit="share of the position",
        source="Hyperliquid wiki, Liquidations: 20 % of positions above 100k USDC",
        help="Share sent first.",
        gt=0,
        le=1,
    )
    whole_below: float = param(
        100_000.0,
        unit="currency",
        source="Hyperliquid wiki, Liquidations",
        help="Positions of smaller notional are sent whole at once.",
        ge=0,
    )
    cooldown: float = param(
        30.0,
        unit="s",
        source="Hyperliquid wiki, Liquidations",
        help="Time after the first slice until the whole remaining position is sent.",
        ge=0,
    )

    def slices(self, seized: Seized) -> NDArray[np.int64]:
        """Lots of each position to close, signed like the position, (k, n_instruments)."""
        size = np.abs(seized.position)
        large = seized.notional * seized.cash_unit > self.whole_below
        part = np.where(large, np.ceil(self.fraction * size).astype(np.int64), size)
        fresh, waiting = seized.since_first < 0, seized.since_first < self.cooldown
        lots = np.where(fresh[:, None], part, np.where(waiting[:, None], 0, size))
        return np.where(first(self.priority, seized), np.sign(seized.position) * lots, 0)


LiquidationPolicy = Annotated[
    NoLiquidation | Whole | JustEnough | Fraction, Field(discriminator="kind"), Own({"slices": ("seized",)})
]


def _ratio(missing: NDArray[np.float64], freed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share to close, in [0, 1]; everything where closing frees nothing."""
    return np.where(freed > 0, np.clip(missing / np.where(freed > 0, freed, 1.0), 0.0, 1.0), 1.0)


def _greedy(missing: NDArray[np.float64], freed: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of each position to close (k, n_instruments), position after position in `order` until nothing is missing."""
    share = np.zeros_like(freed)
    rows = np.arange(len(freed))
    for leg in order.T:
        wanted = np.where(missing > 0, _ratio(missing, freed[rows, leg]), 0.0)
        share[rows, leg] = wanted
        missing = missing - wanted * freed[rows, leg]
    return share
