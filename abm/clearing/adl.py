"""Auto-deleveraging: who of the other side is closed against a bankrupt account, and in which order."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.clearing.allocate import allocate, allocate_capped
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger
from abm.record import Record, param

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class NoAdl(Record):
    """No auto-deleveraging: positions stay with the house, the loss is socialised."""

    kind: Literal["none"] = "none"


class _Deleveraging(Record):
    """What all rules share that close holders of the other side."""

    price: Literal["bankruptcy", "mark"] = param(
        "bankruptcy",
        unit="choice",
        source="choice of regime; Hyperliquid docs, auto-deleveraging: at the previous mark",
        help="Holders are closed at the mark less their part of the deficit, or at the mark: then later layers bear it.",
    )


class IndustryRanking(_Deleveraging):
    """Winners ranked by profit share times effective leverage, losers last (BitMEX/Bybit/Binance form)."""

    kind: Literal["industry"] = "industry"

    def score(self, profit: Ints, cost: Ints, notional: Ints, equity: Ints) -> Floats:
        """Rank score (n,), highest is deleveraged first; all arguments (n,) cash units of one instrument's holders."""
        share = profit / np.maximum(np.abs(cost), 1)
        leverage = notional / np.maximum(equity, 1)
        return np.where(share > 0, share * leverage, share / np.maximum(leverage, 1e-9))


class HyperliquidRanking(_Deleveraging):
    """Winners ranked by (mark / entry) x (notional / account value); for shorts the profit term is its reciprocal.

    Source: Hyperliquid docs, auto-deleveraging, which state the term for longs; the reciprocal follows by symmetry.
    They close at the previous mark (`price`).
    """

    kind: Literal["hyperliquid"] = "hyperliquid"

    def score(self, profit: Ints, cost: Ints, notional: Ints, equity: Ints) -> Floats:
        """Rank score (n,), highest is deleveraged first; arguments as in `IndustryRanking.score`."""
        long = (cost + profit) / np.where(cost == 0, 1, cost)
        return np.where(cost > 0, long, 1 / np.where(long == 0, 1e-9, long)) * (notional / np.maximum(equity, 1))


class ProRataProfit(_Deleveraging):
    """Everybody of the other side who has an unrealised profit is closed in proportion to it."""

    kind: Literal["pro_rata_profit"] = "pro_rata_profit"

    def weight(self, profit: Ints, equity: Ints) -> Ints:
        """Weights (n,) of holders with `profit` (n,) in the instrument and `equity` (n,), cash units."""
        return np.maximum(np.where(equity > 0, profit, 0), 0)


class ProRataEquity(_Deleveraging):
    """Everybody of the other side is closed in proportion to the equity of his account, winners and losers alike."""

    kind: Literal["pro_rata_equity"] = "pro_rata_equity"

    def weight(self, profit: Ints, equity: Ints) -> Ints:
        """Weights (n,); arguments as in `ProRataProfit.weight`."""
        return np.maximum(equity, 0)


Ranking = IndustryRanking | HyperliquidRanking
ProRata = ProRataProfit | ProRataEquity
AdlRule = Annotated[
    NoAdl | IndustryRanking | HyperliquidRanking | ProRataProfit | ProRataEquity, Field(discriminator="kind")
]


