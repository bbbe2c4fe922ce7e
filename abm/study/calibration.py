"""The calibration: a question, a scenario, parameters with ranges, target moments with their source, and a method."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from abm.study.axes import Axis, Entry, Row, Whole
from abm.study.errors import StudyError, nearest
from abm.study.study import Listed, Study

Numbers = NDArray[np.float64]
METHODS = ("smm", "abc")


class Target(Entry):
    """A number that was measured elsewhere: `value` with its `standard_error`, or a `band`, and where it comes from.

    Of a band the middle is the value and half the width counts as one standard error. `log` measures distances between
    logarithms. With `fitted = false` the moment is compared and plays no part in the fit.
    """

    value: float | None = None
    standard_error: float | None = Field(None, gt=0)
    band: tuple[float, float] | None = None
    source: str = Field(min_length=1)
    log: bool = False
    fitted: bool = True

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.band is None) == (self.value is None) or (self.value is None) != (self.standard_error is None):
            raise ValueError("must have value and standard_error, or band alone")
        if self.band and self.band[0] >= self.band[1]:
            raise ValueError(f"band must ascend, was {list(self.band)}")
        if self.log and self.least <= 0:
            raise ValueError(f"log needs a target above 0, was {self.least:g}")
        return self

    @property
    def least(self) -> float:
        """The value, or the lower end of the band."""
        return self.band[0] if self.band else float(self.value or 0.0)

    def distance(self, moment: Numbers) -> Numbers:
        """(moment - target) in standard errors; NaN where the moment is not defined."""
        if self.band:
            low, high = np.log(self.band) if self.log else self.band
            centre, error = (low + high) / 2, (high - low) / 2
        else:
            assert self.value is not None and self.standard_error is not None, "a target is a value or a band"
            centre = float(np.log(self.value)) if self.log else self.value
            error = self.standard_error / self.value if self.log else self.standard_error
        with np.errstate(divide="ignore", invalid="ignore"):
            shown = np.log(moment) if self.log else moment
        found: Numbers = np.where(np.isfinite(shown), (shown - centre) / error, np.nan)
        return found


class Smm(Entry):
    """Simulated method of moments (McFadden 1989): the least sum of squared distances.

    Half of `budget` points cover the ranges (Latin hypercube), differential evolution (scipy) goes on from the best
    `population` of them, and the last two per parameter are `difference` of its range below and above the best point.
    """

    kind: Literal["smm"] = "smm"
    budget: Whole = Field(80, ge=1, le=1_000_000)
    population: Whole | None = Field(None, ge=5)  # three per parameter, at least 5, where not said
    difference: float = Field(0.1, gt=0, le=0.5)


class Abc(Entry):
    """Approximate Bayesian computation by rejection: the nearest `keep` of `budget` points of a Latin hypercube stay."""

    kind: Literal["abc"]
    budget: Whole = Field(200, ge=20, le=1_000_000)
    keep: float = Field(0.1, gt=0, lt=1)


class Calibration(Entry):
    """Everything a calibration file says."""

    question: str = Field(min_length=1)
    scenario: str = Field(min_length=1)
    replications: Whole = Field(ge=1, le=10_000)
    seed: Whole = Field(0, ge=0, lt=2**62)  # replication r has seed + r at every point: common random numbers
    base: dict[str, Any] = Field(default_factory=dict, alias="set")
    parameters: dict[str, Axis] = Field(min_length=1)
    targets: dict[str, Target] = Field(min_length=1)
    method: Annotated[Smm | Abc, Field(discriminator="kind")] = Field(default_factory=lambda: Smm.model_validate({}))

    @model_validator(mode="before")
    @classmethod
    def _short_method(cls, data: Any) -> Any:
        method = data.get("method") if isinstance(data, dict) else None
        return {**data, "method": {"kind": method}} if isinstance(method, str) else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, axis in self.parameters.items():
            if axis.range is None:
                raise ValueError(f"parameters.{name} must have a range, as in {{range = [0.1, 0.5]}}")
        if not self.fitted:
            raise ValueError("targets: none is fitted")
        if isinstance(self.method, Smm) and self.method.budget < self.least_budget:
            raise ValueError(f"method.budget must be at least {self.least_budget} here, was {self.method.budget}")
        return self

    @property
    def fitted(self) -> tuple[str, ...]:
        """Names of the moments that are fitted."""
        return tuple(name for name, target in self.targets.items() if target.fitted)

    @property
    def population(self) -> int:
        """Points of a generation of the optimiser."""
        said = self.method.population if isinstance(self.method, Smm) else None
        return said or max(5, 3 * len(self.parameters))

    @property
    def least_budget(self) -> int:
        """The scenario itself, a population twice (covering, and one generation), and the differences."""
        return 1 + 2 * self.population + 2 * len(self.parameters)

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read a calibration file and the target file it may name; StudyError in one line for what breaks a rule."""
        tree = _read(path)
        if isinstance(tree.get("targets"), str):
            file = path.parent / tree["targets"]
            tree["targets"] = _read(file).get("targets", {})
        return cls.of(tree, str(path))

    @classmethod
    def of(cls, tree: Mapping[str, Any], origin: str = "calibration") -> Calibration:
        """The calibration that a tree of tables says; StudyError in one line, beginning with `origin`."""
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            raise StudyError(f"{origin}: {_one_line(error)}") from None

    def with_budget(self, budget: int | None) -> Calibration:
        """The same with another number of points; StudyError if it is too small."""
        if budget is None:
            return self
        tree = self.model_dump(mode="json", exclude_none=True, by_alias=True)
        return Calibration.of(tree | {"method": tree["method"] | {"budget": budget}}, "--budget")

    def study(self, rows: Sequence[Row]) -> Study:
        """The study of some points, a value per parameter each; None stands for the scenario's own value."""
        return Study(
            question=self.question,
            scenario=self.scenario,
            replications=self.replications,
            seed=self.seed,
            set=self.base,
            axes=self.parameters,
            design=Listed(kind="listed", rows=tuple(rows)),
            measures=tuple(self.targets),
        )

    def row(self, unit: Numbers) -> Row:
        """The values at a point of the unit cube, (n_parameters,)."""
        return tuple(axis.at(float(u)) for axis, u in zip(self.parameters.values(), unit, strict=True))

    def distances(self, moments: Numbers) -> Numbers:
        """(..., n_targets) moments in standard errors from their targets."""
        return np.stack([t.distance(moments[..., k]) for k, t in enumerate(self.targets.values())], axis=-1)

    def objective(self, moments: Numbers) -> Numbers:
        """Sum of squared distances of the fitted moments, (...,); infinite where one of them is not defined."""
        places = [k for k, target in enumerate(self.targets.values()) if target.fitted]
        squares = (self.distances(moments)[..., places] ** 2).sum(axis=-1)
        found: Numbers = np.where(np.isnan(squares), np.inf, squares)
        return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyError(f"{path}: not valid TOML: {' '.join(str(error).split())}") from None


def _one_line(error: ValidationError) -> str:
    """The first mistake in house style; unknown keys go first, they explain the others."""
    found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
    key = ".".join(str(part) for part in found["loc"] if part not in METHODS)
    if found["type"] == "extra_forbidden":
        known = nearest(key, [*Calibration.model_fields, "set"]) if "." not in key else "no such key here"
        return f"unknown key {key}; {known}"
    if found["type"] == "missing":
        return f"{key} is missing"
    if found["type"] == "value_error":
        return f"{key}: {found['ctx']['error']}" if key else str(found["ctx"]["error"])
    return f"{key}: {found['msg'].lower()}, was {found['input']!r}"
