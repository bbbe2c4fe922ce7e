"""Concentration: what a house asks on top of its margin rule of those who are large against the market they must leave by."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.clearing.ledger import Ledger
from abm.kernels.concentration import Pools, add_ons
from abm.kernels.margin import long_lots
from abm.market.instrument import Instruments
from abm.record import Record, param

Ints = NDArray[np.int64]


class NoConcentration(Record):
    """Size is charged by the margin rule alone."""

    kind: Literal["none"] = "none"

    def watch(self, ledger: Ledger, house: int) -> None:
        """Nothing to watch."""

    def opening(self, lots: Ints, interest: Ints, instruments: Instruments) -> Ints:
        """Nothing is asked, (k, n_instruments)."""
        return np.zeros_like(lots)


class AddOn(Record):
    """Maintenance margin on the part of an owner's position beyond a share of open interest, at a rate that grows with it.

    charge = rate x excess x (1 + slope x excess / open interest), shared over the owner's accounts by size, at most the
    value of the position. Open interest is that of the house's own instrument at the beginning of the step: the market it
    would sell in. Orders are not admitted by it: not suitable as a position limit.
    """

    kind: Literal["addon"] = "addon"
    threshold: float = param(
        0.1, unit="share of one-sided open interest", source="choice, swept", help="Positions up to this are free.", ge=0, le=1
    )
    rate: float = param(
        0.5, unit="share of notional", source="choice, swept", help="Asked on what lies beyond the threshold.", ge=0, le=1
    )
    slope: float = param(
        2.0, unit="per open interest", source="choice, swept", help="Growth of the rate with the excess.", ge=0, le=100
    )
    scope: Literal["venue", "all_venues"] = param(
        "venue",
        unit="choice",
        source="Archegos, March 2021: several prime brokers, none of whom saw the positions held at the others",
        help="The house sees its own accounts of an owner, or knows what the owner holds everywhere.",
    )

    def watch(self, ledger: Ledger, house: int) -> Watch:
        """The rule at work on the accounts of `house`."""
        return Watch(self, ledger, house)

    def opening(self, lots: Ints, interest: Ints, instruments: Instruments) -> Ints:
        """What is asked of owners who hold `lots` (k, n_instruments), cash units of the same shape, at the opening."""
        rows = np.arange(len(lots))
        pools = Pools(rows, np.arange(len(lots) + 1), rows)
        asset = instruments.asset
        if self.scope == "venue":
            asset = asset + (asset.max() + 1) * instruments.venue
        return self.asked(rows, pools, lots, (asset, instruments.opening_tick * instruments.unit, interest))

    def asked(self, rows: Ints, pools: Pools, position: Ints, market: tuple[Ints, Ints, Ints]) -> Ints:
        """Cash units per leg of `rows` (m,), (m, n_instruments); `market` is asset, price and open interest."""
        asset, price, interest = market
        return add_ons(rows, pools, position, asset, price, interest, self.threshold, self.rate, self.slope)


class Watch:
    """A house's eye on its large owners."""

    def __init__(self, rule: AddOn, ledger: Ledger, house: int) -> None:
        self.rule, self.ledger = rule, ledger
        self.pools = _pools(ledger.owner, ledger.house if rule.scope == "venue" else np.zeros_like(ledger.house))
        self.look()

    def look(self) -> None:
        """Open interest as it is now."""
        self.interest = long_lots(self.ledger.position)

    def legs(self, rows: Ints, price: Ints) -> Ints:
        """Cash units asked on top of every leg of the accounts `rows` (k,), (k, n_instruments)."""
        asset = self.ledger.instruments.asset
        return self.rule.asked(rows, self.pools, self.ledger.position, (asset, price, self.interest))


def _pools(owner: Ints, house: Ints) -> Pools:
    """Accounts of one owner and one `house` together; accounts without an owner alone."""
    alone = np.where(owner < 0, np.arange(len(owner)), -1)
    _, pool = np.unique(np.stack([owner, house, alone]), axis=1, return_inverse=True)
    pool = pool.ravel().astype(np.int64)
    first = np.concatenate([[0], np.cumsum(np.bincount(pool))]).astype(np.int64)
    return Pools(pool, first, np.argsort(pool, kind="stable").astype(np.int64))


Concentration = Annotated[NoConcentration | AddOn, Field(discriminator="kind")]
