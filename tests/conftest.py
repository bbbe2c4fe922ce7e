"""How the tests are run: spread over processors, marked by their rooms, the browser ones counted."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KERNEL_ROOMS = {"kernels", "market", "clearing"}  # mirrors of rooms whose code is compiled or calls compiled code
PROCESSES_MAX = 4  # of pytest; each needs up to 0.6 GB, and some tests start processes of their own


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Spread over the processors, a file's tests on one of them, unless files, `-n` or `-p no:xdist` were given.

    Not an option in pyproject.toml: there it would fail where pytest-xdist is missing, and slow down single tests.
    """
    option = config.option
    if hasattr(config, "workerinput") or option.file_or_dir or getattr(option, "numprocesses", 0) is not None:
        return
    option.numprocesses = "auto"
    option.maxprocesses = option.maxprocesses or PROCESSES_MAX
    option.dist = "loadfile"


def pytest_configure(config: pytest.Config) -> None:
    """Let programs that tests start hear Ctrl-C: a shell that runs pytest in the background has them ignore it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and not hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Kernel tests are those of the rooms that call kernels; the slow ones would take hours without the compiler."""
    for item in items:
        if KERNEL_ROOMS & set(item.path.relative_to(HERE).parts) and item.get_closest_marker("slow") is None:
            item.add_marker("kernel")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests ran in a real browser: where it is missing they are skipped, which nobody should overlook."""
    ran, skipped = (
        sum("browser" in report.keywords for report in terminalreporter.getreports(outcome)) for outcome in ("passed", "skipped")
    )
    if ran or skipped:
        terminalreporter.write_line(f"in a real browser: {ran} passed, {skipped} skipped")


@pytest.fixture(autouse=True)
def _sigterm() -> Iterator[None]:
    """Commands turn SIGTERM into Ctrl-C for the rest of their process; the tests' own process goes on, and is ended by it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if signal.getsignal(signal.SIGTERM) is not before:
        signal.signal(signal.SIGTERM, before)
