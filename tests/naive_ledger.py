"""The plain twin of ledger, margin and admission: one dictionary per account, exact fractions, no arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class NaiveAccount:
    cash: int = 0
    position: dict[int, int] = field(default_factory=dict)
    cost: dict[int, int] = field(default_factory=dict)
    realised: dict[int, int] = field(default_factory=dict)

    def take(self, instrument: int, lots: int, value: int) -> None:
        """Receive signed lots for a signed value; average cost."""
        held, cost = self.position.get(instrument, 0), self.cost.get(instrument, 0)
        closed = min(abs(held), abs(lots)) if held * lots < 0 else 0
        removed = round(Fraction(cost * closed, abs(held))) if closed else 0
        paid = round(Fraction(value * closed, abs(lots))) if closed else 0
        self.cash -= value
        self.position[instrument] = held + lots
        self.cost[instrument] = cost - removed + value - paid
        self.realised[instrument] = self.realised.get(instrument, 0) - paid - removed


@dataclass
class NaiveLedger:
    unit: list[int]
    accounts: list[NaiveAccount]

    def fill(self, taker: int, maker: int, instrument: int, *, lots: int, tick: int) -> int:
        """The taker buys `lots` (negative: sells) from the maker at `tick`; returns the size of the value."""
        value = lots * tick * self.unit[instrument]
        self.accounts[taker].take(instrument, lots, value)
        self.accounts[maker].take(instrument, -lots, -value)
        return abs(value)

    def fee(self, payer: int, earner: int, rate: Fraction, value: int) -> None:
        self.transfer(payer, earner, round(rate * value))

    def transfer(self, source: int, target: int, amount: int) -> None:
        self.accounts[source].cash -= amount
        self.accounts[target].cash += amount

    def takeover(self, source: int, target: int, instrument: int, lots: int, value: int) -> None:
        self.accounts[source].take(instrument, -lots, -value)
        self.accounts[target].take(instrument, lots, value)


def leg_margin(notional: int, ladder: list[tuple[Fraction, Fraction]]) -> int:
    """Margin of one leg: each rate on the part of the notional above its floor and below the next; `ladder` (floor, rate)."""
    total = Fraction(0)
    for place, (floor, rate) in enumerate(ladder):
        end = ladder[place + 1][0] if place + 1 < len(ladder) else None
        top = notional if end is None else min(Fraction(notional), end)
        total += rate * max(Fraction(0), top - floor)
    return round(total)


@dataclass
class NaiveOrder:
    place: int
    key: int
    account: int
    instrument: int
    side: int
    lots: int
    cancel_all: bool = False
    reduce_only: bool = False


@dataclass
class NaiveAdmission:
    """Admission that recomputes the whole margin of an account for every order."""

    price: list[int]
    ladder: list[list[tuple[Fraction, Fraction]]]  # per instrument
    equity: list[int]  # per account
    position: list[list[int]]  # [account][instrument]
    buys: list[list[int]]
    sells: list[list[int]]
    wallet: list[int]
    seized: list[bool]
    called: list[bool]
    draws: list[tuple[int, int, int]] = field(default_factory=list)

    def required(self, account: int) -> int:
        total = 0
        for j, price in enumerate(self.price):
            held = self.position[account][j]
            lots = max(abs(held + self.buys[account][j]), abs(held - self.sells[account][j]))
            total += leg_margin(lots * price, self.ladder[j])
        return total

    def run(self, orders: list[NaiveOrder]) -> dict[int, tuple[str, int]]:
        """Outcome and admitted lots by place in the batch."""
        result = {}
        reduced: dict[tuple[int, int, int], int] = {}
        for order in sorted(orders, key=lambda o: (not o.cancel_all, o.key, o.place)):
            if order.cancel_all:
                self.buys[order.account][order.instrument] = self.sells[order.account][order.instrument] = 0
                result[order.place] = ("ACCEPTED", order.lots)
            else:
                result[order.place] = self.admit(order, reduced)
        return result

    def admit(self, order: NaiveOrder, reduced: dict[tuple[int, int, int], int]) -> tuple[str, int]:
        a, j, lots = order.account, order.instrument, order.lots
        if self.seized[a]:
            return "SEIZED", lots
        pending = self.buys if order.side > 0 else self.sells
        closable = max(0, -order.side * self.position[a][j])
        always = order.reduce_only or pending[a][j] + lots <= closable
        if order.reduce_only:
            lots = min(lots, closable - reduced.get((a, j, order.side), 0))
            if lots == 0:
                return "NOTHING_TO_REDUCE", order.lots
            reduced[a, j, order.side] = reduced.get((a, j, order.side), 0) + lots
        if self.called[a] and not always:
            return "UNDER_CALL", lots
        pending[a][j] += lots
        missing = self.required(a) - self.equity[a]
        if missing <= 0 or always:
            return "ACCEPTED", lots
        wallet = self.wallet[a]
        if wallet >= 0 and not self.seized[wallet] and self.equity[wallet] - self.required(wallet) >= missing:
            self.equity[wallet] -= missing
            self.equity[a] += missing
            self.draws.append((wallet, a, missing))
            return "ACCEPTED", lots
        pending[a][j] -= lots
        return "UNFUNDED", lots
