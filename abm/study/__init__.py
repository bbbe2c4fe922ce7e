"""Studies: many runs of one task over points and seeds, stored as they come, resumed by themselves, read back as one frame.

The room knows no model: it calls a task by its dotted name with a payload and a seed and keeps the flat dict it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.study.frame import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """Import on first use: workers and the command line need no pandas."""
    if name == "load":
        from abm.study.frame import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
