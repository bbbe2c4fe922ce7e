"""Where results come from: everything needed to replay a run beside its scenario."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario

LIBRARIES = ("mesa", "numpy", "numba", "pandas", "pyarrow", "pydantic", "scipy")


def provenance(scenario: Scenario, seeds: Sequence[int]) -> dict[str, Any]:
    """Scenario hash, seeds, command, code and library versions, processor: equal ones give bit-identical records."""
    return {
        "scenario": scenario.name,
        "scenario_hash": scenario.hash(),
        "seeds": list(seeds),
        "command": shlex.join(["python", *sys.argv]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "compiled": _version("numba") is not None and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0"),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu_features": _cpu_features(),
    }


def git_commit() -> str | None:
    """The commit of the code, `+` appended if files differ from it; None outside a repository."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    from abm.scenario.files import HOME

    try:
        done = subprocess.run(
            ["git", "-C", str(HOME), *arguments], capture_output=True, text=True, timeout=5, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _cpu_features() -> list[str]:
    """Instruction sets that numpy found on this processor."""
    import numpy as np

    found = np.show_config(mode="dicts")
    extensions = found.get("SIMD Extensions", {}) if isinstance(found, dict) else {}
    return sorted({*extensions.get("baseline", []), *extensions.get("found", [])})
