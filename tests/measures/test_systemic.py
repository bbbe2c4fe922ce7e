"""Tails of losses over seeds, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from abm.measures.systemic import (
    account_loss,
    covar,
    delta_covar,
    expected_shortfall,
    marginal_expected_shortfall,
    systemic,
    value_at_risk,
)
from abm.measures.value import Missing
from tests.measures.by_hand import records

TEN_TO_ONE_HUNDRED = np.arange(1.0, 11.0) * 10


def test_value_at_risk_and_shortfall():
    assert value_at_risk(TEN_TO_ONE_HUNDRED, 0.8) == pytest.approx(82.0)  # 0.2 between 80 and 90
    assert expected_shortfall(TEN_TO_ONE_HUNDRED, 0.8) == 95.0  # 90 and 100


def test_what_a_group_loses_in_the_tail_of_the_system():
    system = TEN_TO_ONE_HUNDRED
    assert marginal_expected_shortfall(system[::-1], system, 0.8) == 15.0  # 20 and 10 where the system lost 90 and 100


def test_what_the_system_loses_in_the_tail_of_a_group():
    losses = TEN_TO_ONE_HUNDRED
    system = np.where(losses > 80, 5.0, np.where(np.abs(losses - 55) < 10, 2.0, 0.0))
    assert covar(losses, system, 0.8) == 5.0
    assert delta_covar(losses, system, 0.8) == 3.0  # 2.0 in the two seeds nearest the median of 55
    assert delta_covar(losses, np.full(10, 7.0), 0.8) == 0.0


def test_all_statistics_of_all_groups():
    changes = [{"carry": -x / 100, "system": -x / 200} for x in range(20)]
    found = systemic(changes)
    assert found["expected_shortfall"] == pytest.approx({"carry": 0.185, "system": 0.0925})  # 18 and 19 of 0 ... 19
    assert found["marginal_expected_shortfall"]["carry"] == pytest.approx(0.185)
    assert found["covar"]["carry"] == pytest.approx(0.09 + 0.9 * 0.005)


def test_too_few_seeds():
    found = systemic([{"system": -0.1}] * 19)
    assert all(isinstance(value, Missing) for groups in found.values() for value in groups.values())
    assert systemic([]) == {}


def test_what_the_tenth_of_owners_that_lost_most_lost():
    # 20 owners of 100 lose 0, 1, ... 19; one without equity is left out. 90 %: between 17 and 18 of 0 ... 19
    owned = np.array([[100, 100 - lost] for lost in range(20)] + [[0, -50]])
    found = account_loss(records(owned=owned))
    assert found == pytest.approx({"value_at_risk": 0.171, "expected_shortfall": 0.185})
    assert account_loss(records(owned=owned[:19]))["value_at_risk"] == Missing(
        "needs 20 owners with equity at the opening, had 19"
    )
