"""Who holds which tokens at the opening: holders of perpetuals as collateral, those who trade a token as inventory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from abm.behaviour.view import Traders
from abm.market.instrument import Instruments
from abm.record import Record, param
from abm.streams import Streams

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def _shares(mix: dict[str, float]) -> dict[str, float]:
    if sum(mix.values()) > 1.0:
        parts = " + ".join(f"{share:g}" for share in mix.values())
        raise ValueError(f"mix must sum to at most 1, the rest is settlement currency; was {parts} = {sum(mix.values()):g}")
    return mix


Mix = Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], AfterValidator(_shares)]


class Collateral(Record):
    """What the opening collateral of those who hold perpetuals consists of; positions and its value do not depend on it.

    Isolated accounts hold the settlement currency alone, as multi-asset modes of venues exclude isolated margin: what
    their owners would hold in tokens is sold to the outside pool at the opening price. A negative balance of currency,
    backed by tokens, bears no interest. Not suitable for stays of days, in which that interest counts.
    """

    holders: float = param(
        1.0, unit="share of traders", source="choice of regime", help="Owners of perpetuals who hold tokens.", ge=0, le=1
    )
    mix: Mix = param(
        {}, unit="share of collateral, by token", source="choice of regime, swept", help="What such an owner holds in tokens."
    )


@dataclass(frozen=True)
class Holdings:
    """Tokens at the opening; both arrays are (n_traders, n_instruments), lots, zero outside token columns."""

    collateral: Ints  # backs perpetuals; an isolated trader has its value in currency instead
    inventory: Ints  # of those who trade: they may sell so much and buy as much again

    @property
    def issued(self) -> Ints:
        """(n_instruments,), lots that exist."""
        return np.asarray((self.collateral + self.inventory).sum(axis=0))


def holdings(rule: Collateral, names: Sequence[str], traders: Traders, split: Ints, *, instruments: Instruments,
             streams: Streams) -> Holdings:  # fmt: skip
    """Draw who holds tokens, one named stream per group.

    `names` (n_assets,); `split` (n_traders, n_instruments) cash units of every trader's opening collateral: what falls on
    a venue is held in the tokens of that venue.
    """
    collateral, inventory = np.zeros_like(traders.limit), np.zeros_like(traders.limit)
    if not instruments.spot:
        return Holdings(collateral, inventory)
    holder = _drawn(rule.holders, traders, streams) & traders.opening.any(axis=1)
    price = instruments.opening_tick * instruments.unit
    for i in instruments.spot:
        here = split[:, instruments.venue == instruments.venue[i]].sum(axis=1)
        share = rule.mix.get(names[instruments.asset[i]], 0.0)
        collateral[:, i] = np.where(holder, np.floor(share * here / price[i]), 0)
        inventory[:, i] = traders.limit[:, i]
    return Holdings(collateral, inventory)


def _drawn(share: float, traders: Traders, streams: Streams) -> NDArray[np.bool_]:
    """(n_traders,) whether each is among the `share` who hold tokens."""
    sizes = np.bincount(traders.group, minlength=len(traders.groups))
    drawn = [streams.at(f"opening.{name}.tokens").random(size) for name, size in zip(traders.groups, sizes, strict=True)]
    return np.concatenate(drawn) < share


@dataclass(frozen=True)
class Inventory:
    """What those who trade tokens held at the opening, by account: to them it is a flat position."""

    spot: tuple[int, ...]
    lots: Ints  # (n_accounts, n_spot)
    trades: NDArray[np.bool_]  # (n_accounts,), the others hold tokens as collateral and do not look at them

    @classmethod
    def of(cls, held: Holdings, backing: Ints, owner: Ints, spot: tuple[int, ...]) -> Inventory:
        """By account, from `backing` (n_owners, n_instruments) and `owner` (n_accounts,)."""
        n, columns = len(held.inventory), list(spot)
        lots = np.zeros((len(owner), len(spot)), dtype=np.int64)
        lots[backing[:n, columns], np.arange(len(spot))] = held.inventory[:, columns]
        traders = np.zeros(int(owner.max()) + 1, dtype=np.bool_)
        traders[:n] = held.inventory.any(axis=1)
        return cls(spot, lots, traders[owner])

    def seen(self, position: Ints) -> Ints:
        """`position` (n_accounts, n_instruments) as agents see it: tokens less their opening inventory, none of collateral."""
        if not self.spot:
            return position
        seen = position.copy(order="F")
        for place, i in enumerate(self.spot):
            seen[:, i] = np.where(self.trades, position[:, i] - self.lots[:, place], 0)
        return seen
