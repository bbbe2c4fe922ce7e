"""Loading a scenario for a command: find the file, apply `--set`, say mistakes in one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abm.cli.errors import Mistake

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario


def load(name: str, sets: Sequence[str] = ()) -> Scenario:
    """The scenario that `name` means with `KEY=VALUE` overrides in their order.

    Files that these name are sought from the working directory; all files that the scenario names must be readable.
    """
    from abm.scenario.errors import ScenarioError
    from abm.scenario.overrides import parsed
    from abm.scenario.scenario import Scenario

    origin = f"{name}, --set" if sets else name
    try:
        scenario = Scenario.load(name)
        if sets:
            scenario = scenario.with_(dict(parsed(text) for text in sets), origin=origin, directory=Path.cwd())
        scenario.check_files(origin=origin)
    except ScenarioError as error:
        raise Mistake(str(error)) from None
    return scenario
