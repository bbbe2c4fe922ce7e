"""The console on which tables and words are printed: as wide as the terminal, wide enough for tables where there is none."""

from __future__ import annotations

from rich.console import Console

WIDE = 120  # characters, where the output is no terminal


def console() -> Console:
    """Numbers keep the colour of the text around them."""
    shown = Console(highlight=False)
    return shown if shown.is_terminal else Console(highlight=False, width=WIDE)
