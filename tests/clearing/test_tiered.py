"""Tiered margin against the published BTCUSDT table, its laws, and the plain twin."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.clearing.margin.tiered import Bracket, Tiered, stack
from abm.kernels.margin import Brackets, initial_margin, leg_margin, revalue, revalue_rows
from tests.naive_ledger import leg_margin as naive_margin

# Binance BTCUSDT, 2021-22: floor, maximum leverage, maintenance rate, maintenance amount (USDT)
BTCUSDT = [
    (0, 125, 0.004, 0),
    (50_000, 100, 0.005, 50),
    (250_000, 50, 0.01, 1_300),
    (1_000_000, 20, 0.025, 16_300),
    (10_000_000, 10, 0.05, 266_300),
    (20_000_000, 5, 0.1, 1_266_300),
    (50_000_000, 4, 0.125, 2_516_300),
    (100_000_000, 3, 0.15, 5_016_300),
    (200_000_000, 2, 0.25, 25_016_300),
    (300_000_000, 1, 0.5, 100_016_300),
]
LADDER = tuple(Bracket(floor=f, initial_rate=1 / x, maintenance_rate=r) for f, x, r, _ in BTCUSDT)
RULE = Tiered(brackets={"BTC": LADDER})


def btc(cash_units: int = 1) -> Brackets:
    return RULE.tables(["BTC"], max_leverage=125, cash_units=cash_units)


def maintenance(notional: int, cash_units: int = 1) -> int:
    position, price = np.array([[notional]]), np.array([1])
    return int(RULE.requirement(position, price, btc(cash_units)).maintenance[0])


def test_maintenance_amounts_are_the_published_ones() -> None:
    amounts = btc().maintenance_amount[0, 0, : len(BTCUSDT)]
    np.testing.assert_allclose(amounts, [amount for *_, amount in BTCUSDT], rtol=1e-12)


@pytest.mark.parametrize(
    ("notional", "expected"),
    [
        (40_000, 160),  # 40,000 x 0.4 %
        (100_000, 450),  # 100,000 x 0.5 % - 50
        (600_000, 4_700),  # 600,000 x 1 % - 1,300
        (5_000_000, 108_700),  # 5,000,000 x 2.5 % - 16,300
        (30_000_000, 1_733_700),  # 30,000,000 x 10 % - 1,266,300
        (-30_000_000, 1_733_700),  # a short asks the same
        (400_000_000, 99_983_700),  # 400,000,000 x 50 % - 100,016,300
    ],
)
def test_worked_examples(notional: int, expected: int) -> None:
    assert maintenance(notional) == expected
    assert maintenance(1_000 * notional, cash_units=1_000) == 1_000 * expected  # money in thousandths


def test_continuous_and_increasing_over_every_floor() -> None:
    floors = np.array([f for f, *_ in BTCUSDT[1:]])
    around = (floors[:, None] + np.arange(-50, 51)).ravel()[:, None]
    price, rule = np.array([1]), np.zeros(len(around), dtype=np.int64)
    tables = btc()
    for required in (RULE.requirement(around, price, tables).maintenance, initial_margin(around, price, rule, tables)):
        steps = np.diff(required.reshape(len(floors), -1), axis=1)
        assert (steps >= 0).all() and (steps <= 1).all()  # a rate of at most 1 on one more unit of notional


def test_without_brackets_leverage_rules() -> None:
    tables = Tiered().tables(["BTC", "ALT"], max_leverage=[40, 10], cash_units=1_000)
    required = Tiered().requirement(np.array([[2, -3]]), np.array([10_000, 1_000]), tables)
    # BTC 20,000: initial 1/40 = 500, half of it maintenance; ALT 3,000: 300 and 150
    assert (required.initial.tolist(), required.maintenance.tolist()) == ([800], [400])


def test_equity_collateral_and_gains_share() -> None:
    tables = Tiered().tables(["A", "B"], max_leverage=10, cash_units=1, gains_share=0.25)
    position, cost = np.array([[2, -1], [0, 0]]), np.array([[150, -100], [0, 0]])
    worth = revalue(np.array([[1_000], [7]]), position, cost, np.array([100, 130]), np.zeros(2, dtype=np.int64), tables)
    # equity 1000 + 200 - 130; the first leg gains 50 of which 37.5 -> 38 do not count, the second loses
    assert worth.equity.tolist() == [1_070, 7]
    assert worth.collateral.tolist() == [1_070 - 38, 7]
    # 5 % of 200 and of 130 (6.5 -> 6)
    assert worth.maintenance.tolist() == [16, 0]
    assert leg_margin(position, np.array([100, 130]), tables, 0).tolist() == [[10, 6], [0, 0]]


DYADIC = [  # floor, initial rate, maintenance rate: exact in binary, so that ties round alike
    (Fraction(0), Fraction(1, 32), Fraction(1, 64)),
    (Fraction(500), Fraction(1, 16), Fraction(1, 32)),
    (Fraction(2_000), Fraction(1, 8), Fraction(3, 32)),
    (Fraction(9_000), Fraction(1, 4), Fraction(1, 8)),
    (Fraction(40_000), Fraction(1, 2), Fraction(1, 2)),
]
STEEP = Tiered(
    brackets={"A": tuple(Bracket(floor=float(f), initial_rate=float(i), maintenance_rate=float(m)) for f, i, m in DYADIC)}
)
TWO_RULES = stack(
    [
        STEEP.tables(["A", "B", "A"], max_leverage=8, cash_units=1),
        Tiered().tables(["A", "B", "A"], max_leverage=[2, 4, 8], cash_units=1),
    ]
)


@given(st.integers(0, 2**32), st.integers(1, 1_500), st.booleans())
@settings(deadline=None, max_examples=25)
def test_equals_the_plain_twin_and_one_row_equals_itself_among_many(seed: int, n: int, mixed: bool) -> None:
    rng = np.random.default_rng(seed)
    position = np.asfortranarray((rng.pareto(0.7, (n, 3)) * rng.choice([-5, 5], (n, 3))).clip(-1e6, 1e6).astype(np.int64))
    cash, cost, price = rng.integers(-(10**6), 10**6, (n, 2)), np.zeros_like(position), np.array([7, 11, 3])
    rule = rng.integers(0, 2, n) if mixed else np.sort(rng.integers(0, 2, n))
    worth = revalue(cash, position, cost, price, rule, TWO_RULES)
    initial = initial_margin(position, price, rule, TWO_RULES)
    ladders = [
        [DYADIC, [(Fraction(0), Fraction(1, 8), Fraction(1, 16))], DYADIC],
        [[(Fraction(0), Fraction(1, x), Fraction(1, 2 * x))] for x in (2, 4, 8)],
    ]
    for row in rng.integers(0, n, 20):
        values = [int(q) * int(p) for q, p in zip(position[row], price, strict=True)]
        legs = [(abs(value), ladder) for value, ladder in zip(values, ladders[rule[row]], strict=True)]
        assert worth.equity[row] == sum(map(int, cash[row])) + sum(values)
        assert initial[row] == sum(naive_margin(v, [(f, i) for f, i, _ in ladder]) for v, ladder in legs)
        assert worth.maintenance[row] == sum(naive_margin(v, [(f, m) for f, _, m in ladder]) for v, ladder in legs)
        assert leg_margin(position[[row]], price, TWO_RULES, rule[row]).sum() == worth.maintenance[row]
    rows = rng.integers(0, n, 5)
    some = revalue_rows(rows, cash, position, cost, price, rule, TWO_RULES)
    assert some.maintenance.tolist() == worth.maintenance[rows].tolist()
    assert some.equity.tolist() == worth.equity[rows].tolist()


def bracket(floor: float, initial: float, maintenance: float) -> dict[str, float]:
    return {"floor": floor, "initial_rate": initial, "maintenance_rate": maintenance}


@pytest.mark.parametrize(
    ("ladder", "message"),
    [
        ([bracket(0, 0.1, 0.2)], r"margin.maintenance_rate must be in \(0, initial_rate=0.1\], was 0.2"),
        ([bracket(0, 0.1, 0.0)], r"margin.maintenance_rate must be in \(0, initial_rate=0.1\], was 0"),
        ([bracket(5, 0.1, 0.05)], "margin.brackets.BTC: the first floor must be 0, was 5"),
        ([bracket(0, 0.1, 0.05), bracket(0, 0.2, 0.05)], "margin.brackets.BTC: floor must be above 0, was 0"),
        (
            [bracket(0, 0.2, 0.05), bracket(10, 0.1, 0.05)],
            "margin.brackets.BTC: initial_rate at floor 10 must be at least 0.2, was 0.1",
        ),
        (
            [bracket(0, 0.2, 0.05), bracket(10, 0.2, 0.04)],
            "margin.brackets.BTC: maintenance_rate at floor 10 must be at least 0.05, was 0.04",
        ),
        ([], "at least 1 item"),
    ],
)
def test_brackets_that_make_no_sense(ladder: list[dict[str, float]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Tiered(brackets={"BTC": ladder})
