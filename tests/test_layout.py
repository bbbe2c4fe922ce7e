"""The rooms of the package import downward only, and heavy libraries stay in their rooms. Read from the syntax trees."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "abm"

# From the ground up; rooms of one level do not import each other.
LEVELS = (
    ("record",),
    ("own", "rows"),
    ("streams", "kernels"),
    ("market",),
    ("clearing",),
    ("world", "behaviour"),
    ("scenario",),
    ("records", "channels"),
    ("recorder", "measures"),
    ("exchange",),
    ("opening",),
    ("seizures",),
    ("lineage",),
    ("agents",),
    ("tape",),
    ("model",),
    ("twins",),
    ("task", "stress", "attribute"),
    ("view",),
    ("cli",),
)
APART = ("study", "figures")  # standard and third-party libraries only
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """`abm/market/book.py` -> market, `abm/model.py` -> model, `abm/__init__.py` -> empty."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imports(path: Path, *, top: bool = False) -> Iterator[str]:
    """Dotted names of all modules that a file imports, those for type checkers left out; `top`: those at import only."""
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        if top and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        pending.extend(ast.iter_child_nodes(node))


def test_every_room_has_its_place() -> None:
    rooms = {room_of(path) for path in FILES} - {""}
    assert rooms <= set(LEVEL) | set(APART)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    others = {name.split(".")[1] for name in imports(path) if name.startswith("abm.")} - {room}
    if room in APART:
        assert not others, f"{room} stands apart"
    elif room == "":
        assert not {name for name in imports(path, top=True) if name.startswith("abm")}, "abm is lazy"
    else:
        apart = set(APART) if room in ("view", "cli") else set()
        upward = {other for other in others - apart if LEVEL.get(other, len(LEVELS)) >= LEVEL[room]}
        assert not upward, f"{room} may not import {sorted(upward)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    rooms = {"mesa": {"agents", "model", "view"}, "matplotlib": {"figures"}, "solara": {"view"}, "numba": {"kernels"}}
    for library in {name.split(".")[0] for name in imports(path)} & set(rooms):
        assert room_of(path) in rooms[library], f"{library} belongs in {rooms[library]}"


def test_clearing_knows_orders_and_instruments_but_no_books() -> None:
    known = {
        name.split(".")[2]
        for path in FILES
        if room_of(path) == "clearing"
        for name in imports(path)
        if name.startswith("abm.market.")
    }
    assert known <= {"order", "instrument"}


@pytest.mark.parametrize(
    "name",
    [
        "run.py",
        "abm/__init__.py",
        *(f"abm/cli/{name}.py" for name in ("main", "run", "sweep", "report", "calibrate", "inspect")),
    ],
)
def test_the_command_line_starts_with_light_imports_only(name: str) -> None:
    libraries = {module.split(".")[0] for module in imports(ROOT / name, top=True)}
    assert libraries - set(sys.stdlib_module_names) <= {"abm", "click"}
