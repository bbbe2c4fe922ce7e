"""Purses: the accounts that a layer of the waterfall asks for money, by which weight, and how much each can give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abm.clearing.journal import EventKind
from abm.clearing.layers import Assessments, GainsHaircut, Layer, MembersFund, SkinInTheGame
from abm.clearing.ledger import Ledger
from abm.clearing.members import Membership

Ints = NDArray[np.int64]


class Purse(NamedTuple):
    """Who shares in a loss, in proportion to `weight` and nobody with more than `room`; all (n,), cash units."""

    payers: Ints
    weight: Ints
    room: Ints
    kind: EventKind


class Purses:
    """What stands behind a house from step to step; remembers what was taken where a cap counts over the run."""

    def __init__(self, ledger: Ledger, members: Membership, skin: int) -> None:
        self.members = members
        self._ledger, self._skin = ledger, skin
        self._cut = np.zeros(len(ledger), dtype=np.int64)  # (n_accounts,), gains haircut so far, cash units

    def of(self, layer: Layer, accounts: Ints, price: Ints) -> list[Purse]:
        """The purses of a layer that asks for money, one after the other; `accounts` (n,) are the house's."""
        if isinstance(layer, SkinInTheGame):
            return [self.cash(np.array([self._skin]), EventKind.SKIN_PAID)]
        if isinstance(layer, MembersFund):
            members = self.members
            ranks = (members.alive & members.junior, members.alive & ~members.junior)
            return [self.cash(members.contributions[rank], EventKind.CONTRIBUTED) for rank in ranks]
        if isinstance(layer, Assessments):
            return [self._assessed(layer, price)]
        if isinstance(layer, GainsHaircut):
            return [self._gains(layer, accounts, price)]
        return []

    def cash(self, payers: Ints, kind: EventKind) -> Purse:
        """Accounts (n,) that hold nothing but money give all of it."""
        money = np.maximum(self._ledger.cash[payers, 0], 0)
        return Purse(payers, money, money, kind)

    def equity(self, payers: Ints, price: Ints, kind: EventKind) -> Purse:
        """Accounts (n,) give up to their equity, in proportion to it."""
        equity = np.maximum(self._ledger.equity_of(payers, price), 0)
        return Purse(payers, equity, equity, kind)

    def note(self, purse: Purse, shares: Ints) -> None:
        """`shares` (n,) were taken from `purse`."""
        if purse.kind == EventKind.GAINS_HAIRCUT:
            self._cut[purse.payers] += shares
        elif purse.kind == EventKind.ASSESSED:
            self.members.called[np.searchsorted(self.members.accounts, purse.payers)] += shares

    def _assessed(self, layer: Assessments, price: Ints) -> Purse:
        members, living = self.members, np.flatnonzero(self.members.alive)
        payers = members.accounts[living]
        callable_ = np.floor(layer.cap * members.opening[living]).astype(np.int64) - members.called[living]
        equity = self._ledger.equity_of(payers, price)
        return Purse(payers, members.opening[living], np.maximum(np.minimum(callable_, equity), 0), EventKind.ASSESSED)

    def _gains(self, layer: GainsHaircut, accounts: Ints, price: Ints) -> Purse:
        """Gain = realised + value - cost over all legs: price changes since the opening, no fees or funding."""
        ledger = self._ledger
        gain = (ledger.realised[accounts] - ledger.cost[accounts]).sum(axis=1) + ledger.position[accounts] @ price
        left = np.floor(layer.cap * np.maximum(gain, 0)).astype(np.int64) - self._cut[accounts]
        room = np.maximum(np.minimum(left, ledger.equity_of(accounts, price)), 0)
        return Purse(accounts, np.maximum(left, 0), room, EventKind.GAINS_HAIRCUT)
