"""Agent-based simulation of cross-margin contagion: `CascadeModel` runs a `Scenario`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.model import CascadeModel
    from abm.scenario.scenario import Scenario

__all__ = ["CascadeModel", "Scenario"]


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must start without Mesa."""
    if name == "Scenario":
        from abm.scenario.scenario import Scenario

        return Scenario
    if name == "CascadeModel":
        from abm.model import CascadeModel

        return CascadeModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
