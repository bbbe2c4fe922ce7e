"""Studies: many runs of one task over points and seeds, stored as they come, resumed by themselves, read back as one frame.

The room knows no model: it calls a task by its dotted name with a payload and a seed and keeps the flat dict it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.study.frame import batches, load

__all__ = ["batches", "load"]


def __getattr__(name: str) -> Any:
    """Import on first use: workers and the command line need no pandas."""
    if name in __all__:
        from abm.study import frame

        return getattr(frame, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
