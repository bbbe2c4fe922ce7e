"""The study: a question, a scenario, what is varied, how often it is repeated, and what is drawn of it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from abm.study.axes import Axis, Dimension, Entry, Variant, Whole, dimensions
from abm.study.checks import refuse
from abm.study.errors import StudyError, nearest

Row = tuple[Any, ...]


class Grid(Entry):
    """Every combination of the values of all axes."""

    kind: Literal["grid"] = "grid"


class OneAtATime(Entry):
    """The scenario as it is (variants: the first), then each value of each axis alone."""

    kind: Literal["one_at_a_time"]


class LatinHypercube(Entry):
    """Points that cover each axis evenly (scipy.stats.qmc.LatinHypercube)."""

    kind: Literal["latin_hypercube"]
    points: Whole = Field(ge=2, le=1_000_000)
    seed: Whole = Field(0, ge=0)


class Sobol(Entry):
    """Saltelli's extension of a Sobol' sequence, for variance-based indices (SALib): points x (axes + 2) points."""

    kind: Literal["sobol"]
    points: Whole = Field(ge=2, le=2**20)
    seed: Whole = Field(0, ge=0)
    second_order: bool = False

    @model_validator(mode="after")
    def _power_of_two(self) -> Self:
        if self.points & (self.points - 1):
            raise ValueError(f"points must be a power of two, was {self.points}")
        return self


class Morris(Entry):
    """Elementary effects (Morris 1991, SALib): trajectories x (axes + 1) points."""

    kind: Literal["morris"]
    trajectories: Whole = Field(ge=2, le=100_000)
    levels: Whole = Field(4, ge=2, multiple_of=2)  # odd ones bias the sample
    seed: Whole = Field(0, ge=0)


class Listed(Entry):
    """The points one by one, a value per axis in the order of the axes; null stands for the scenario's own value."""

    kind: Literal["listed"]
    rows: tuple[tuple[Any, ...], ...] = Field(min_length=1)


Design = Annotated[Grid | OneAtATime | LatinHypercube | Sobol | Morris | Listed, Field(discriminator="kind")]
DESIGNS = ("grid", "one_at_a_time", "latin_hypercube", "sobol", "morris", "listed")


class Figure(Entry):
    """A figure: `lines` over an axis, `phase` over two, `paired` differences on the same seeds, `indices` of a design;
    `scatter` and `frontier` of two measures, a point per point: how alike they rank, and which points none beats.
    """

    kind: Literal["lines", "phase", "paired", "indices", "scatter", "frontier"]
    measures: tuple[str, ...] = Field(min_length=1)
    x: str | None = None  # column on the horizontal axis; the first numeric one if not said
    y: str | None = None  # of a phase diagram: column on the vertical axis
    by: str | None = None  # of paired differences: column whose first value is compared with; `twins` for the twins
    name: str | None = None  # of the file


class Table(Entry):
    """A table of medians with intervals: a row per point, a column per measure."""

    measures: tuple[str, ...] = Field(min_length=1)
    name: str | None = None


class Study(Entry):
    """Everything a study file says."""

    question: str = Field(min_length=1)
    scenario: str = Field(min_length=1)
    replications: Whole = Field(ge=1, le=1_000_000)
    seed: Whole = Field(0, ge=0, lt=2**62)  # replication r has seed + r at every point: common random numbers
    base: dict[str, Any] = Field(default_factory=dict, alias="set")  # overrides of every point
    axes: dict[str, Axis] = Field(default_factory=dict)
    zipped: tuple[tuple[str, ...], ...] = ()
    variants: dict[str, tuple[Variant, ...]] = Field(default_factory=dict)
    design: Design = Grid()
    twins: tuple[str, ...] = ()
    measures: tuple[str, ...] = ("*",)  # shell patterns of dotted names that are kept
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short_design(cls, data: Any) -> Any:
        design = data.get("design") if isinstance(data, dict) else None
        return {**data, "design": {"kind": design}} if isinstance(design, str) else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(self)
        return self

    @classmethod
    def load(cls, path: Path) -> Study:
        """Read a study file; StudyError in one line if it cannot be read or breaks a rule."""
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise StudyError(f"{path}: cannot be read: {error.strerror}") from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise StudyError(f"{path}: not valid TOML: {' '.join(str(error).split())}") from None
        return cls.of(tree, str(path))

    @classmethod
    def of(cls, tree: Mapping[str, Any], origin: str = "study") -> Study:
        """The study that a tree of tables says; StudyError in one line, beginning with `origin`."""
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            raise StudyError(f"{origin}: {_one_line(error)}") from None

    def dump(self) -> dict[str, Any]:
        """The complete tree of tables, absent options left out."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)

    def dimensions(self) -> list[Dimension]:
        """What varies independently."""
        return dimensions(self.axes, self.zipped, self.variants)

    def columns(self) -> tuple[str, ...]:
        """Names of the swept parameters, in the order of results."""
        return tuple(name for dimension in self.dimensions() for name in dimension.columns)

    def overrides(self, row: Row) -> dict[str, Any]:
        """What a point lays over the scenario: `set`, then its variants, then its axes. None in a row changes nothing."""
        laid = dict(self.base)
        for name, value in zip(self.columns(), row, strict=True):
            if name in self.variants:
                laid |= next(variant.set for variant in self.variants[name] if variant.name == value)
            elif value is not None:
                laid.pop(name, None)  # the later override is applied later
                laid[name] = value
        return laid

    def kept(self, task: str) -> str:
        """A digest of what is kept of a run besides its scenario and seed: the task, its twins and measures."""
        said = json.dumps([task, sorted(self.twins), sorted(self.measures)])
        return hashlib.sha256(said.encode()).hexdigest()


def _one_line(error: ValidationError) -> str:
    """The first mistake in house style; unknown keys go first, they explain the others."""
    found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
    tags = set(DESIGNS) if found["loc"][:1] == ("design",) else set()
    key = ".".join(str(part) for part in found["loc"] if part not in tags)
    if found["type"] == "extra_forbidden":
        near = nearest(key.rpartition(".")[2], Study.model_fields) if "." not in key else "no such key here"
        return f"unknown key {key}; {near}"
    if found["type"] == "missing":
        return f"{key} is missing"
    if found["type"] == "value_error":
        return f"{key}: {found['ctx']['error']}" if key else str(found["ctx"]["error"])
    return f"{key}: {found['msg'].lower()}, was {found['input']!r}"
