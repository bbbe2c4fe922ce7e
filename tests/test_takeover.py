"""Keepers, auctions and the vault in a whole market: they act, are paid for, and nothing is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abm.agents.liquidator import KeeperAgent, VaultAgent
from abm.clearing.journal import EventKind
from abm.clearing.ledger import State
from abm.measures.losses import unallocated_loss
from abm.records import Records
from abm.twins import TWINS, twin
from tests.small_worlds import market, played, shock, world

HOUSE = "venues.main.clearing"
KEEPERS = {f"{HOUSE}.keeper": {"count": 3, "capital_share": 0.05, "trigger": 1.0, "capital_spread": 1.0, "discount_spread": 0.5}}
AUCTION = {f"{HOUSE}.takeover": {"kind": "auction", "step": 0.005}}
VAULT = {f"{HOUSE}.vault": {"kind": "backstop", "capital_share": 0.05, "trigger": 1.0}}
WEAK = {  # accounts are weak before they are bankrupt, and the books take little
    "world.shocks": [shock(-0.25)],
    "population.crowd.leverage_median": 20.0,
    "population.crowd.count": 25,
    "population.crowd.long_share": 1.0,
    f"{HOUSE}.liquidation": {"kind": "whole", "limit": 0.002},
}


def stressed(*features: dict[str, Any]) -> Records:
    records = played(world({key: value for feature in (WEAK, *features) for key, value in feature.items()}))
    assert records.meta.conservation == {"cash_error": 0, "lots_error": 0}
    assert unallocated_loss(records) == 0
    return records


def told(records: Records, kind: EventKind) -> Any:
    return records.events[records.events["kind"] == kind]


def test_a_house_has_as_many_keepers_as_stated_and_they_share_the_capital() -> None:
    model = market(KEEPERS | VAULT)
    keepers, [vault] = model.agents_by_type[KeeperAgent], model.agents_by_type[VaultAgent]
    unit = model.scenario.money.cash_unit
    assert len(keepers) == 3 and len({keeper.equity for keeper in keepers}) == 3
    # one-sided open interest is 2 x 1,000,000; 5 % of it
    assert sum(keeper.equity for keeper in keepers) * unit == pytest.approx(100_000.0, rel=1e-3)
    assert vault.equity * unit == pytest.approx(100_000.0, rel=1e-3)
    assert [keeper.accounts.tolist() for keeper in keepers] == [[account] for account in model.exchange.houses[0].staff.keepers]


def test_several_keepers_take_accounts_over() -> None:
    assert len(np.unique(told(stressed(KEEPERS), EventKind.KEEPER_TAKEOVER)["counterparty"])) > 1


def test_an_auction_takes_its_time() -> None:
    fixed, auction = stressed(KEEPERS), stressed(KEEPERS, AUCTION)
    sold = told(auction, EventKind.AUCTIONED)
    assert len(sold) and not len(told(auction, EventKind.KEEPER_TAKEOVER))
    # they ask 0.5 % and more, and nothing is on offer in the first step
    assert sold["step"].min() > told(fixed, EventKind.KEEPER_TAKEOVER)["step"].min()
    assert auction.scalars["vault_equity"].max() == 0


def test_the_vault_takes_accounts_with_their_margin_and_works_them_off() -> None:
    records = stressed(VAULT, {f"{HOUSE}.keeper.capital_share": 0.0})
    taken = told(records, EventKind.VAULT_TAKEOVER)
    margin, lots = taken[taken["instrument"] < 0], taken[taken["instrument"] >= 0]
    assert len(lots) and (margin["value"] > 0).all() and set(margin["account"]) <= set(lots["account"])
    assert records.scalars["vault_equity"].min() > 0 and records.scalars["keeper_equity"].max() == 0
    assert records.per_instrument["takeover"].sum() >= np.abs(lots["lots"]).sum()


def test_the_vault_unwinds_by_its_half_life() -> None:
    model = market({"world.shocks": [], f"{HOUSE}.vault": {"kind": "backstop", "unwind_half_life": 5.0}})
    [vault] = model.agents_by_type[VaultAgent]
    model.step()
    model.ledger.takeover(model.exchange.pool, vault.account, 0, 5, 5 * int(model.exchange.price[0]))
    assert vault.unwind()["lots"].tolist() == [3]  # half of 5 in 5 s, rounded up


def test_keepers_and_vault_are_there_in_every_twin() -> None:
    scenario = world(WEAK | KEEPERS | AUCTION | VAULT)
    opening = played(scenario.with_({"time.duration": 65.0}))
    for name in TWINS:
        records = played(twin(scenario, name).with_({"time.duration": 65.0}))
        for column in ("keeper_equity", "vault_equity"):
            assert records.scalars[column][0] == opening.scalars[column][0] > 0


@pytest.mark.parametrize("who", ["keeper", "vault"])
def test_a_principal_that_takes_too_much_can_default(who: str) -> None:
    brave = {"capital_share": 0.003, "trigger": 1.0, "leverage_max": 20.0, "unwind_half_life": 3_600.0}
    rules = {f"{HOUSE}.keeper": {"capital_share": 0.0}} | {
        f"{HOUSE}.{who}": {"discount": 0.0} | brave if who == "keeper" else {"kind": "backstop", "margin_kept": 0.0} | brave
    }
    model = market(WEAK | {"world.shocks": [shock(-0.5, ramp=60.0)]} | rules)
    staff = model.exchange.houses[0].staff
    records = model.run()
    account = int((staff.keepers if who == "keeper" else staff.vault)[0])
    assert model.ledger.state[account] == State.CLOSED
    assert (records.events["counterparty"] == account).any() and unallocated_loss(records) == 0
