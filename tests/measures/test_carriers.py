"""What each channel carried, by hand: a crash, its twins, and losses asset by asset."""

from __future__ import annotations

from typing import Any

import pytest

from abm.market.causes import Cause
from abm.measures.carriers import carriers, lost
from abm.measures.seeds import summarise_seeds
from abm.measures.summary import summarise
from abm.measures.value import Missing
from abm.records import Records
from tests.measures.by_hand import records
from tests.measures.test_genealogy import BTC, ETH, FOREST, traced


def crash(btc: int, forced: int, deficit: int) -> Records:
    """ETH shocked, down to 9,000; BTC down to `btc`; `forced` cash units sold, of an open interest of 20 M; a deficit."""
    columns = {
        "mark": {"ETH": [10_000, 9_000, 9_000, 9_000], "BTC": [10_000, btc, btc, btc]},
        "forced_value": {"BTC": [0, forced, 0, 0]},
    }
    return records(columns=columns, scalars={"deficit": [0, deficit, 0, 0], "by_fund": [0, deficit, 0, 0]})


RUN = crash(9_800, 4_000_000, 100)
TWINS = {
    "isolated": crash(9_950, 3_000_000, 0),
    "no_impact": crash(10_000, 2_000_000, 0),
    "no_adl": crash(9_760, 5_000_000, 400),
    "no_liquidation": crash(10_000, 0, 0),
}


def test_a_channel_carries_what_is_gone_when_it_is_off() -> None:
    found = carriers(RUN, TWINS)
    # BTC, the one asset not shocked: 2 % below the twin without liquidations; 0.5 % isolated, 0 without impact, 2.4 % without ADL
    assert found["excess_fall"]["total"] == pytest.approx(0.02)
    drop = found["excess_fall"]["drop"]
    assert list(drop) == ["cross_margin", "impact", "adl"]
    assert [told["effect"] for told in drop.values()] == pytest.approx([0.015, 0.02, -0.004])
    assert [told["share"] for told in drop.values()] == pytest.approx([0.75, 1.0, -0.2])
    assert found["forced_share"]["total"] == pytest.approx(0.2)  # 4 of 20 M
    assert found["forced_share"]["drop"]["cross_margin"]["share"] == pytest.approx(0.25)  # 4 - 3 of 4
    assert found["bad_debt"]["drop"]["adl"]["effect"] == pytest.approx(-3.0)  # 100 - 400 units of 0.01


def test_what_is_not_known_has_its_reason() -> None:
    found = carriers(RUN, {"no_adl": TWINS["no_adl"]})
    assert found["excess_fall"]["total"] == Missing("needs the twin no_liquidation, which was not run")
    assert found["forced_share"]["drop"]["cross_margin"]["effect"] == Missing("needs the twin isolated, which was not run")
    assert found["forced_share"]["drop"]["adl"]["share"] == pytest.approx(-0.25)  # 4 - 5 of 4
    assert isinstance(found["forced_share"]["drop"]["adl"]["interval"], Missing)
    calm = crash(10_000, 0, 0)
    none = carriers(calm, {**TWINS, "no_liquidation": calm})["excess_fall"]["drop"]["cross_margin"]
    assert isinstance(none["share"], Missing) and "materiality floor" in none["share"].reason


def test_losses_are_told_by_asset_and_cause_and_add_up_to_one() -> None:
    # ETH outside 100 + 20; BTC forced 70 + (30 + 50), quotes 20; gains in ETH left out: of 290
    told = lost(FOREST)
    assert told["ETH"]["outside"] == pytest.approx(120 / 290)
    assert told["BTC"]["forced"] == pytest.approx(150 / 290)
    assert told["BTC"]["quotes"] == pytest.approx(20 / 290)
    assert sum(share for causes in told.values() for share in causes.values()) == pytest.approx(1.0)


def test_within_an_asset_and_cause_gains_and_losses_of_an_account_are_netted() -> None:
    rows = ((1, 0, BTC, Cause.FORCED, -1, 10), (1, 0, BTC, Cause.FORCED, -1, -4), (1, 0, ETH, Cause.OUTSIDE, -1, 2))
    assert lost(traced(*rows))["BTC"]["forced"] == pytest.approx(6 / 8)


def test_without_seizures_nothing_was_lost() -> None:
    assert lost(traced())["BTC"]["forced"] == Missing("nobody was seized")
    gained = lost(traced((1, 0, BTC, Cause.TRADES, -1, -3)))
    assert gained["BTC"]["trades"] == Missing("the seized had lost nothing")


def test_over_seeds_every_number_has_its_interval() -> None:
    summaries: list[dict[str, Any]] = [summarise(RUN, TWINS) for _ in range(6)]
    told = summarise_seeds(summaries)
    share = told["seeds"]["attribution"]["excess_fall"]["drop"]["cross_margin"]
    assert share["share"]["median"] == share["share"]["low"] == share["share"]["high"] == pytest.approx(0.75)
    assert "interval" not in share
    assert summaries[0]["attribution"]["excess_fall"]["drop"]["cross_margin"]["interval"] is None
