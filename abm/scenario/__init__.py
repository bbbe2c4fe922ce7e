"""Scenarios: the records of all rooms composed into one, read from TOML, changed by dotted overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario

__all__ = ["Scenario"]


def __getattr__(name: str) -> Any:
    """Import on first use: finding files needs no records."""
    if name == "Scenario":
        from abm.scenario.scenario import Scenario

        return Scenario
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
