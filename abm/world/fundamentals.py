"""Fundamentals: the outside value of every asset, correlated, with jumps, mean reversion, shocks or a recorded path."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from abm.record import Record, param
from abm.streams import Streams
from abm.world.path import Replay
from abm.world.shocks import Shock, halved, transmitted

DAY = 86_400.0
ROUNDING = 1e-10  # eigenvalues and pivots within this of zero are zero

Row = Annotated[tuple[float, ...], Field(strict=False)]
Matrix = Annotated[tuple[Row, ...], Field(strict=False)]


class Fundamentals(Record):
    """The process of value: diffusion, jumps and mean reversion, and how far a shock reaches correlated assets."""

    correlation: Annotated[float, Field(ge=-1.0, le=1.0)] | Matrix = param(
        unit="1", source="scenario", help="Correlation of the assets' diffusion: one number for all pairs, or a matrix."
    )
    diffusion: bool = param(True, unit="switch", source="choice of regime", help="Whether value diffuses at all.")
    volatility_scale: float = param(
        1.0, unit="1", source="1 = the assets' own volatility", help="Factor on every asset's daily volatility.", ge=0.0
    )
    jump_rate: float = param(0.0, unit="1/day", source="choice of regime: none", help="Jumps of an asset per day.", ge=0.0)
    jump_mean: float = param(0.0, unit="share of value", source="choice of regime", help="Mean of a jump.", gt=-1.0, le=1.0)
    jump_sd: float = param(
        0.0, unit="share of value", source="choice of regime", help="Standard deviation of a jump.", ge=0.0, le=1.0
    )
    jump_common_share: float = param(
        0.0, unit="share of jumps", source="choice of regime", help="Chance that a jump hits all assets.", ge=0.0, le=1.0
    )
    reversion: float | None = param(
        None, unit="s", source="choice of regime: none", help="Half-life of the pull to the opening value; none = no pull.",
        gt=0.0,
    )  # fmt: skip
    transmission: float = param(
        0.0, unit="1", source="choice of regime: a shock strikes only where it is stated",
        help="Share of the regression slope with which a shock is passed to the other assets.", ge=0.0, le=1.0,
    )  # fmt: skip
    floor: float = param(
        0.01, unit="share of opening", source="bound", help="Lowest value an asset can take.", gt=0.0, le=0.5
    )

    @field_validator("correlation")
    @classmethod
    def _is_a_correlation(cls, correlation: float | Matrix) -> float | Matrix:
        if isinstance(correlation, tuple):
            _refuse_matrix(correlation)
        return correlation

    @model_validator(mode="after")
    def _jumps_have_a_size(self) -> Fundamentals:
        if self.jump_rate > 0.0 and self.jump_mean == 0.0 and self.jump_sd == 0.0:
            raise ValueError(f"jump_rate is {self.jump_rate:g} per day but jumps have no size; set jump_mean or jump_sd")
        return self

    def matrix(self, n_assets: int) -> NDArray[np.float64]:
        """The correlation matrix, (n_assets, n_assets); ValueError if it does not fit so many assets."""
        if isinstance(self.correlation, tuple):
            if len(self.correlation) != n_assets:
                raise ValueError(f"correlation is a matrix for {len(self.correlation)} assets, the scenario has {n_assets}")
            return np.array(self.correlation, dtype=np.float64)
        if n_assets > 1 and self.correlation <= -1.0 / (n_assets - 1):
            raise ValueError(f"correlation of {n_assets} assets must be in ({-1.0 / (n_assets - 1):.4g}, 1],"
                             f" was {self.correlation:g}")  # fmt: skip
        matrix = np.full((n_assets, n_assets), float(self.correlation))
        np.fill_diagonal(matrix, 1.0)
        return matrix

    def check(self, assets: Assets, step_seconds: float) -> None:
        """Raise ValueError, in one line, if the process does not fit the assets or the step."""
        self.matrix(len(assets.names))
        if self.reversion is not None and self.reversion < step_seconds:
            raise ValueError(f"reversion of {self.reversion:g} s is shorter than the step of {step_seconds:g} s")
        if self.jump_rate * step_seconds > DAY:
            raise ValueError(f"jump_rate of {self.jump_rate:g} per day is more than one jump per step of {step_seconds:g} s")


@dataclass(frozen=True)
class Assets:
    """What the world outside knows of the assets, in row order."""

    names: tuple[str, ...]
    opening: NDArray[np.float64]  # (n_assets,), currency units
    volatility: NDArray[np.float64]  # (n_assets,), standard deviation of a day's relative move
    tokens: tuple[int, ...] = ()  # rows whose noise is their own wherever one correlation is stated for all pairs
    tracks: tuple[tuple[int, int], ...] = ()  # (token, asset whose value it follows)

    def correlation(self, process: Fundamentals) -> NDArray[np.float64]:
        """The correlation matrix of the diffusion, (n_assets, n_assets): a matrix as stated, one number without tokens."""
        matrix = process.matrix(len(self.names))
        if not isinstance(process.correlation, tuple):
            for row in self.tokens:
                matrix[row, :] = matrix[:, row] = 0.0
                matrix[row, row] = 1.0
        return matrix


class Values:
    """The outside value of every asset in a run: drawn process or recorded path, times the shocks in force.

    Every asset draws from streams of its own (named after it), and with correlation 0 no sum mixes assets: an asset's
    path is the same, bit for bit, whichever other assets exist or are shocked. Shocks multiply the finished process and
    never enter it: mean reversion does not undo a shock, and before it strikes the run equals its twin.
    """

    def __init__(
        self,
        fundamentals: Fundamentals,
        assets: Assets,
        streams: Streams,
        step_seconds: float,
        *,
        shocks: Sequence[Shock] = (),
        replay: Replay | None = None,
    ) -> None:
        fundamentals.check(assets, step_seconds)
        self.step = 0
        self.shocked = tuple(name for name in assets.names if any(name in shock.assets for shock in shocks))
        self._assets, self._streams, self._step_seconds = assets, streams, step_seconds
        self._process, self._shocks, self._replay = fundamentals, tuple(shocks), replay
        correlation = assets.correlation(fundamentals)
        scale = fundamentals.volatility_scale if fundamentals.diffusion else 0.0
        self._loading = cholesky(correlation) * (assets.volatility * scale * math.sqrt(step_seconds / DAY))[:, None]
        self._diffuses = bool(self._loading.any())
        self._pull = 0.0 if fundamentals.reversion is None else 1.0 - halved(step_seconds / fundamentals.reversion)
        self._floor = assets.opening * fundamentals.floor
        self._moves = [self._reach(shock, correlation) for shock in self._shocks]
        self._drawn = assets.opening.astype(np.float64)
        self.floored = np.zeros(len(assets.names), dtype=np.bool_)  # assets whose value reached the floor so far

    def advance(self, step: int) -> NDArray[np.float64]:
        """Value at time step x step_seconds, (n_assets,), currency units; step 0 is the opening, steps only rise."""
        if step < self.step:
            raise ValueError(f"values are at step {self.step} and cannot go back to {step}")
        while self.step < step:
            self.step += 1
            self._draw(self.step)
        value = self._drawn.copy()
        if self._replay is not None:
            value = self._replay.onto(value, self._assets.opening, step)
        value *= self.shock_factor(step)
        value = self._followed(value)
        self.floored |= value <= self._floor
        return np.maximum(value, self._floor)

    def _followed(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values (n_assets,) with those of tokens times what their asset is worth per opening value."""
        for token, asset in self._assets.tracks:
            value[token] *= value[asset] / self._assets.opening[asset]
        return value

    def shock_factor(self, step: int) -> NDArray[np.float64]:
        """Value over what it were without shocks of its own (and without the floor), (n_assets,)."""
        factor = np.ones(len(self._assets.names))
        for shock, moves in zip(self._shocks, self._moves, strict=True):
            factor *= 1.0 + moves * shock.share(step, self._step_seconds)
        return factor

    def _draw(self, step: int) -> None:
        """Multiplicative Euler step: value x (1 + diffusion) x (1 + jumps) + pull x (opening - value), floored."""
        value = self._drawn
        moved = value * (1.0 + self._diffusion(step)) * self._jumps(step)
        self._drawn = np.maximum(moved + self._pull * (self._assets.opening - value), self._floor)

    def _diffusion(self, step: int) -> NDArray[np.float64]:
        move = np.zeros(len(self._assets.names))
        if self._diffuses:
            for k, name in enumerate(self._assets.names):
                move += self._loading[:, k] * self._streams.at(f"world.diffusion.{name}", step).standard_normal()
        return move

    def _jumps(self, step: int) -> NDArray[np.float64]:
        """Factor of the step's jumps, (n_assets,): every asset's own, and one size for all of them in a common jump."""
        factor = np.ones(len(self._assets.names))
        common = self._process.jump_common_share
        for k, name in enumerate(self._assets.names):
            factor[k] = 1.0 + self._jump(f"world.jump.{name}", 1.0 - common, step)
        return factor * (1.0 + self._jump("world.common_jump", common, step))

    def _jump(self, stream: str, share: float, step: int) -> float:
        chance = self._process.jump_rate * share * self._step_seconds / DAY
        if chance == 0.0 or self._streams.at(stream, step).random() >= chance:
            return 0.0
        size = self._streams.at(f"{stream}.size", step).standard_normal()
        return float(max(self._process.jump_mean + self._process.jump_sd * size, -1.0))

    def _reach(self, shock: Shock, correlation: NDArray[np.float64]) -> NDArray[np.float64]:
        moves = shock.moves(self._assets.names)
        if self._process.transmission == 0.0:
            return moves
        for name, move, volatility in zip(self._assets.names, moves, self._assets.volatility, strict=True):
            if move != 0.0 and volatility == 0.0:
                raise ValueError(f"shock {shock.name!r}: transmission needs a volatility above 0 for {name!r}")
        return transmitted(moves, correlation, self._assets.volatility, self._process.transmission)


