"""The model as Mesa's own viewer takes it: `SolaraViz(Watched(scenario="baseline"), ...)`, on every supported Mesa."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from abm.model import CascadeModel
from abm.scenario import Scenario

NEWER = "mesa.experimental.scenarios"  # from Mesa 3.5 on the viewer asks that a model's `scenario` be one of these


class Watched(CascadeModel):
    """A `CascadeModel` whose constructor and `scenario` pass the checks of Mesa's viewer and survive its Reset.

    Parameters under their dotted names, as ever; a seed may come as the string that was typed. Not suitable for anything but
    `SolaraViz`: everywhere else use `CascadeModel`.
    """

    # the viewer of Mesa 3.3 lets parameters of any name pass only where they are gathered as `kwargs`
    def __init__(self, *, scenario: Any = None, rng: int | str | None = None, **kwargs: Any) -> None:
        super().__init__(scenario=getattr(scenario, "of_the_run", scenario), rng=rng, **kwargs)

    @property
    def scenario(self) -> Any:
        """What the run is about; on newer Mesa in the dress of one of its own scenarios."""
        return self._dressed if find_spec(NEWER) else self._scenario_of_the_run

    @scenario.setter
    def scenario(self, scenario: object) -> None:
        if isinstance(scenario, Scenario):
            self._scenario_of_the_run = scenario

    @cached_property
    def _dressed(self) -> Any:
        return dressed(self._scenario_of_the_run)


def dressed(record: Scenario) -> Any:
    """A Mesa scenario that answers as `record` does. Its class makes another one without arguments, which is what Reset does."""

    def answer(self: Any, name: str) -> Any:
        return getattr(record, name)

    members = {"of_the_run": record, "__getattr__": answer}
    return type("Dressed", (import_module(NEWER).Scenario,), members)()
