"""Liquidation policies: which lots of a seized account go to the book now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.own import Own
from abm.record import Record, param

Priority = Literal["largest_loss", "largest_margin", "most_liquid", "pro_rata"]


@dataclass(frozen=True)
class Seized:
    """The accounts a house works on now, as columns; k accounts, prices are the step's marks."""

    position: NDArray[np.int64]  # (k, n_instruments), lots
    price: NDArray[np.int64]  # (n_instruments,), cash units per lot at the mark
    leg_margin: NDArray[np.int64]  # (k, n_instruments), maintenance margin of each position, cash units
    leg_profit: NDArray[np.int64]  # (k, n_instruments), unrealised profit of each position, cash units
    equity: NDArray[np.int64]  # (k,), cash units
    since_first: NDArray[np.float64]  # (k,), seconds since the first slice, -1 before it
    depth: NDArray[np.int64]  # (n_instruments, 2), lots on the bid and ask side near the mark
    fee_rate: float  # liquidation fee, share of notional
    cash_unit: float  # currency per cash unit

    @property
    def notional(self) -> NDArray[np.int64]:
        """(k, n_instruments), cash units."""
        return np.abs(self.position) * self.price


class NoLiquidation(Record):
    """Nobody is ever liquidated; accounts may go negative (the counterfactual `no_liquidation`)."""

    kind: Literal["none"] = "none"

    def slices(self, seized: Seized) -> NDArray[np.int64]:
        """Nothing is sold."""
        return np.zeros_like(seized.position)


class _OnTheBook(Record):
    """What all policies share that send a seized account's positions to the order book."""

    order: Literal["random", "worst_first"] = param(
        "random",
        unit="choice",
        source="choice of regime; random has no favourite",
        help="Which seized account's orders reach the book first within a step.",
    )
    limit: float = param(
        0.02,
        unit="share of mark",
        source="Binance support pages on liquidation protocol: one large IOC inside a price limit; 2 % is a choice, swept",
        help="Forced orders are IOC no further than this from the mark; 1 means no limit.",
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


class Whole(_OnTheBook):
    """All positions of the account at once."""

    kind: Literal["whole"] = "whole"

    def slices(self, seized: Seized) -> NDArray[np.int64]:
        """Lots of each position to close, signed like the position, (k, n_instruments)."""
        return seized.position


class JustEnough(_OnTheBook):
    """As many lots as restore the margin ratio, position by position in the stated priority (Binance-style)."""

    kind: Literal["just_enough"] = "just_enough"
    priority: Priority = param(
        "largest_loss",
        unit="choice",
        source="choice of regime; venues differ, and it decides which way contagion runs",
        help="Which position of an account is worked first.",
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
        missing = self.target * seized.leg_margin.sum(axis=1) - seized.equity
        freed = self.target * seized.leg_margin - seized.fee_rate * seized.notional
        if self.priority == "pro_rata":
            share = np.broadcast_to(_ratio(missing, freed.sum(axis=1))[:, None], freed.shape)
        else:
            share = _greedy(missing, freed, np.argsort(-_urgency(self.priority, seized), axis=1, kind="stable"))
        lots = np.minimum(np.ceil(share * np.abs(seized.position)).astype(np.int64), np.abs(seized.position))
        return np.sign(seized.position) * lots


class Fraction(_OnTheBook):
    """A fraction of every position while the account is large, the whole after the cool-down (Hyperliquid-style)."""

    kind: Literal["fraction"] = "fraction"
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
        first, waiting = seized.since_first < 0, seized.since_first < self.cooldown
        lots = np.where(first[:, None], part, np.where(waiting[:, None], 0, size))
        return np.sign(seized.position) * lots


LiquidationPolicy = Annotated[
    NoLiquidation | Whole | JustEnough | Fraction, Field(discriminator="kind"), Own({"slices": ("seized",)})
]


def _urgency(priority: Priority, seized: Seized) -> NDArray[np.float64]:
    """Score of each position (k, n_instruments), highest is worked first."""
    if priority == "largest_loss":
        return -seized.leg_profit.astype(np.float64)
    if priority == "largest_margin":
        return seized.leg_margin.astype(np.float64)
    side = np.where(seized.position > 0, seized.depth[:, 0], seized.depth[:, 1])
    return side / np.maximum(np.abs(seized.position), 1)  # most liquid: depth per lot to close


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
