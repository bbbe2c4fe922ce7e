"""The outside value: hand calculations, exact independence, alignment with the twin, moments, and what is refused."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from abm.streams import Streams
from abm.world.fundamentals import DAY, Assets, Fundamentals, Values, cholesky
from abm.world.shocks import Shock

NAMES = ("BTC", "ETH", "SOL")
OPENING = (100_000.0, 4_000.0, 200.0)
VOLATILITY = (0.025, 0.036, 0.044)


def assets(*rows, volatility=VOLATILITY):
    rows = rows or (0, 1, 2)
    return Assets(tuple(NAMES[r] for r in rows), np.array([OPENING[r] for r in rows]), np.array([volatility[r] for r in rows]))


def path(process, world=None, *, seed=7, step=5.0, n=200, shocks=()):
    """Values (n + 1, n_assets) of a run."""
    values = Values(process, assets() if world is None else world, Streams(seed), step, shocks=shocks)
    return np.array([values.advance(k) for k in range(n + 1)])


def crash(**changes):
    return Shock(**{"name": "crash", "assets": ["ETH"], "size": -0.15, "at": 500.0} | changes)


def test_without_noise_value_rests_at_the_opening_and_a_shock_is_a_hand_calculation():
    still = Fundamentals(correlation=0.7, diffusion=False)
    value = path(still, shocks=[crash(ramp=20.0)], n=110)  # 5 s steps: step 100, then 4 equal parts
    assert value[:101].tolist() == [list(OPENING)] * 101
    # 4000 * (1 - 0.15 * k / 4), k = 1 .. 4: 3850, 3700, 3550, 3400
    assert value[101:, 1] == pytest.approx([3850.0, 3700.0, 3550.0] + [3400.0] * 7, rel=1e-15)
    assert value[101:, 0].tolist() == [100_000.0] * 10


def test_two_shocks_multiply():
    still = Fundamentals(correlation=0.0, diffusion=False)
    value = path(still, shocks=[crash(), crash(name="second", size=-0.10, at=600.0)], n=130)
    assert value[[99, 100, 120], 1] == pytest.approx([4000.0, 3400.0, 3060.0])  # 4000 * 0.85, * 0.9


@pytest.mark.parametrize("switch", [{"diffusion": False}, {"volatility_scale": 0.0}])
def test_diffusion_off_and_volatility_zero_are_the_same_rest(switch):
    assert path(Fundamentals(correlation=0.7, **switch), n=50).tolist() == [list(OPENING)] * 51


def test_a_step_is_the_sum_of_its_named_draws():
    two = assets(0, 1)
    value = path(Fundamentals(correlation=0.6), two, n=1)[1]
    btc, eth = (Streams(7).at(f"world.diffusion.{name}", 1).standard_normal() for name in two.names)
    root = math.sqrt(5.0 / 86_400.0)  # a step of 5 s as a part of the day
    assert value[0] == pytest.approx(100_000.0 * (1 + 0.025 * root * btc), rel=1e-15)
    assert value[1] == pytest.approx(4_000.0 * (1 + 0.036 * root * (0.6 * btc + 0.8 * eth)), rel=1e-15)  # 0.8 = sqrt(1 - 0.6^2)


def test_volatility_scale_scales_the_moves():
    one = path(Fundamentals(correlation=0.3), n=1)[1] / OPENING - 1.0
    three = path(Fundamentals(correlation=0.3, volatility_scale=3.0), n=1)[1] / OPENING - 1.0
    assert three == pytest.approx(3.0 * one, rel=1e-9)


def test_before_the_shock_and_in_other_assets_the_run_is_its_twin_bit_for_bit():
    process = Fundamentals(correlation=0.7, jump_rate=500.0, jump_sd=0.01, jump_common_share=0.5, reversion=1800.0)
    run, twin = path(process, shocks=[crash(ramp=60.0)]), path(process)
    assert run[:101].tobytes() == twin[:101].tobytes()  # up to 500 s, correlated noise, jumps and all
    assert run[:, [0, 2]].tobytes() == twin[:, [0, 2]].tobytes()
    assert np.all(run[101:, 1] < twin[101:, 1])
    assert run[112:, 1] / twin[112:, 1] == pytest.approx(0.85, rel=1e-12)  # mean reversion does not undo it


def test_uncorrelated_assets_do_not_know_of_each_other():
    process = Fundamentals(correlation=0.0, jump_rate=300.0, jump_sd=0.01, reversion=1800.0)
    together = path(process)
    for rows in ((1,), (0, 1), (1, 2), (2, 1), (1, 0, 2)):  # ETH alone, with others removed, or in another order
        assert path(process, assets(*rows))[:, rows.index(1)].tobytes() == together[:, 1].tobytes()
    shocked = path(process, shocks=[crash(assets=["BTC", "SOL"])])
    assert shocked[:, 1].tobytes() == together[:, 1].tobytes()


def test_an_asset_added_last_moves_no_other_even_when_correlated():
    process = Fundamentals(correlation=0.7)
    assert path(process, assets(0, 1)).tobytes() == path(process)[:, :2].tobytes()


def test_jumps_do_not_move_the_diffusion():
    noise = Fundamentals(correlation=0.7)
    rare = Fundamentals(correlation=0.7, jump_rate=1e-9, jump_sd=0.1)  # asked for at every step, and never comes
    assert path(noise).tobytes() == path(rare).tobytes()


def test_transmission_reaches_correlated_assets_only_if_asked():
    still = Fundamentals(correlation=0.5, diffusion=False)
    assert path(still, shocks=[crash()])[-1].tolist() == pytest.approx([100_000.0, 3400.0, 200.0])
    passing = Fundamentals(correlation=0.5, diffusion=False, transmission=1.0)
    # BTC: -0.15 * 0.5 * 0.025 / 0.036 = -0.0520833; SOL: -0.15 * 0.5 * 0.044 / 0.036 = -0.0916667
    expected = [100_000.0 * (1 - 0.05208333333), 3400.0, 200.0 * (1 - 0.09166666667)]
    assert path(passing, shocks=[crash()])[-1] == pytest.approx(expected)
    values = Values(passing, assets(), Streams(0), 5.0, shocks=[crash()])
    assert values.shocked == ("ETH",)  # stated, not reached
    assert path(Fundamentals(correlation=0.0, diffusion=False, transmission=1.0), shocks=[crash()])[-1, 0] == 100_000.0


def test_transmission_needs_the_volatility_of_the_shocked_asset():
    flat = assets(volatility=(0.025, 0.0, 0.044))
    with pytest.raises(ValueError, match="shock 'crash': transmission needs a volatility above 0 for 'ETH'"):
        Values(Fundamentals(correlation=0.5, transmission=1.0), flat, Streams(0), 5.0, shocks=[crash()])


def test_half_of_a_gap_closes_in_the_half_life_of_mean_reversion():
    # One certain jump of -10 % (a chance of 1 in the first step would repeat), so the gap is set by hand instead
    values = Values(Fundamentals(correlation=0.0, diffusion=False, reversion=600.0), assets(), Streams(0), 5.0)
    values._drawn = np.array([90_000.0, 4_400.0, 200.0])
    assert values.advance(120) == pytest.approx([95_000.0, 4_200.0, 200.0], rel=1e-12)  # 600 s = 120 steps
    assert values.advance(240) == pytest.approx([97_500.0, 4_100.0, 200.0], rel=1e-12)


def test_common_jumps_have_one_size_and_come_together():
    process = Fundamentals(correlation=0.0, diffusion=False, jump_rate=1_000.0, jump_sd=0.01, jump_common_share=1.0)
    moves = np.diff(np.log(path(process, n=400)), axis=0)
    jumped = np.abs(moves[:, 0]) > 1e-9
    assert 0 < jumped.sum() < 400
    assert moves[:, 1] == pytest.approx(moves[:, 0], abs=1e-12)
    assert moves[:, 2] == pytest.approx(moves[:, 0], abs=1e-12)


def test_jumps_come_at_their_rate_with_their_moments():
    process = Fundamentals(correlation=0.0, diffusion=False, jump_rate=864.0, jump_mean=-0.01, jump_sd=0.002)
    moves = path(process, n=6_000)  # chance per step of 5 s: 864 * 5 / 86400 = 0.05
    moves = (moves[1:] / moves[:-1] - 1.0).ravel()
    moves = moves[np.abs(moves) > 1e-9]
    assert len(moves) / 18_000 == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 18_000))  # 4 standard errors
    assert moves.mean() == pytest.approx(-0.01, abs=4 * 0.002 / math.sqrt(len(moves)))
    assert moves.std() == pytest.approx(0.002, rel=4 / math.sqrt(2 * len(moves)))


def test_the_common_share_of_an_assets_jumps():
    process = Fundamentals(correlation=0.0, diffusion=False, jump_rate=864.0, jump_sd=0.01, jump_common_share=0.4)
    jumped = np.abs(np.diff(np.log(path(process, n=6_000)), axis=0)) > 1e-9
    # an asset jumps with 0.05 per step, all three at once with 0.4 * 0.05 (and by chance with 0.03^3)
    assert jumped.mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 / 6_000))
    assert jumped.all(axis=1).mean() == pytest.approx(0.02, abs=4 * math.sqrt(0.02 / 6_000))


def test_volatility_and_correlation_are_those_stated():
    matrix = ((1.0, 0.8, 0.6), (0.8, 1.0, 0.5), (0.6, 0.5, 1.0))
    value = path(Fundamentals(correlation=matrix), n=8_000)
    moves = value[1:] / value[:-1] - 1.0
    daily = moves.std(axis=0) * math.sqrt(DAY / 5.0)
    assert daily == pytest.approx(VOLATILITY, rel=4 / math.sqrt(2 * 8_000))  # 4 standard errors of a deviation: 3 %
    assert moves.mean(axis=0) == pytest.approx(np.zeros(3), abs=4 * 0.044 * math.sqrt(5.0 / DAY / 8_000))
    for (i, j), rho in {(0, 1): 0.8, (0, 2): 0.6, (1, 2): 0.5}.items():
        measured = np.corrcoef(moves[:, i], moves[:, j])[0, 1]
        assert measured == pytest.approx(rho, abs=4 * (1 - rho**2) / math.sqrt(8_000))  # 4 standard errors of r


def test_volatility_does_not_depend_on_the_step():
    alike = assets(volatility=(0.03, 0.03, 0.03))
    for step in (10.0, 60.0, 600.0):
        paths = [path(Fundamentals(correlation=0.0), alike, seed=s, step=step, n=round(600 / step)) for s in range(100)]
        ends = np.array(paths)[:, -1]
        daily = (ends / OPENING - 1.0).std() / math.sqrt(600.0 / DAY)
        assert daily == pytest.approx(0.03, rel=4 / math.sqrt(2 * 300))  # 300 independent paths of 600 s: 16 %


def test_value_never_leaves_the_floor():
    fall = Fundamentals(correlation=0.0, diffusion=False, jump_rate=DAY / 5.0, jump_mean=-0.5, floor=0.05)
    values = Values(fall, assets(), Streams(0), 5.0)
    assert values.advance(1) == pytest.approx([50_000.0, 2_000.0, 100.0])  # a certain jump each step
    assert not values.floored.any()
    assert values.advance(20) == pytest.approx([5_000.0, 200.0, 10.0])  # 5 % of the opening
    assert values.floored.all()


def test_a_shock_cannot_push_value_through_the_floor():
    still = Fundamentals(correlation=0.0, diffusion=False, floor=0.05)
    values = Values(still, assets(), Streams(0), 5.0, shocks=[crash(size=-0.99)])
    assert values.advance(100).tolist() == [100_000.0, 200.0, 200.0]  # not 4,000 * 0.01 = 40
    assert values.floored.tolist() == [False, True, False]


def test_steps_may_be_skipped_but_not_run_backwards():
    process = Fundamentals(correlation=0.7)
    values = Values(process, assets(), Streams(7), 5.0)
    assert values.advance(50).tobytes() == path(process, n=50)[50].tobytes()
    assert values.advance(50).tobytes() == path(process, n=50)[50].tobytes()
    with pytest.raises(ValueError, match="values are at step 50 and cannot go back to 49"):
        values.advance(49)


def test_cholesky_reproduces_the_matrix_also_when_it_is_singular():
    singular = np.array([[1.0, 1.0, 0.5], [1.0, 1.0, 0.5], [0.5, 0.5, 1.0]])  # the first two assets are one
    angle = np.array([0.1, 0.5, 0.9, 1.7])
    plane = np.cos(angle[:, None] - angle)  # rank 2, and its third pivot is a rounding error of either sign
    for matrix in (singular, plane, np.full((4, 4), 1.0), np.array([[1.0, -0.3], [-0.3, 1.0]])):
        lower = cholesky(matrix)
        assert lower @ lower.T == pytest.approx(matrix, abs=1e-12)
        assert np.all(np.triu(lower, 1) == 0.0)
    assert cholesky(np.eye(5)).tobytes() == np.eye(5).tobytes()


def test_perfectly_correlated_assets_move_as_one():
    moves = path(Fundamentals(correlation=1.0), assets(volatility=(0.03, 0.03, 0.03))) / OPENING
    assert moves[:, 1] == pytest.approx(moves[:, 0], rel=1e-12)


@pytest.mark.parametrize(
    ("correlation", "part"),
    [
        (((1.0, 0.9, -0.9), (0.9, 1.0, 0.9), (-0.9, 0.9, 1.0)), "positive semi-definite, its smallest eigenvalue is -0.8"),
        (((1.0, 0.5), (0.4, 1.0)), "correlation must be symmetric, rows 1 and 2 say 0.5 and 0.4"),
        (((0.9, 0.5), (0.5, 1.0)), "correlation must have 1 on the diagonal, row 1 has 0.9"),
        (((1.0, 0.5), (0.5,)), "correlation must be square, rows have 2, 1 of 2 entries"),
        ((), "correlation must be square"),
        (1.5, "less than or equal to 1"),
    ],
)
def test_what_is_no_correlation_is_refused(correlation, part):
    # eigenvalues of the first: 1.9, 1.9 and 1 - 2 * 0.9 = -0.8
    with pytest.raises(ValidationError) as refused:
        Fundamentals(correlation=correlation)
    assert part in str(refused.value)


@pytest.mark.parametrize(
    ("process", "message"),
    [
        (Fundamentals(correlation=-0.5), "correlation of 3 assets must be in (-0.5, 1], was -0.5"),  # -1 / (3 - 1)
        (Fundamentals(correlation=((1.0, 0.5), (0.5, 1.0))), "correlation is a matrix for 2 assets, the scenario has 3"),
        (Fundamentals(correlation=0.0, reversion=4.0), "reversion of 4 s is shorter than the step of 5 s"),
        (
            Fundamentals(correlation=0.0, jump_rate=20_000.0, jump_sd=0.1),
            "jump_rate of 20000 per day is more than one jump per step of 5 s",
        ),
    ],
)  # fmt: skip
def test_a_process_that_does_not_fit_the_run_is_refused_in_one_line(process, message):
    with pytest.raises(ValueError) as refused:
        process.check(assets(), 5.0)
    assert str(refused.value) == message


def test_lists_are_read_as_matrices_and_jumps_need_a_size():
    assert Fundamentals(correlation=[[1.0, 0.5], [0.5, 1.0]]).correlation == ((1.0, 0.5), (0.5, 1.0))
    with pytest.raises(ValidationError, match="jump_rate is 2 per day but jumps have no size; set jump_mean or jump_sd"):
        Fundamentals(correlation=0.0, jump_rate=2.0)


def with_tokens():
    """BTC and ETH, a claim on staked ETH with noise of its own, and a stable token."""
    return Assets(
        ("BTC", "ETH", "WBETH", "USDE"), np.array([100_000.0, 4_000.0, 4_300.0, 1.0]), np.array([0.025, 0.036, 0.0, 0.001]),
        tokens=(2, 3), tracks=((2, 1),),
    )  # fmt: skip


def test_a_token_follows_what_it_tracks_and_its_own_shocks_come_on_top():
    still = Fundamentals(correlation=0.7, diffusion=False)
    depeg = Shock(name="depeg", assets=["WBETH", "USDE"], size=-0.10, at=600.0)
    value = path(still, with_tokens(), shocks=[crash(), depeg], n=130)
    # 4,300 x 0.85 = 3,655, then x 0.9 = 3,289.5; USDE 0.9
    assert value[[99, 110, 125], 2] == pytest.approx([4_300.0, 3_655.0, 3_289.5])
    assert value[125] == pytest.approx([100_000.0, 3_400.0, 3_289.5, 0.9])


def test_a_token_with_noise_of_its_own_follows_in_every_step():
    value = path(Fundamentals(correlation=0.7), with_tokens(), n=300)
    assert value[:, 2] / 4_300.0 == pytest.approx(value[:, 1] / 4_000.0, rel=1e-12)  # it has none here
    assert value[:, 3].std() > 0 and abs(value[:, 3] - 1.0).max() < 0.001


def test_tokens_listed_last_move_nobody_and_one_correlation_is_not_theirs():
    process = Fundamentals(correlation=0.7)
    assert path(process, with_tokens(), n=50)[:, :2].tolist() == path(process, assets(0, 1), n=50).tolist()
    assert with_tokens().correlation(process)[3].tolist() == [0.0, 0.0, 0.0, 1.0]
    stated = Fundamentals(correlation=((1.0, 0.5), (0.5, 1.0)))
    pair = Assets(("ETH", "WBETH"), np.array([1.0, 1.0]), np.array([0.1, 0.1]), tokens=(1,))
    assert pair.correlation(stated).tolist() == [[1.0, 0.5], [0.5, 1.0]]  # a matrix is as stated
