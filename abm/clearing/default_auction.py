"""The default auction: surviving clearing members bid for the portfolio of one that has failed."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.record import Record, param

Ints = NDArray[np.int64]
NO_BID = -1


class Sale(NamedTuple):
    """How an auction ended."""

    winner: int  # row of the bidder
    discount: int  # cash units below the mark at which he takes the whole portfolio


class NoAuction(Record):
    """No auction: the portfolio goes on down the waterfall."""

    kind: Literal["none"] = "none"

    def bids(self, portfolio: Ints, held: Ints, equity: Ints, *, price: Ints, rate: NDArray[np.float64]) -> Ints:
        """Nobody bids."""
        return np.full(len(equity), NO_BID, dtype=np.int64)

    def sale(self, bids: Ints) -> Sale | None:
        """Nothing is sold."""
        return None

    def juniors(self, bids: Ints) -> NDArray[np.bool_]:
        """(k,), whose contributions pay before those of others: nobody's."""
        return np.zeros(len(bids), dtype=np.bool_)


class SealedBids(Record):
    """One unit, the whole portfolio; each member asks for a discount to the mark, and the lowest wins.

    asked = `discount` x notional x (leverage after / `leverage_max`). No bid above `leverage_max`, or without the money for
    the initial margin of everything afterwards. A member whose positions the portfolio offsets asks for less.
    """

    kind: Literal["sealed"] = "sealed"
    price: Literal["second", "first"] = param(
        "second",
        unit="choice",
        source="choice of regime; CCPs use both",
        help="The winner gets the discount that the next one asked for (his own if he is alone), or his own.",
    )
    discount: float = param(
        0.02,
        unit="share of notional",
        source="choice: of the order of what liquidators ask",
        help="Discount that a member asks for who would be at `leverage_max` afterwards.",
        ge=0,
        le=0.5,
    )
    leverage_max: float = param(
        10.0,
        unit="notional / equity",
        source="choice of regime, swept",
        help="Leverage above which a member does not bid.",
        gt=0,
        le=100,
    )
    juniorise: bool = param(
        False,
        unit="choice",
        source="choice of regime; CCPs use it as an incentive to bid",
        help="Contributions of members who did not bid pay before those of members who did.",
    )

    def bids(self, portfolio: Ints, held: Ints, equity: Ints, *, price: Ints, rate: NDArray[np.float64]) -> Ints:
        """Discounts asked (k,), cash units, NO_BID where there is none.

        `portfolio` (n_instruments,) and `held` (k, n_instruments) in lots, `equity` (k,) and `price` (n_instruments,) in
        cash units, `rate` (n_instruments,) initial margin per notional.
        """
        gross = np.abs(held + portfolio) * price
        leverage = gross.sum(axis=1) / np.maximum(equity, 1)
        able = (equity > 0) & (leverage <= self.leverage_max) & (equity >= gross @ rate)
        asked = np.ceil(self.discount * float(np.abs(portfolio) @ price) * leverage / self.leverage_max)
        return np.where(able, asked, NO_BID).astype(np.int64)

    def sale(self, bids: Ints) -> Sale | None:
        """Lowest discount wins, ties to the earlier row; None without a bid."""
        rows = np.flatnonzero(bids != NO_BID)
        if not len(rows):
            return None
        order = rows[np.argsort(bids[rows], kind="stable")]
        paid = order[1] if self.price == "second" and len(order) > 1 else order[0]
        return Sale(int(order[0]), int(bids[paid]))

    def juniors(self, bids: Ints) -> NDArray[np.bool_]:
        """(k,), whose contributions pay before those of others."""
        return np.asarray((bids == NO_BID) & self.juniorise)


DefaultAuction = Annotated[NoAuction | SealedBids, Field(discriminator="kind")]
