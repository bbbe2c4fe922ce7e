"""The scenario: one frozen, validated record that says everything about a run but its seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator

from abm.behaviour.quoting import Quoting
from abm.market.instrument import Instruments
from abm.record import Record, param
from abm.scenario import files
from abm.scenario.asset import Asset
from abm.scenario.checks import check, check_files, refuse_names
from abm.scenario.errors import ScenarioError, one_line
from abm.scenario.instruments import instruments_of
from abm.scenario.money import Money
from abm.scenario.overrides import overridden
from abm.scenario.places import by_content, placed
from abm.scenario.population import Population
from abm.scenario.recording import Recording
from abm.scenario.time import Time
from abm.scenario.venue import Venue
from abm.scenario.world import World


class Scenario(Record):
    """A question to the market and everything that is needed to ask it again."""

    name: str = param(unit="name", source="scenario", help="Name of the scenario; results are filed under it.", max_length=64)
    question: str = param(unit="text", source="scenario", help="The question it asks, in one sentence.", min_length=1)
    time: Time = param(Time(), unit="rule", source="per field", help="Clock of the run.")
    money: Money = param(Money(), unit="rule", source="per field", help="Currency of the run.")
    assets: tuple[Asset, ...] = param(unit="rule", source="per field", help="Assets, in the order of tables.", min_length=1)
    venues: tuple[Venue, ...] = param(unit="rule", source="per field", help="Venues, in the order of tables.", min_length=1)
    world: World = param(unit="rule", source="per field", help="Values, shocks and recorded paths.")
    population: Population = param(Population(), unit="rule", source="per field", help="Traders and their margin modes.")
    makers: Quoting = param(Quoting(), unit="rule", source="per field", help="Market makers of every venue.")
    record: Recording = param(Recording(), unit="rule", source="per field", help="What is kept of a run.")

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        refuse_names("scenario", [self.name])
        check(self)
        return self

    @classmethod
    def load(cls, path: str | Path) -> Scenario:
        """Read a TOML file, which may be a bare name in experiments/; with `base = "other.toml"` it states differences.

        ScenarioError, in one line, if it cannot be read or breaks a rule.
        """
        file = files.locate(path)
        tree, base = files.read(file)
        return cls._of({} if base is None else cls.load(base).dump(), tree, str(path), file.resolve().parent)

    def with_(self, overrides: Mapping[str, Any], *, origin: str = "", directory: Path | None = None) -> Scenario:
        """A copy with dotted overrides in their order: `{"population.cross_share": 0.5, "assets.BTC.tick": 1.0}`.

        List members go by name, `*` names all; a list replaces the list. Where a parameter is a choice between records,
        a text or a `kind` chooses, and the new kind starts from its own defaults. `"none"` removes an optional one.
        `origin` begins the message of a ScenarioError; files are sought from `directory`, by default as they are named.
        """
        return self._of(self.dump(), overrides, origin, directory)

    @classmethod
    def _of(cls, tree: dict[str, Any], overrides: Mapping[str, Any], origin: str, directory: Path | None = None) -> Scenario:
        try:
            tree = overridden(cls, tree, overrides)
            tree = tree if directory is None else placed(cls, tree, directory)
            return cls.model_validate(tree)
        except ValidationError as error:
            message = one_line(error, cls, tree)
        except ScenarioError as error:
            message = str(error)
        raise ScenarioError(f"{origin}: {message}" if origin else message)

    def dump(self) -> dict[str, Any]:
        """The complete tree of tables: plain dicts, lists, numbers and texts; absent options are left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_toml(self) -> str:
        """The complete scenario as TOML; `load` gives an equal one."""
        return files.to_toml(self.dump())

    def hash(self) -> str:
        """SHA-256 of everything that the scenario says; a file counts by its content, not by its place."""
        tree = by_content(type(self), self.dump())
        return hashlib.sha256(json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def instruments(self) -> Instruments:
        """Every asset on every venue, venue by venue."""
        return instruments_of(self)

    def check_files(self, *, origin: str = "") -> None:
        """Read the data files the scenario names; ScenarioError if one cannot be used for this run."""
        try:
            check_files(self)
        except ValueError as error:
            raise ScenarioError(f"{origin}: {error}" if origin else str(error)) from None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its tree: a worker process loads the user's own rules from where they stand."""
        return type(self).model_validate, (self.dump(),)
