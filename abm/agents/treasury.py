"""The treasury: what owners of called accounts do, their reserves, and the money that is on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from abm.agents.liquidator import immediate
from abm.behaviour.answer import Answer, matched, served, steps_of
from abm.clearing.journal import Entry, EventKind
from abm.clearing.ledger import Mode, State
from abm.kernels.admission import exposure
from abm.kernels.margin import initial_margin
from abm.market.order import Kind, OrderBatch, Reason, Side, joined, no_orders, orders
from abm.opening.groups import MAKERS

if TYPE_CHECKING:
    from abm.model import CascadeModel

Ints = NDArray[np.int64]

OUTSIDE = -1  # stands for reserves as the source of money

PARCEL = np.dtype([("due", np.int64), ("source", np.int64), ("target", np.int64), ("amount", np.int64)])
Parcels = NDArray[np.void]  # (n,), PARCEL: step of arrival, accounts, cash units


class Treasury:
    """All traders' answers to margin calls, in one call a step; makers have none but their quotes.

    Money between accounts is in the outside pool while it is on its way; reserves enter the ledger, on record, when they
    arrive. Money for an account that was closed meanwhile goes back to where it came from; if that is closed as well, it
    leaves the ledger, on record, for the owner's reserves.
    """

    def __init__(self, model: CascadeModel, rule: Answer) -> None:
        exchange = model.exchange
        self.model, self.rule, self.ledger = model, rule, exchange.ledger
        ready = rule.readiness(exchange.traders, exchange.streams, silent=MAKERS)
        self.reserve, self._tops_up, self._cuts = ready.reserve, ready.tops_up, ready.cuts
        self.sent: Parcels = np.zeros(0, dtype=PARCEL)
        self._delay = steps_of(rule.transfer_delay, model.step_seconds)
        self._response = steps_of(rule.response_delay, model.step_seconds)
        self._cutting = steps_of(rule.deleverage_seconds, model.step_seconds)

    def act(self) -> OrderBatch:
        """Phase 5: send what is missing, let arrive what is due; the orders of those who cut."""
        called, required, age = self._called()
        batch = no_orders()
        if len(called):
            missing = required - self.model.worth.collateral[called] - self._incoming(called)
            missing = self._top_up(called, np.maximum(missing, 0))
            batch = self._cut(called, missing, required, np.maximum(self._cutting - age, 1))
        if len(self.sent):
            self._arrive()
        return batch

    def _called(self) -> tuple[Ints, Ints, Ints]:
        """Traders' accounts with a call, what they must hold to meet it, and steps since the call; all (k,)."""
        rows, required, age = [], [], []
        for house in self.model.exchange.houses:
            called = house.called()
            called = called[self.ledger.owner[called] < len(self._cuts)]
            rows.append(called)
            required.append(house.notices.required(house.asked(self.model.worth), called))
            age.append(house.notices.age[called])
        order = np.argsort(np.concatenate(rows), kind="stable")
        return np.concatenate(rows)[order], np.concatenate(required)[order], np.concatenate(age)[order]

    def _incoming(self, called: Ints) -> Ints:
        """Money on its way to accounts `called` (k,), cash units."""
        coming = np.zeros(len(self.ledger), dtype=np.int64)
        np.add.at(coming, self.sent["target"], self.sent["amount"])
        return np.asarray(coming[called])

    def _top_up(self, called: Ints, missing: Ints) -> Ints:
        """Send money for what is `missing` (k,): from other accounts, then from reserves. What is still missing, (k,)."""
        owner = self.ledger.owner[called]
        wish = np.where(self._tops_up[owner], missing, 0)
        taken = np.zeros_like(wish)
        if self.rule.other_accounts:
            taken = self._from_accounts(called, wish)
        drawn = served(wish - taken, self.reserve, owner)
        np.subtract.at(self.reserve, owner, drawn)
        self._send(np.full(len(called), OUTSIDE), called, drawn, self._response)
        return missing - taken - drawn

    def _from_accounts(self, called: Ints, wish: Ints) -> Ints:
        """Move what healthy accounts of the same owners can spare into the pool, on its way; what each will get, (k,)."""
        owner, n_owners = self.ledger.owner[called], int(self.ledger.owner.max()) + 1
        wishing = np.zeros(n_owners, dtype=np.bool_)
        wishing[owner[wish > 0]] = True
        rows = np.flatnonzero(wishing[self.ledger.owner] & (self.ledger.state == State.HEALTHY))
        wallet = self.ledger.mode[rows] == Mode.WALLET
        rows = rows[np.lexsort((rows, ~wallet, self.ledger.owner[rows]))]
        spare, holder = self._spare(rows), self.ledger.owner[rows]
        taken = served(wish, _by_owner(holder, spare, n_owners), owner)
        given = served(spare, _by_owner(owner, taken, n_owners), holder)
        source, target, amount = matched(given, taken)
        self.ledger.transfer(rows[source], self.model.exchange.pool, amount)
        self._send(rows[source], called[target], amount, self._delay)
        return taken

    def _spare(self, rows: Ints) -> Ints:
        """What accounts `rows` (k,) hold above the initial margin of positions and resting orders and above the ratio at
        which they would be called themselves, (k,) cash units."""
        exchange, ledger, worth = self.model.exchange, self.ledger, self.model.worth
        most = exposure(ledger.position[rows], exchange.books.open_buy[rows], exchange.books.open_sell[rows])
        bound = initial_margin(most, exchange.price, exchange.rule[rows], exchange.brackets)
        for house in exchange.houses:
            mine = np.flatnonzero(exchange.rule[rows] == house.number)
            asked = house.asked(worth).maintenance[rows[mine]]
            bound[mine] = np.maximum(bound[mine], np.ceil(house.notices.trigger * asked).astype(np.int64))
        return np.asarray(np.maximum(worth.collateral[rows] - bound, 0))

    def _send(self, source: Ints, target: Ints, amount: Ints, delay: int) -> None:
        some = amount > 0
        parcels = np.zeros(int(some.sum()), dtype=PARCEL)
        parcels["due"] = self.model.tick + delay
        parcels["source"], parcels["target"], parcels["amount"] = source[some], target[some], amount[some]
        self.sent = np.concatenate([self.sent, parcels])

    def _arrive(self) -> None:
        """Book what is due now."""
        due = self.sent["due"] <= self.model.tick
        parcels, self.sent = self.sent[due], self.sent[~due]
        ended = self.ledger.state[parcels["target"]] == State.CLOSED
        self._return(parcels[ended])
        parcels = parcels[~ended]
        target, amount, new = parcels["target"], parcels["amount"], parcels["source"] == OUTSIDE
        self.ledger.deposit(target[new], amount[new])
        self.ledger.transfer(self.model.exchange.pool, target[~new], amount[~new])
        house = self.ledger.house[target].tolist()
        for h, source, account, came in zip(house, parcels["source"].tolist(), target.tolist(), amount.tolist(), strict=True):
            self.model.exchange.houses[h].journal.write(Entry(EventKind.TOPPED_UP, account, source, amount=came))

    def _return(self, parcels: Parcels) -> None:
        """Money whose target was closed meanwhile."""
        source, amount, owner = parcels["source"], parcels["amount"], self.ledger.owner[parcels["target"]]
        inside = source != OUTSIDE
        home = inside & (self.ledger.state[source] != State.CLOSED)
        pool = self.model.exchange.pool
        self.ledger.transfer(pool, source[home], amount[home])
        self.ledger.withdraw(pool, amount[inside & ~home])
        np.add.at(self.reserve, owner[~home], amount[~home])

    def _cut(self, called: Ints, missing: Ints, required: Ints, steps_left: Ints) -> OrderBatch:
        """Reduce-only orders of those who cut, after everything else of theirs in the instrument is cancelled."""
        model, ledger = self.model, self.ledger
        cuts = self._cuts[ledger.owner[called]] & (missing > 0)
        rows = called[cuts]
        lots = self.rule.cut(ledger.position[rows], missing[cuts], required[cuts], steps_left[cuts])
        row, instrument = np.nonzero(lots)
        if not len(row):
            return no_orders()
        account, books = rows[row], model.books
        trader = ledger.owner[account]
        resting = books.open_buy[account, instrument] + books.open_sell[account, instrument] > 0
        cancels = orders(trader=trader, instrument=instrument, side=Side.BUY, lots=0, kind=Kind.CANCEL_ALL)[resting]
        sales = immediate(
            model.marks.mark,
            self.rule.limit,
            ladder=model.instruments.ladder_ticks,
            trader=trader,
            instrument=instrument,
            lots=-lots[row, instrument],
            reason=Reason.SELF_DELEVERAGING,
            reduce_only=1,
        )
        return joined((cancels, sales))


def _by_owner(owner: Ints, amount: Ints, n_owners: int) -> Ints:
    """Whole sums of `amount` (n,) by `owner` (n,)."""
    total = np.zeros(n_owners, dtype=np.int64)
    np.add.at(total, owner, amount)
    return total
