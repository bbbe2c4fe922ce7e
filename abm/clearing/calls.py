"""Margin calls: who is short of margin is given notice, and time to cure it, before the house liquidates."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from abm.clearing.journal import Entry, EventKind, Journal
from abm.clearing.ledger import State
from abm.kernels.margin import Revaluation
from abm.record import Record, param

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
States = NDArray[np.int8]


class NoCalls(Record):
    """No notice: an account below its maintenance margin is liquidated at once (crypto venues)."""

    kind: Literal["none"] = "none"

    def judge(self, worth: Revaluation, called: Flags, late: Flags) -> States:
        """Where each account (n,) belongs: HEALTHY or LIQUIDATING."""
        breached = (worth.collateral < worth.maintenance) | (worth.equity < 0)
        return np.asarray(breached * np.int8(State.LIQUIDATING))


class Calls(Record):
    """Notice and time: an account below `trigger` is called and liquidated only if it is short when its time is over.

    The margin ratio is collateral over maintenance margin. A call asks for `target` and ends there. Whoever is between
    maintenance and `target` when the deadline passes stays called and has no more time: below maintenance it is liquidated
    at once. Not suitable for calls that are netted or settled once a day: every account is looked at in every step.
    """

    kind: Literal["notice"] = "notice"
    trigger: float = param(
        1.25,
        unit="collateral / maintenance margin",
        source="choice of regime, swept; 1 calls at the breach, more warns before it",
        help="An account is called when its margin ratio is below this.",
        ge=1,
        le=10,
    )
    target: float = param(
        1.5,
        unit="collateral / maintenance margin",
        source="choice: above the trigger, so that the next small move does not call again",
        help="Margin ratio that a call asks for and at which it is met.",
        ge=1,
        le=10,
    )
    deadline: float = param(
        3600.0,
        unit="s",
        source="choice of regime, swept; HKEX OTC Clear: intraday calls are due at fixed hours of the same day",
        help="Time from the call until an account below maintenance margin is liquidated; 0 gives no time.",
        ge=0,
    )
    floor: float = param(
        0.5,
        unit="collateral / maintenance margin",
        source="choice of regime, swept; 1 gives no time to whoever breaches",
        help="Below this margin ratio the house liquidates at once, whatever time is left.",
        ge=0,
        le=1,
    )

    @model_validator(mode="after")
    def _target_above_trigger(self) -> Self:
        if self.target < self.trigger:
            raise ValueError(f"target must be at least trigger={self.trigger:g}, what is called is below it, was {self.target:g}")
        return self

    def judge(self, worth: Revaluation, called: Flags, late: Flags) -> States:
        """Where each account (n,) belongs: HEALTHY, CALLED or LIQUIDATING; `called` (n,) who has a call, `late` (n,) whose
        time is over."""
        lost = (worth.equity < 0) | (worth.collateral < self.floor * worth.maintenance)
        failed = late & (worth.collateral < worth.maintenance)
        short = worth.collateral < np.where(called, self.target, self.trigger) * worth.maintenance
        return np.where(lost | failed, State.LIQUIDATING, np.where(short, State.CALLED, State.HEALTHY)).astype(np.int8)


CallRule = Annotated[NoCalls | Calls, Field(discriminator="kind")]


class Notices:
    """The calls of one house that run, over all accounts of the ledger."""

    def __init__(self, rule: NoCalls | Calls, n_accounts: int, step_seconds: float) -> None:
        self.rule = rule
        self.trigger = rule.trigger if isinstance(rule, Calls) else 1.0  # at this margin ratio nothing happens
        self.target = rule.target if isinstance(rule, Calls) else 1.0
        self.steps = ceil(round(rule.deadline / step_seconds, 9)) if isinstance(rule, Calls) else 0  # until the deadline
        self.age = np.zeros(n_accounts, dtype=np.int64)  # (n_accounts,), steps since an account was called
        self.fresh = np.zeros(0, dtype=np.int64)  # (k,), accounts called in this step

    def check(self, worth: Revaluation, state: States, mine: Flags, journal: Journal) -> Ints:
        """Phase 4: time passes, calls are met and made; the accounts (k,) that are to be seized now.

        `worth`, `state` and `mine` (the house's own clients) cover all accounts.
        """
        watched = mine & (state < State.LIQUIDATING)
        if isinstance(self.rule, NoCalls):
            return np.flatnonzero(watched & (self.rule.judge(worth, watched, watched) == State.LIQUIDATING))
        called = watched & (state == State.CALLED)
        self.age[called] += 1
        self.age[state != State.CALLED] = 0
        now = self.rule.judge(worth, called, self.age >= self.steps)
        met = np.flatnonzero(called & (now == State.HEALTHY))
        self.fresh = np.flatnonzero(watched & ~called & (now == State.CALLED))
        state[met], state[self.fresh] = State.HEALTHY, State.CALLED
        for account in met.tolist():
            journal.write(Entry(EventKind.CALL_MET, account))
        for account, asked in zip(self.fresh.tolist(), self.missing(worth, self.fresh).tolist(), strict=True):
            journal.write(Entry(EventKind.CALLED, account, amount=asked))
        return np.flatnonzero(watched & (now == State.LIQUIDATING))

    def required(self, worth: Revaluation, rows: Ints) -> Ints:
        """Collateral (k,) at which the calls of accounts `rows` (k,) are met, cash units; `worth` covers all accounts."""
        return np.asarray(np.ceil(self.target * worth.maintenance[rows]).astype(np.int64))

    def missing(self, worth: Revaluation, rows: Ints) -> Ints:
        """What accounts `rows` (k,) lack to meet their calls, (k,) cash units >= 0."""
        return np.asarray(np.maximum(self.required(worth, rows) - worth.collateral[rows], 0))