def cholesky(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower factor L with L L' = matrix, for positive semi-definite matrices too; the same bits on every platform.

    Row by row (Banachiewicz) in plain floats; the column of a zero pivot is zero. The identity gives the identity.
    """
    n = len(matrix)
    lower = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = float(matrix[i, j])
            for k in range(j):
                rest -= lower[i][k] * lower[j][k]
            if i == j:
                lower[i][i] = math.sqrt(rest) if rest > ROUNDING else 0.0
            elif lower[j][j] > 0.0:
                lower[i][j] = rest / lower[j][j]
    return np.array(lower, dtype=np.float64)


def _refuse_matrix(rows: Matrix) -> None:
    n = len(rows)
    if n == 0 or any(len(row) != n for row in rows):
        raise ValueError(f"correlation must be square, rows have {', '.join(str(len(row)) for row in rows)} of {n} entries")
    for i in range(n):
        if rows[i][i] != 1.0:
            raise ValueError(f"correlation must have 1 on the diagonal, row {i + 1} has {rows[i][i]:g}")
        for j in range(i):
            if rows[i][j] != rows[j][i]:
                raise ValueError(f"correlation must be symmetric, rows {j + 1} and {i + 1} say"
                                 f" {rows[j][i]:g} and {rows[i][j]:g}")  # fmt: skip
    smallest = float(np.linalg.eigvalsh(np.array(rows, dtype=np.float64)).min())
    if smallest < -ROUNDING:
        raise ValueError(f"correlation must be positive semi-definite, its smallest eigenvalue is {smallest:.4g}")
