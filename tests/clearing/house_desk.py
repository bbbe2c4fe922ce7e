"""A clearing desk for tests: a few accounts that opened at 100 in BTC and ETH, a keeper, a fund and a house's own money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from abm.clearing.house import House, Staff
from abm.clearing.journal import Entry, EventKind
from abm.clearing.ledger import Ledger, State
from abm.clearing.rulebook import Clearing
from abm.clearing.waterfall import Waterfall
from abm.kernels.margin import Revaluation
from abm.measures.losses import EVENTS
from abm.streams import Streams
from tests.clearing.test_ledger import instruments

ALICE, BOB, CAROL, DAVE = range(4)
BTC, ETH = 0, 1
NOBODY = -1


class Desk:
    """Rows: the accounts given (equity at the opening, lots of BTC and ETH), then keeper, fund and own.

    One lot is worth its mark; initial margin is 10 % and maintenance margin 5 % of notional; a step is 5 s unless stated.
    `capital` is the keeper's cash, `fund` the fund's (`funds`: one fund for BTC and one for ETH), `rules` those of the house.
    `more_keepers` gives further keepers with this cash, rows `keepers`; `vault_capital` a vault, row `vault`. `skin` is the
    house's own money in the waterfall, `members` capital and contribution of each clearing member.
    What the given accounts leave of either side is held by a clearing member outside the house, who never pays.
    """

    def __init__(
        self,
        equity: Sequence[int],
        position: Sequence[Sequence[int]],
        *,
        capital: int = 0,
        fund: int = 0,
        owner: Sequence[int] | None = None,
        funds: tuple[int, int] | None = None,
        opening_split: Any = None,
        step_seconds: float = 5.0,
        more_keepers: Sequence[int] = (),
        vault_capital: int | None = None,
        skin: int = 0,
        members: Sequence[tuple[int, int]] = (),
        **rules: Any,
    ) -> None:
        n = len(equity)
        self.keeper, self.fund, self.own, self.outside = n, n + 1, n + 2, n + 3
        cash = [*equity, capital, fund, 0, 0, *(funds or ()), *more_keepers]
        self.keepers = [self.keeper, *range(len(cash) - len(more_keepers), len(cash))]
        self.vault = len(cash)  # no row without capital
        cash += [] if vault_capital is None else [vault_capital]
        if more_keepers:
            rules["keeper"] = rules.get("keeper", {}) | {"count": len(self.keepers)}
        self.skin = len(cash)
        self.members = [len(cash) + 1 + k for k in range(len(members))]
        self.contributions = [row + len(members) for row in self.members]
        cash += [skin, *(money for money, _ in members), *(money for _, money in members)]
        lots = np.zeros((len(cash), 2), dtype=np.int64)
        lots[:n] = position
        lots[self.outside] = -lots.sum(axis=0)
        house = np.zeros(len(cash), dtype=np.int64)
        house[[self.own, self.outside, self.skin, *self.contributions]] = NOBODY
        owners = [*(owner or range(n)), *range(100, 100 + len(cash) - n)]
        self.ledger = Ledger.open(instruments((1, 1)), cash, owner=owners, house=house, position=lots)
        if members:
            rules["members"] = {"count": len(members)} | rules.get("club", {})
        self.rules = Clearing(**{name: rule for name, rule in rules.items() if name != "club"})
        brackets = self.rules.margin.tables(
            ["BTC", "ETH"], max_leverage=10, cash_units=1, gains_share=self.rules.gains_share
        )
        split = np.zeros_like(lots) if opening_split is None else np.array(opening_split)
        self.house = House(
            self.rules,
            self.ledger,
            brackets,
            Streams(1),
            number=0,
            staff=Staff(
                fund=np.array([n + 4, n + 5] if funds else [self.fund, self.fund]),
                keepers=np.array(self.keepers),
                own=self.own,
                vault=np.arange(self.vault, self.skin),
                skin=self.skin,
                members=np.array(self.members, dtype=np.int64),
                contributions=np.array(self.contributions, dtype=np.int64),
            ),
            step_seconds=step_seconds,
            cash_unit=1.0,
            opening_split=split,
        )
        self.step = 0

    def worth(self, btc: int, eth: int = 100) -> Revaluation:
        """All accounts at these prices."""
        return self.house.revalue(np.arange(len(self.ledger)), price(btc, eth))

    def seize(self, btc: int, eth: int = 100) -> list[int]:
        """Phase 4 at these prices: who is seized now."""
        self.house.margin(self.worth(btc, eth))
        return np.flatnonzero(self.ledger.state == State.LIQUIDATING).tolist()

    def slices(self, btc: int, eth: int = 100, depth: int = 100) -> Any:
        """What the engine sells in this step; then a step has passed."""
        slices = self.house.slices(self.step, price(btc, eth), np.full((2, 2), depth))
        self.step += 1
        return slices

    def resolve(self, btc: int, eth: int = 100, failed: Sequence[int] = ()) -> None:
        """The last part of phase 8, where the book did not take the orders of `failed`."""
        unsold = np.zeros(len(self.ledger), dtype=np.bool_)
        unsold[list(failed)] = True
        self.house.resolve(self.step, price(btc, eth), unsold)
        self.ledger.assert_conserved()

    def settle(self, btc: int, eth: int = 100, failed: Sequence[int] = ()) -> None:
        """Seize and resolve at these prices, with nothing sold on the book."""
        self.seize(btc, eth)
        self.resolve(btc, eth, failed)

    def waterfall(self, btc: int, eth: int = 100) -> Waterfall:
        """The default procedure at these prices."""
        return self.house._waterfall(price(btc, eth))

    def trade(self, buyer: int, seller: int, lots: int, at: int, instrument: int = BTC) -> None:
        """A trade off the books, without fees."""
        self.ledger.takeover(seller, buyer, instrument, lots, lots * at)

    def equity(self, account: int, btc: int, eth: int = 100) -> int:
        return int(self.ledger.equity(price(btc, eth))[account])

    def lots(self, account: int) -> list[int]:
        return self.ledger.position[account].tolist()

    def told(self, kind: EventKind) -> list[Entry]:
        return [entry for entry in self.house.journal.entries if entry.kind == kind]

    def borne(self) -> dict[str, int]:
        """Loss of this step by who bore it; the deficit met must be the sum of the others."""
        journal = self.house.journal
        return {
            "deficit": journal.borne(EventKind.CLOSED),
            "fund": journal.borne(EventKind.FUND_TAKEOVER) + journal.borne(EventKind.FUND_PAID),
            "adl": journal.borne(EventKind.ADL),
            "socialised": journal.borne(EventKind.SOCIALISED),
        } | {name: borne for name, kinds in EVENTS.items() if (borne := sum(journal.borne(kind) for kind in kinds))}


def price(btc: int, eth: int = 100) -> Any:
    return np.array([btc, eth], dtype=np.int64)
