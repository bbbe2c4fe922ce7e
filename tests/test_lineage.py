"""Who infected whom: what each seized account lost, and through whom, in small worlds."""

from __future__ import annotations

import numpy as np
import pytest

from abm.market.causes import Cause
from abm.measures.genealogy import losses, parents
from abm.measures.summary import summarise
from tests.small_worlds import fingerprint, market, played, shock, world


def test_parts_of_every_mark_add_up_and_losses_are_those_of_the_marks():
    """A leg that never changed lost its lots times the fall of its mark since the opening, to the rounding of its parts."""
    model = market({"world.shocks": [shock(-0.4)]}, crowd=25)
    opening, unit = model.ledger.position.copy(), model.instruments.unit
    checked = 0
    for _ in range(60):
        untouched = (model.lineage._since < 0).all(axis=1)
        model.step()
        causes = model.lineage._causes.mark
        assert np.allclose(causes.sum(axis=1), model.marks.mark - model.instruments.opening_tick, atol=1e-6)
        rows = model.records().lineage
        for account in np.unique(rows["account"][rows["step"] == model.tick - 1]):
            if untouched[account]:
                mine = rows[(rows["account"] == account) & (rows["step"] == model.tick - 1)]
                fall = model.instruments.opening_tick - model.marks.mark
                assert mine["loss"].sum() == pytest.approx(int((opening[account] * unit) @ fall), abs=len(mine))
                checked += 1
    assert checked > 0


def test_every_seizure_is_numbered_and_parents_come_first():
    records = played(world({"world.shocks": [shock(-0.4)]}, crowd=25))
    rows = records.lineage
    assert len(np.unique(rows["liquidation"])) == records.scalars["entered"].sum() > 1
    assert (rows["parent"] < rows["liquidation"]).all() and (rows["parent"] >= 0).any()
    assert (rows["cause"][rows["parent"] >= 0] == Cause.FORCED).all()


def test_the_first_to_be_seized_has_no_parent():
    records = played(world({"world.shocks": [shock(-0.4)]}, crowd=25))
    first = records.lineage[records.lineage["step"] == records.lineage["step"].min()]
    assert (first["parent"] == -1).all() and not (first["cause"] == Cause.FORCED).any()
    assert parents(records)[0] == -1


def test_without_impact_nobody_is_infected():
    records = played(world({"world.shocks": [shock(-0.4)], "venues.main.clearing.execution": "outside_pool"}, crowd=25))
    table = losses(records)
    assert len(table) and (table["parent"] == -1).all()


def test_nobody_told_apart_is_still_all_forced():
    changes = {"world.shocks": [shock(-0.4)]}
    one, many = (played(world(changes | {"record.parents_max": most}, crowd=25)) for most in (0, 1_000))
    assert fingerprint(one) == fingerprint(many)  # looking back changes nothing in the market
    assert (one.lineage["parent"] == -1).all() and (many.lineage["parent"] >= 0).any()
    forced = [int(r.lineage["loss"][r.lineage["cause"] == Cause.FORCED].sum()) for r in (one, many)]
    assert forced[0] == pytest.approx(forced[1], rel=1e-3)


def test_without_genealogy_the_market_is_the_same_and_what_needs_it_says_so():
    changes = {"world.shocks": [shock(-0.4)]}
    off, on = (played(world(changes | {"record.genealogy": told}, crowd=25)) for told in (False, True))
    assert fingerprint(off) == fingerprint(on)
    assert not len(off.lineage) and not len(off.seizures) and off.exposure is None and len(on.seizures)
    reasons = summarise(off, {})["unavailable"]
    needy = ("reproduction_number.genealogy", "reproduction_number.ex_ante", "genealogy.generations", "ex_ante.critical_shock",
             "capital_efficiency.margin_saved", "recovered_share.run", "saved_by_offset_share")  # fmt: skip
    assert all("record.genealogy is off" in reasons[name] for name in needy)


def test_legs_at_the_seizure_are_those_that_breached():
    records = played(world({"world.shocks": [shock(-0.4)]}, crowd=25))
    rows = records.seizures
    assert np.array_equal(np.unique(rows["liquidation"]), np.unique(records.lineage["liquidation"]))
    assert (rows["equity"] < rows["maintenance"]).all() and (rows["lots"] != 0).all()
    assert np.array_equal(rows["mark"], records.per_instrument["mark"][rows["step"], rows["instrument"]])
    alone = np.zeros(rows["liquidation"].max() + 1, dtype=np.int64)
    np.add.at(alone, rows["liquidation"], rows["alone"])
    assert np.array_equal(alone[rows["liquidation"]], rows["maintenance"])  # brackets add up the legs


def test_legs_under_by_themselves_are_of_accounts_with_several():
    records = played(world({"world.shocks": [shock(-0.25)], "population.cross_share": 1.0}, crowd=40, pairs=20))
    under, saved = records.meta.under_alone
    assert 0 < saved < under
    isolated = played(world({"world.shocks": [shock(-0.25)], "population.cross_share": 0.0}, crowd=40, pairs=20))
    assert isolated.meta.under_alone == (0, 0)  # nothing is held together there


def test_books_run_out_under_forced_orders():
    records = played(world({"world.shocks": [shock(-0.5)], "makers.capital_share": 0.002}, crowd=60))
    left = records.liquidations[records.liquidations["filled"] != records.liquidations["lots"]]
    assert len(left)
    exhausted = records.per_instrument["exhausted"]
    assert set(zip(*np.nonzero(exhausted), strict=True)) == set(zip(left["step"], left["instrument"], strict=True))
