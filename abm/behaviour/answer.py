"""The answer to a margin call: money from reserves and other accounts, smaller positions, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from abm.behaviour.view import Traders
from abm.record import Record, param
from abm.streams import Streams

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Readiness:
    """What each trader can and will do when called, drawn once; all (n_traders,)."""

    reserve: Ints  # cash units outside the market, at the opening
    tops_up: NDArray[np.bool_]
    cuts: NDArray[np.bool_]


class Answer(Record):
    """Called traders send what is missing, first from accounts of their own, then from finite reserves; some cut.

    Need is read anew in every step: what the call asks for, less what the account has and what is on its way. An owner's
    called accounts are served in their order. Whoever cuts closes the share of all positions of the account that would
    restore the target at the mark without costs, beyond what money on its way will cover. Money sent cannot be called back.
    """

    reserve_share: float = param(
        0.0,
        unit="share of opening collateral",
        source="choice of regime, swept",
        help="A trader's money outside the market; it enters only after a call.",
        ge=0,
        le=100,
    )
    top_up_share: float = param(
        1.0, unit="share of traders", source="choice of regime, swept", help="Traders who send money when called.", ge=0, le=1
    )
    response_delay: float = param(
        900.0,
        unit="s",
        source="choice of regime, swept; a bank transfer takes hours, a stablecoin minutes",
        help="Time from sending until money from reserves is in the account.",
        ge=0,
    )
    other_accounts: bool = param(
        False,
        unit="switch",
        source="choice: off keeps accounts apart",
        help="Whether the owner's wallet and accounts, here and on other venues, send what they hold above initial margin.",
    )
    transfer_delay: float = param(
        60.0,
        unit="s",
        source="choice of regime, swept; venues credit coins after some blocks",
        help="Time that money between two accounts of an owner is on its way.",
        ge=0,
    )
    self_deleverage: float = param(
        0.0, unit="share of traders", source="choice of regime, swept", help="Traders who cut positions when called.", ge=0, le=1
    )
    deleverage_seconds: float = param(
        300.0,
        unit="s",
        source="choice, swept",
        help="Time from the call over which the cut is spread; 0 cuts at once.",
        ge=0,
    )
    limit: float = param(
        0.02,
        unit="share of mark",
        source="choice: as the limit of forced orders",
        help="Cuts are IOC orders no further than this from the mark; 1 means no limit.",
        gt=0,
        le=1,
    )

    def readiness(self, traders: Traders, streams: Streams, *, silent: str) -> Readiness:
        """Drawn group by group, so that a group that grows moves no other; the group `silent` does nothing."""
        n = len(traders.group)
        tops_up, cuts = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        for name in traders.groups:
            if name != silent and len(rows := traders.rows(name)):
                tops_up[rows] = streams.at(f"opening.{name}.top_up").random(len(rows)) < self.top_up_share
                cuts[rows] = streams.at(f"opening.{name}.cut").random(len(rows)) < self.self_deleverage
        reserve = np.where(tops_up, np.floor(self.reserve_share * traders.collateral), 0.0)
        return Readiness(reserve.astype(np.int64), tops_up, cuts)

    def cut(self, position: Ints, missing: Ints, required: Ints, steps_left: Ints) -> Ints:
        """Lots to close now, signed like `position` (k, n_instruments): pro rata, spread evenly over `steps_left` (k,) >= 1.

        Closing a share s of all positions frees s x `required` (k,), collateral at which the call is met, and costs nothing
        at the mark; s = `missing` (k,) / required.
        """
        share = np.clip(missing / np.maximum(required, 1), 0.0, 1.0)
        size = np.abs(position)
        whole = np.minimum(np.ceil(share[:, None] * size), size)
        return np.asarray(np.sign(position) * np.ceil(whole / steps_left[:, None]).astype(np.int64))


def steps_of(seconds: float, step_seconds: float) -> int:
    """Whole steps that cover a duration."""
    return ceil(round(seconds / step_seconds, 9))


def served(wish: Ints, purse: Ints, owner: Ints) -> Ints:
    """The part of each `wish` (k,) that its owner's money covers, first come first served: (k,).

    `purse` (n_owners,) cash units >= 0; `owner` (k,), each one's wishes side by side.
    """
    if not len(wish):
        return wish
    before = np.cumsum(wish) - wish
    first = np.append(True, owner[1:] != owner[:-1])
    before = before - before[first][np.cumsum(first) - 1]
    return np.asarray(np.clip(purse[owner] - before, 0, wish))


def matched(given: Ints, taken: Ints) -> tuple[Ints, Ints, Ints]:
    """Payments that turn amounts `given` (m,) into amounts `taken` (k,), both laid end to end and of one sum.

    Giver, taker and amount of each payment, all (n,).
    """
    out, into = np.cumsum(given), np.cumsum(taken)
    ends = np.union1d(out, into)
    ends = ends[ends > 0]
    return np.searchsorted(out, ends), np.searchsorted(into, ends), np.diff(ends, prepend=0)
