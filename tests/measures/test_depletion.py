"""Equity lost against what calm correlations let expect, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abm.measures.depletion import equity_depletion, expected_moves, losses
from abm.measures.value import Missing
from abm.records import Exposure, Records
from tests.measures.by_hand import records

UP_DOWN = np.tile([0.01, -0.01], 6)


def test_calm_returns_say_how_far_the_others_follow() -> None:
    calm = np.column_stack([0.5 * UP_DOWN, UP_DOWN])  # BTC moves half as far as ETH
    assert expected_moves(calm, np.array([[-0.3, -0.1]]), [1]) == pytest.approx(np.array([[-0.05, -0.1]]))
    assert expected_moves(calm, np.array([[-0.3, -0.1]]), [0, 1]) == pytest.approx(np.array([[-0.3, -0.1]]))  # both known
    still = np.column_stack([UP_DOWN, np.zeros(12)])
    assert expected_moves(still, np.array([[-0.3, -0.1]]), [1]) == pytest.approx(np.array([[0.0, -0.1]]))


def test_who_gains_makes_no_loss_smaller() -> None:
    # Alice long 100 of each loses 10 + 20; Bob, short 40 of BTC, gains 4
    assert losses(np.array([[100.0, 100.0], [-40.0, 0.0]]), np.array([[-0.1, -0.2], [0.0, 0.0]])).tolist() == [30.0, 0.0]


def crash() -> Records:
    """13 half-minutes of calm in which BTC moves half as far as ETH, then both fall 10 %. Steps of 30 s."""
    wave = np.tile([0, 1], 7)
    eth, btc = 10_000 + 100 * wave, 10_000 + 50 * wave  # the last of the calm is above by 100 and 50
    fallen = {"ETH": [*eth[:13], *[9_000] * 3], "BTC": [*btc[:13], *[9_000] * 3]}  # calm ends at 10,000
    run = records(16, columns={"mark": fallen}, step_seconds=30.0, shock_step=13, shock_steps=1)
    position = np.array([[100, 100], [-40, 0]])  # lots at 10,000 cash units each
    exposure = Exposure(
        position=position,
        buffer=np.array([800_000, 100_000]),
        rate=np.array([0.05, 0.05]),
        price=np.array([10_000, 10_000]),
        bids=np.array([10, 10]),
        within=0.01,
        moves=np.array([0.0, -0.1]),
        maintenance=np.array([100_000, 0]),
        alone=np.zeros((2, 2), dtype=np.int64),
        step=12,
    )
    return replace(run, exposure=exposure)


def test_equity_went_faster_than_calm_correlations_let_expect() -> None:
    found = equity_depletion(crash())
    # Alice: 10 % of 2 M = 200 k of 1 M of equity; expected 10 % of 1 M of ETH and 5 % of 1 M of BTC = 150 k
    assert found == pytest.approx({"actual": 0.2, "expected": 0.15, "times": 4 / 3}, rel=1e-9)


def test_what_cannot_be_told_has_its_reason() -> None:
    run = crash()
    assert equity_depletion(replace(run, exposure=None))["times"] == Missing("the run ended before its calm beginning did")
    unshocked = replace(run, meta=replace(run.meta, shocked=()))
    assert equity_depletion(unshocked)["times"] == Missing("nothing is shocked in this run")
    early = replace(run, meta=replace(run.meta, shock_step=5))
    assert equity_depletion(early)["times"] == Missing("needs 10 returns before the shock, had 4")
