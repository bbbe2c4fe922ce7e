"""Options dealers in the whole market: accounts of their own, hedges that can fail, and money that stays money."""

from __future__ import annotations

from typing import Any

import numpy as np

from abm.agents.dealer import Dealer
from abm.clearing.journal import EventKind
from abm.market.order import Reason
from abm.measures.losses import unallocated_loss
from abm.model import CascadeModel
from tests.small_worlds import asset, market, shock, token
from tests.test_model import executions


def dealing(**changes: Any) -> dict[str, Any]:
    return {"population.dealers": {"count": 2, "capital_share": 0.05, "gamma_share": 0.004, **changes}}


def seized(model: CascadeModel) -> int:
    """Dealers' accounts that were liquidated."""
    events = model.records().events
    return int(np.isin(events["trader"][events["kind"] == EventKind.ENTERED], model.dealers.rows).sum())


def test_without_dealers_there_is_no_row_for_them() -> None:
    model = market()
    assert "dealers" not in model.exchange.traders.groups and not len(model.dealers.rows)
    assert len(model.exchange.traders.group) == len(market(dealing()).exchange.traders.group) - 2


def test_dealers_open_flat_on_their_own_money_behind_everybody_else() -> None:
    model = market(dealing(capital_share=0.05))
    rows = model.dealers.rows
    assert rows.tolist() == [len(model.exchange.traders.group) - 2, len(model.exchange.traders.group) - 1]
    assert not model.positions(rows).any()
    # 5 % of 2 x 1e6 of open interest between two, in cash units of 0.001
    assert model.equity(rows).tolist() == [50_000_000, 50_000_000]
    assert [agent.row for agent in model.agents_by_type[Dealer]] == rows.tolist()


def test_hedges_follow_the_mark_as_trades_of_their_own_reason() -> None:
    model = market(dealing())
    log = executions(model)
    model.run()
    taken = np.concatenate([done.fills for _, done, _ in log])
    mine = np.isin(model.ledger.owner[taken["taker"]], model.dealers.rows)
    assert mine.any() and (taken["taker_reason"][mine] == Reason.HEDGE).all()
    held, wanted = model.positions(model.dealers.rows)[0], model.agents_by_type[Dealer][0].target
    assert wanted[0] < 0 and np.sign(held[0]) == np.sign(wanted[0])  # BTC fell: short of it
    assert model.ledger.conservation() == {"cash_error": 0, "lots_error": 0}


def test_a_dealer_with_little_money_is_liquidated_and_its_loss_is_borne() -> None:
    # a fall that comes back: sold low, bought high
    swing = {"world.shocks": [shock(-0.3, recovery=30.0)], "time.duration": 600.0}
    poor = market(dealing(capital_share=0.002, hedge_half_life=5.0) | swing)
    poor.run()
    assert seized(poor) > 0
    assert unallocated_loss(poor.records()) == 0
    equity = poor.records().scalars["dealer_equity"]
    assert equity[0] == 4_000_000 > equity[-1]  # 0.2 % of 2 x 1e6, in cash units of 0.001
    assert poor.ledger.conservation() == {"cash_error": 0, "lots_error": 0}


def test_no_options_on_tokens() -> None:
    model = market(dealing() | {"assets": [asset("BTC"), asset("ETH"), token("USDE")]})
    assert model.dealers.options.lots[model.instruments.is_spot].tolist() == [-0.0]
    assert (model.dealers.options.lots[~model.instruments.is_spot] < 0).all()
