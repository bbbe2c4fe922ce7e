"""The branching ratio by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abm.clearing.journal import EventKind
from abm.measures.branching import branching_ratio, of_liquidations
from abm.measures.value import Missing
from abm.records import EVENT
from tests.measures.by_hand import records


def test_twenty_windows_by_hand():
    # 10 x 0 and 10 x 10: mean 5, variance 25 x 20 / 19 = 26.3158; 1 - sqrt(0.19)
    assert branching_ratio([0] * 10 + [10] * 10) == pytest.approx(1 - np.sqrt(0.19))
    # 10 x 4 and 10 x 6: variance 20 / 19: more even than by chance
    assert branching_ratio([4, 6] * 10) == pytest.approx(1 - np.sqrt(4.75))


@pytest.mark.parametrize(
    ("counts", "reason"), [([3, 4] * 9, "needs 20 windows, had 18"), ([3] * 20, "every window holds 3 events")]
)
def test_where_there_is_none_it_says_why(counts: Any, reason: str):
    assert branching_ratio(counts) == Missing(reason)


def test_liquidations_are_counted_from_the_shock_on_in_whole_windows():
    n, shock = 1 + 20 * 12 + 5, 1  # steps of 5 s: twelve are a minute; the last five are no whole one
    steps = [0, *(shock + 24 * k + j for k in range(10) for j in range(10)), n - 1]  # ten in every other minute, and two outside
    events = np.zeros(len(steps) + 1, EVENT)
    events["step"], events["kind"] = [*steps, 30], [EventKind.ENTERED] * len(steps) + [EventKind.CLOSED]
    run = replace(records(n), events=events)
    assert of_liquidations(run) == pytest.approx(1 - np.sqrt(0.19))
    assert of_liquidations(run, 600.0) == Missing("needs 20 windows, had 2")
