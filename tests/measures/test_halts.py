"""Counts and lengths of halts, by hand."""

from __future__ import annotations

from abm.measures.halts import halted_seconds, halts
from tests.measures.by_hand import instruments, records


def test_halts_are_counted_on_every_venue_and_time_once():
    table = instruments(("BTC", "ETH@alpha", "ETH@beta"), (0, 1, 1))
    run = records(6, columns={"halted": {"ETH@alpha": [1, 1, 0, 0, 1, 1], "ETH@beta": [0, 1, 1, 0, 0, 0]}}, table=table)
    assert halts(run) == [0, 3]
    assert halted_seconds(run) == [0.0, 25.0]  # five steps of 5 s with a closed book


def test_the_column_is_kept_as_it_is_in_human_units():
    run = records(columns={"halted": {"ETH": [0, 1, 1, 0]}})
    assert run.frames()["steps"]["ETH.halted"].tolist() == [0, 1, 1, 0]