class Queue:
    """The holders of each side of each instrument: ranked once a step on the step's marks, or taken all together.

    `equity` (n_accounts,) is the snapshot the ranking uses; what a holder can bear is read live.
    """

    def __init__(self, rule: NoAdl | Ranking | ProRata, ledger: Ledger, price: Ints, eligible: NDArray[np.bool_]) -> None:
        self._rule, self._ledger, self._price, self._eligible = rule, ledger, price, eligible
        self._equity = ledger.equity(price)
        self._listed: dict[tuple[int, int], list[int]] = {}
        self.closed: set[int] = set()  # accounts deleveraged so far
        self.unhedged: set[int] = set()  # those of them that held another leg of the opposite sign

    def candidates(self, instrument: int, side: int) -> list[int]:
        """Accounts holding `instrument` on `side` (+1 long, -1 short); where there is a rank the first to be deleveraged
        comes last in the list."""
        if (instrument, side) not in self._listed:
            self._listed[instrument, side] = self._list(instrument, side)
        return self._listed[instrument, side]

    def _list(self, instrument: int, side: int) -> list[int]:
        if isinstance(self._rule, NoAdl):
            return []
        position = self._ledger.position[:, instrument]
        rows = np.flatnonzero((np.sign(position) == side) & self._eligible & (self._equity > 0))
        if isinstance(self._rule, Ranking):
            value = position[rows] * self._price[instrument]
            cost = self._ledger.cost[rows, instrument]
            notional = np.abs(self._ledger.position[rows]) @ self._price
            score = self._rule.score(value - cost, cost, notional, self._equity[rows])
            rows = rows[np.argsort(score, kind="stable")]
        listed: list[int] = rows.tolist()
        return listed

    def close(self, account: int, instrument: int, deficit: int, journal: Journal) -> int:
        """Close `account`'s position against the other side at mark value plus `deficit` (at the mark alone where the rule
        says so); lots that find no holder stay. Returns the deficit borne, cash units.

        A holder takes no more lots than its equity can bear and never trades with its own owner.
        """
        if isinstance(self._rule, NoAdl):
            return 0
        asked = deficit if self._rule.price == "bankruptcy" else 0
        ledger, price = self._ledger, int(self._price[instrument])
        position = int(ledger.position[account, instrument])
        side, size = (1, position) if position > 0 else (-1, -position)
        pick = self._in_order if isinstance(self._rule, Ranking) else self._together
        taken = pick(account, instrument, side, size, asked)
        left = size - sum(lots for _, lots in taken)
        shares = allocate(asked, [lots for _, lots in taken] + [left])
        for (holder, lots), borne in zip(taken, shares, strict=False):
            value = side * lots * price + int(borne)
            self.closed.add(holder)
            if (np.sign(ledger.position[holder]) == side).any():
                self.unhedged.add(holder)
            ledger.takeover(account, holder, instrument, side * lots, value)
            journal.write(Entry(EventKind.ADL, account, holder, instrument, side * lots, value, int(borne)))
        return asked - int(shares[-1])

    def _in_order(self, account: int, instrument: int, side: int, size: int, deficit: int) -> list[tuple[int, int]]:
        """Holders and their lots, one after the other as they rank."""
        ledger, taken = self._ledger, []
        queue, passed, left = self.candidates(instrument, -side), [], size
        while left and queue:
            holder = queue.pop()
            lots = min(left, self._bearable(holder, instrument, side, deficit, size))
            if lots and ledger.owner[holder] != ledger.owner[account]:
                taken.append((holder, lots))
                left -= lots
            if abs(int(ledger.position[holder, instrument])) > lots:
                passed.append(holder)
        queue.extend(reversed(passed))
        return taken

    def _together(self, account: int, instrument: int, side: int, size: int, deficit: int) -> list[tuple[int, int]]:
        """Holders and their lots, in proportion to the rule's weight on the live ledger."""
        assert isinstance(self._rule, ProRata)
        ledger = self._ledger
        rows = np.array(self.candidates(instrument, -side), dtype=np.int64)
        rows = rows[ledger.owner[rows] != ledger.owner[account]]
        equity = ledger.equity_of(rows, self._price) if len(rows) else rows
        profit = ledger.position[rows, instrument] * self._price[instrument] - ledger.cost[rows, instrument]
        room = np.maximum(-side * ledger.position[rows, instrument], 0)
        for k in np.flatnonzero(equity.astype(np.float64) * size < 1.001 * deficit * room):  # all others can bear all they hold
            room[k] = self._bearable(int(rows[k]), instrument, side, deficit, size)
        lots, _ = allocate_capped(size, self._rule.weight(profit, equity), room)
        return [(int(row), int(n)) for row, n in zip(rows, lots, strict=True) if n]

    def _bearable(self, holder: int, instrument: int, side: int, deficit: int, size: int) -> int:
        held = -side * int(self._ledger.position[holder, instrument])
        if held <= 0:
            return 0
        equity = int(self._ledger.cash[holder, 0]) + int(self._ledger.position[holder] @ self._price)
        return max(0, min(held, equity * size // deficit if deficit > 0 else held))
