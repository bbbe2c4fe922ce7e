"""The branching ratio on simulated Hawkes processes, by the estimator of Hardiman & Bouchaud (2014, Phys. Rev. E 90, 062807).

Exponential kernel n exp(-t): in windows of length W the variance of counts over their mean is (algebra, by integrating Hawkes's
1971 covariance density, Biometrika 58, 83) 1 + n (2 - n) / (1 - n)^2 x (1 - (1 - exp(-a)) / a), a = (1 - n) W, which tends to
1 / (1 - n)^2: the estimator is exact in long windows and low in short ones.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.measures.branching import branching_ratio, of_liquidations
from abm.measures.value import Missing
from tests.small_worlds import played, world

WINDOWS, RATE = 4_000, 0.5  # of immigrants, per unit of time


def counts(n: float, window: float) -> NDArray[np.int64]:
    """Events per window of a Hawkes process as a cluster process: immigrants, their offspring, theirs, and so on."""
    rng, warm = np.random.default_rng(13), 20 / (1 - n)
    end = warm + WINDOWS * window
    generation = rng.uniform(0, end, rng.poisson(RATE * end))
    times = [generation]
    while len(generation):
        generation = np.repeat(generation, rng.poisson(n, len(generation)))
        generation = generation + rng.exponential(1.0, len(generation))
        times.append(generation)
    return np.histogram(np.concatenate(times), bins=WINDOWS, range=(warm, end))[0]


def finite(n: float, window: float) -> float:
    """What the estimator tends to in windows of this length."""
    a = (1 - n) * window
    return 1 - (1 + n * (2 - n) / (1 - n) ** 2 * (1 + np.expm1(-a) / a)) ** -0.5


@pytest.mark.slow
@pytest.mark.parametrize("n", [0.0, 0.3, 0.6, 0.8, 0.9])
def test_the_estimator_finds_the_ratio(n: float) -> None:
    window = 200.0
    events = counts(n, window)
    assert events.mean() / window == pytest.approx(RATE / (1 - n), rel=4 / (1 - n) / np.sqrt(RATE / (1 - n) * window * WINDOWS))
    # relative error of a variance sqrt(2 / windows), of 1 - n half of it; clusters have fatter tails than a normal law
    error = (1 - n) / np.sqrt(2 * WINDOWS)
    assert branching_ratio(events) == pytest.approx(finite(n, window), abs=4 * error)
    assert finite(n, window) == pytest.approx(n, abs=0.01)


@pytest.mark.slow
def test_short_windows_see_less_of_it() -> None:
    assert finite(0.9, 2.0) == pytest.approx(0.688, abs=5e-4)  # a = 0.2: 1 + 99 x 0.0937 = 10.27, 1 - 1 / sqrt(10.27)
    assert branching_ratio(counts(0.9, 2.0)) == pytest.approx(finite(0.9, 2.0), abs=0.05)


def test_a_run_without_liquidations_has_none_and_says_so() -> None:
    calm = played(world({"world.shocks": []}))
    assert not calm.scalars["entered"].any()
    assert of_liquidations(calm, window=10.0) == Missing("every window holds 0 events")


def test_the_liquidations_of_a_cascade_are_clustered() -> None:
    # windows of two steps: far shorter than a cascade, so this only says that seizures come together
    ratio = of_liquidations(played(world(crowd=200)), window=10.0)
    assert isinstance(ratio, float)
    assert 0 < ratio < 1
