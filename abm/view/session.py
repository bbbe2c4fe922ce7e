"""One visitor's run: scenario, changes, seed and model, and the twin that runs beside it. Knows nothing of pages."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from threading import RLock
from traceback import print_exc
from typing import Any

from abm.model import CascadeModel
from abm.scenario import Scenario
from abm.scenario.errors import ScenarioError
from abm.scenario.files import to_toml
from abm.twins import TWINS, twin
from abm.view.history import History

NO_TWIN = "none"
SEEDS_MAX = 2**63


class Session:
    """A model that can be stepped, reset and changed; whatever cannot be done is told in `message` and changes nothing.

    `run` and `other` (None without a twin) are histories of the two models, equally long.
    """

    def __init__(self, scenario: str, *, seed: int = 0, changes: Mapping[str, Any] | None = None) -> None:
        self.lock = RLock()
        self.name, self.seed, self.twin = scenario, seed, NO_TWIN
        self.changes: dict[str, Any] = {}
        self.message = ""
        self.failed = False  # a step raised
        self.generation = 0  # how often the run has begun anew
        self._open(Scenario.load(scenario), {}, seed, NO_TWIN)
        if changes:
            self._try(self.name, dict(changes), seed, NO_TWIN)

    @property
    def tick(self) -> int:
        """Steps done."""
        return self.run.model.tick

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return int(self.scenario.time.steps)

    @property
    def done(self) -> bool:
        """Whether the run has come to its end, or could not go on."""
        return self.failed or self.tick >= self.steps

    @property
    def shock_step(self) -> int | None:
        """Step in which the shock first strikes, None where nothing is shocked."""
        return self.run.shock_step

    def step(self) -> None:
        """One step of run and twin; nothing after the end. What a rule of the user's own raises ends the run with a message."""
        with self.lock:
            if self.done:
                return
            try:
                self.run.step()
                if self.other is not None:
                    self.other.step()
            except Exception as error:  # noqa: BLE001
                print_exc()
                self.failed = True
                words = " ".join(str(error).split())
                self.message = f"step {self.tick + 1} failed, Reset begins anew: {type(error).__name__}: {words}"

    def reset(self) -> None:
        """Begin anew with the same scenario, changes, seed and twin."""
        self._try(self.name, self.changes, self.seed, self.twin)

    def choose(self, scenario: str) -> None:
        """Another scenario, without the changes of the old one."""
        self._try(scenario, {}, self.seed, self.twin)

    def change(self, name: str, value: Any) -> None:
        """One parameter by its dotted name; the run begins anew."""
        self._try(self.name, self.changes | {name: value}, self.seed, self.twin)

    def sow(self, seed: int | str) -> None:
        """Another seed, as a number or as it was typed."""
        try:
            number = int(str(seed).strip())
        except ValueError:
            number = -1
        if not 0 <= number < SEEDS_MAX:
            self.message = f"seed must be a whole number from 0 to 2^63 - 1, was {seed!r}"
            return
        self._try(self.name, self.changes, number, self.twin)

    def pair(self, name: str) -> None:
        """Run twin `name` beside it (or none) from the opening on; the run is brought back to the step where it was."""
        tick = self.tick
        self._try(self.name, self.changes, self.seed, name)
        while self.twin == name and self.tick < tick and not self.done:
            self.step()

    def command(self) -> str:
        """The command line that makes the same run."""
        return " ".join(["python run.py run", quote(self.name), f"--seed {self.seed}", *self._sets()])

    def close(self) -> None:
        """Let go of the models."""
        with self.lock:
            for history in filter(None, (self.run, self.other)):
                history.model.forget()

    def _sets(self) -> list[str]:
        return [f"--set {quote(f'{name}={_toml(value)}')}" for name, value in self.changes.items()]

    def _try(self, name: str, changes: dict[str, Any], seed: int, twin_name: str) -> None:
        try:
            scenario = Scenario.load(name)
            self._open(scenario.with_(changes) if changes else scenario, changes, seed, twin_name)
        except (ScenarioError, ValueError, ArithmeticError, MemoryError) as error:
            self.message = " ".join(str(error).split()) or type(error).__name__
            return
        self.name, self.message = name, ""

    def _open(self, scenario: Scenario, changes: dict[str, Any], seed: int, twin_name: str) -> None:
        """Build first, then replace: a refused scenario leaves the old run as it was."""
        if twin_name != NO_TWIN and twin_name not in TWINS:
            raise ValueError(f"no twin {twin_name!r}; known: {', '.join(TWINS)}")
        run = History(CascadeModel(scenario=scenario, rng=seed))
        other = None
        if twin_name != NO_TWIN:
            other = History(CascadeModel(scenario=twin(scenario, twin_name), rng=seed, twin=twin_name))
        with self.lock:
            if self.generation:
                self.close()
            self.scenario, self.changes, self.seed, self.twin = scenario, changes, seed, twin_name
            self.run, self.other, self.failed = run, other, False
            self.generation += 1


def _toml(value: Any) -> str:
    """A value as `--set` reads it."""
    return to_toml({"x": value}).split("=", 1)[1].strip()
