"""Auto-deleveraging: who of the other side is closed against a bankrupt account, and in which order."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.clearing.allocate import allocate
from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import Ledger
from abm.record import Record


class NoAdl(Record):
    """No auto-deleveraging: positions stay with the house, the loss is socialised."""

    kind: Literal["none"] = "none"


class IndustryRanking(Record):
    """Winners ranked by profit share times effective leverage, losers last (BitMEX/Bybit/Binance form)."""

    kind: Literal["industry"] = "industry"

    def score(
        self, profit: NDArray[np.int64], cost: NDArray[np.int64], notional: NDArray[np.int64], equity: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Rank score (n,), highest is deleveraged first; all arguments (n,) cash units of one instrument's holders."""
        share = profit / np.maximum(np.abs(cost), 1)
        leverage = notional / np.maximum(equity, 1)
        return np.where(share > 0, share * leverage, share / np.maximum(leverage, 1e-9))


AdlRule = Annotated[NoAdl | IndustryRanking, Field(discriminator="kind")]


class Queue:
    """The ranked holders of each side of each instrument, taken once a step on the step's marks.

    `equity` (n_accounts,) is the snapshot the ranking uses; what a holder can bear is read live.
    """

    def __init__(
        self, rule: NoAdl | IndustryRanking, ledger: Ledger, price: NDArray[np.int64], eligible: NDArray[np.bool_]
    ) -> None:
        self._rule, self._ledger, self._price, self._eligible = rule, ledger, price, eligible
        self._equity = ledger.equity(price)
        self._ranked: dict[tuple[int, int], list[int]] = {}

    def candidates(self, instrument: int, side: int) -> list[int]:
        """Accounts holding `instrument` on `side` (+1 long, -1 short), first to be deleveraged last in the list."""
        if (instrument, side) not in self._ranked:
            self._ranked[instrument, side] = self._rank(instrument, side)
        return self._ranked[instrument, side]

    def _rank(self, instrument: int, side: int) -> list[int]:
        if isinstance(self._rule, NoAdl):
            return []
        position = self._ledger.position[:, instrument]
        rows = np.flatnonzero((np.sign(position) == side) & self._eligible & (self._equity > 0))
        value = position[rows] * self._price[instrument]
        cost = self._ledger.cost[rows, instrument]
        notional = np.abs(self._ledger.position[rows]) @ self._price
        score = self._rule.score(value - cost, cost, notional, self._equity[rows])
        ranked: list[int] = rows[np.argsort(score, kind="stable")].tolist()
        return ranked

    def close(self, account: int, instrument: int, deficit: int, journal: Journal) -> int:
        """Close `account`'s position against the ranked other side at mark value plus `deficit`; lots that find no
        holder stay. Returns the deficit borne, cash units.

        A holder takes no more lots than its equity can bear and never trades with its own owner.
        """
        ledger, price = self._ledger, int(self._price[instrument])
        position = int(ledger.position[account, instrument])
        side, size = (1, position) if position > 0 else (-1, -position)
        taken: list[tuple[int, int]] = []
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
        shares = allocate(deficit, [lots for _, lots in taken] + [left])
        for (holder, lots), borne in zip(taken, shares, strict=False):
            value = side * lots * price + int(borne)
            ledger.takeover(account, holder, instrument, side * lots, value)
            journal.write(Entry(EventKind.ADL, account, holder, instrument, side * lots, value, int(borne)))
        return deficit - int(shares[-1])

    def _bearable(self, holder: int, instrument: int, side: int, deficit: int, size: int) -> int:
        held = -side * int(self._ledger.position[holder, instrument])
        if held <= 0:
            return 0
        equity = int(self._ledger.cash[holder, 0]) + int(self._ledger.position[holder] @ self._price)
        return max(0, min(held, equity * size // deficit if deficit > 0 else held))
