"""The backstop vault: takes weak accounts over whole, positions and what is left of their margin."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from abm.clearing.journal import Entry, EventKind
from abm.clearing.ledger import Ledger
from abm.clearing.principal import Principal, Round, equity
from abm.record import Record, param


class NoVault(Record):
    """What keepers and the book do not take stays seized until it is cured or bankrupt."""

    kind: Literal["none"] = "none"

    @property
    def capital_share(self) -> float:
        """There is no money."""
        return 0.0

    def desks(self, ledger: Ledger, accounts: NDArray[np.int64]) -> list[VaultDesk]:
        """Nobody."""
        return []


class Vault(Record):
    """One vault per house, with a margined account of its own that can be liquidated like any other (Hyperliquid)."""

    kind: Literal["backstop"] = "backstop"
    capital_share: float = param(
        0.002,
        unit="share of one-sided open interest",
        source="choice of regime, swept; liquidator vaults are small against open interest",
        help="Own cash of the vault at the opening.",
        ge=0,
        le=1,
    )
    trigger: float = param(
        2 / 3,
        unit="equity / maintenance margin",
        source="Hyperliquid docs, Liquidations: backstop below 2/3 of maintenance margin",
        help="It is asked when the book has failed and the margin ratio is below this; before keepers if above their trigger.",
        ge=0,
        le=1,
    )
    margin_kept: float = param(
        1.0,
        unit="share of equity",
        source="Hyperliquid docs, Liquidations: the maintenance margin is not returned to the user",
        help="Share of the account's remaining equity that goes to the vault with the positions.",
        ge=0,
        le=1,
    )
    leverage_max: float = param(
        5.0,
        unit="notional / equity",
        source="choice of regime: a principal that used all its margin would default on the next move",
        help="It takes nothing over that would lift its leverage above this.",
        gt=0,
        le=100,
    )
    unwind_half_life: float = param(
        300.0,
        unit="s",
        source="choice of regime, swept",
        help="Half-life at which it works its inventory off on the book.",
        gt=0,
    )

    def desks(self, ledger: Ledger, accounts: NDArray[np.int64]) -> list[VaultDesk]:
        """The vaults with `accounts` (k,) at work."""
        return [VaultDesk(self, ledger, int(account)) for account in accounts]


VaultRule = Annotated[NoVault | Vault, Field(discriminator="kind")]


class VaultDesk:
    """A house's vault at work."""

    keeps_off_book = False

    def __init__(self, rule: Vault, ledger: Ledger, account: int) -> None:
        self.rule, self.ledger, self.trigger = rule, ledger, rule.trigger
        self.principal = Principal(ledger, account, rule.leverage_max)
        self.under_offer: list[int] = []

    def take(self, account: int, now: Round) -> bool:
        """Take all positions at the mark and the account's margin with them, if they can be margined."""
        vault, position = self.principal, self.ledger.position[account].copy()
        margin = int(self.rule.margin_kept * equity(self.ledger, account, now.price))
        if not (vault.may_take(account, now) and vault.carries(position, margin, now)):
            return False
        vault.take(EventKind.VAULT_TAKEOVER, account, position, 0, now)
        if margin:
            self.ledger.transfer(account, vault.account, margin)
            now.journal.write(Entry(EventKind.VAULT_TAKEOVER, account, vault.account, value=margin))
        return True

    def drop(self, accounts: list[int]) -> None:
        """Nothing is ever under offer."""
