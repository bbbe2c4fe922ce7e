"""Named streams: what may change a random number (seed, name, step) and what may not (anything else that is drawn)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.streams import Streams

seeds = st.integers(0, 2**63 - 1)
names = st.text("abcxyz._", min_size=1, max_size=12)
step_numbers = st.integers(0, 2**40)
lengths = st.integers(0, 60)
few = settings(max_examples=40, deadline=None)


@few
@given(seeds, names, step_numbers, lengths, lengths)
def test_a_longer_draw_begins_with_the_shorter(seed, name, step, a, b):
    short, long = sorted((a, b))
    for draw in ("random", "standard_normal", "standard_exponential"):
        first = getattr(Streams(seed).at(name, step), draw)(short)
        second = getattr(Streams(seed).at(name, step), draw)(long)
        assert first.tobytes() == second[:short].tobytes()


@few
@given(seeds, names, step_numbers, lengths)
def test_a_skipped_or_longer_draw_elsewhere_moves_nothing(seed, name, step, drawn):
    alone = Streams(seed).at(name, step).random(5)
    busy = Streams(seed)
    busy.at(name + "!", step).random(drawn)  # another decision
    busy.at(name, step + 1).random(drawn)  # a later step, read first
    busy.at(name, step).random(drawn)  # the same stream, read before
    assert busy.at(name, step).random(5).tobytes() == alone.tobytes()


@few
@given(seeds, names, step_numbers)
def test_seed_name_and_step_each_change_the_numbers(seed, name, step):
    here = Streams(seed).at(name, step).random(4)
    for other in (Streams(seed + 1).at(name, step), Streams(seed).at(name + "x", step), Streams(seed).at(name, step + 1)):
        assert not np.any(other.random(4) == here)


def test_steps_of_a_stream_never_share_numbers_however_much_a_step_draws():
    streams = Streams(0)
    drawn = np.concatenate([streams.at("noise", step).random(2_000) for step in range(20)])
    assert len(np.unique(drawn)) == 40_000  # 53-bit numbers: a chance coincidence has probability 1e-7


def test_seed_zero_is_a_seed():
    assert Streams(0).at("noise", 3).random() == Streams(0).at("noise", 3).random()
    assert Streams(0).at("noise", 3).random() != Streams(1).at("noise", 3).random()


def test_seed_and_name_are_not_confused():
    # "1" + "1/x" and "11" + "/x" would be the same text without the separator between seed and name
    assert Streams(1).key("1/x").tolist() != Streams(11).key("x").tolist()
    assert Streams(1).key("1x").tolist() != Streams(11).key("x").tolist()


def test_uniform_numbers_have_the_moments_of_uniform_numbers():
    drawn = np.array([Streams(seed).at("noise", step).random() for seed in range(50) for step in range(200)])
    assert abs(drawn.mean() - 0.5) < 4 * 0.2887 / 100  # 4 standard errors: sd 1/sqrt(12), n = 10,000
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 4 / 100  # neighbouring steps are independent


@few
@given(seeds, step_numbers, st.lists(st.tuples(st.integers(-5, 10**6), st.integers(0, 7)), max_size=30), st.randoms())
def test_priority_belongs_to_the_order_not_to_its_place_in_the_batch(seed, step, orders, random):
    rows = np.array(orders, dtype=np.int64).reshape(-1, 2)
    shuffled = np.array(random.sample(range(len(rows)), len(rows)), dtype=np.int64)
    keys = Streams(seed).priority("trade", step, rows[:, 0], rows[:, 1])
    again = Streams(seed).priority("trade", step, rows[shuffled, 0], rows[shuffled, 1])
    assert keys.dtype == np.uint64
    assert keys[shuffled].tolist() == again.tolist()


def test_priority_keys_differ_over_traders_steps_and_names_and_are_evenly_spread():
    streams, trader = Streams(0), np.arange(20_000)
    keys = streams.priority("trade", 1, trader, np.zeros_like(trader))
    assert len(np.unique(keys)) == 20_000
    others = (
        streams.priority("trade", 2, trader, 0 * trader),
        streams.priority("hedge", 1, trader, 0 * trader),
        streams.priority("trade", 1, trader, 0 * trader + 1),
        Streams(1).priority("trade", 1, trader, 0 * trader),
    )
    for other in others:
        assert not np.any(other == keys)
        first = np.mean(keys < other)  # who goes first must be a fair coin between any two of them
        assert first == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(20_000))


def test_priority_tells_columns_apart():
    streams = Streams(3)
    one, two = np.array([1]), np.array([2])
    assert streams.priority("trade", 0, one, two)[0] != streams.priority("trade", 0, two, one)[0]
