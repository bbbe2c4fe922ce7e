"""Marks: `slow` for long tests (run with -m slow), `kernel` for everything that compiles (run again without the compiler)."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNEL_ROOMS = {"kernels", "market", "clearing"}  # mirrors of rooms whose code is compiled or calls compiled code


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Kernel tests are those of the rooms that call kernels; the slow ones would take hours without the compiler."""
    for item in items:
        if KERNEL_ROOMS & set(item.path.relative_to(HERE).parts) and item.get_closest_marker("slow") is None:
            item.add_marker("kernel")
