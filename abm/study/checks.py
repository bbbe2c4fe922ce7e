"""What a study must not say, though each of its entries is well-formed. Every check raises ValueError in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from math import prod
from typing import TYPE_CHECKING

from abm.study.errors import nearest

if TYPE_CHECKING:
    from abm.study.study import Figure, Study

PAIRS = ("scatter", "frontier")  # figures of one measure against another
POINTS_MAX, RUNS_MAX = 1_000_000, 100_000_000
RESERVED = ("point", "replication", "seed", "status", "code", "twins")  # columns of results, and what figures call the twins


def refuse(study: Study) -> None:
    """All of them."""
    _refuse_names(study)
    _refuse_hidden(study)
    _refuse_zipped(study)
    _refuse_design(study)
    _refuse_figures(study)


def _refuse_names(study: Study) -> None:
    for name, group in study.variants.items():
        if not group:
            raise ValueError(f"variants.{name} is empty: it needs at least one variant")
        if len({variant.name for variant in group}) < len(group):
            raise ValueError(f"variants.{name} names a variant twice")
        if name in study.axes:
            raise ValueError(f"{name!r} is an axis and a group of variants")
        if name in RESERVED or name.startswith(("wall_", "host_")):
            raise ValueError(f"variants.{name}: the results have a column of that name; choose another")
    files = [*(f"variants.{name}" for name in study.variants if not _is_file_name(name))]
    files += [f"figures.{k}.name" for k, figure in enumerate(study.figures) if not _is_file_name(figure.name or "x")]
    files += [f"tables.{k}.name" for k, table in enumerate(study.tables) if not _is_file_name(table.name or "x")]
    if files:
        raise ValueError(f"{files[0]}: names a file of the report: no / or \\, and no . at its beginning")
    asked = [*(figure.name for figure in study.figures), *(table.name for table in study.tables)]
    named = Counter(name for name in asked if name)
    if twice := [name for name, count in named.items() if count > 1]:
        raise ValueError(f"figures and tables need names of their own, {twice[0]!r} stands there twice")


def _is_file_name(name: str) -> bool:
    return not name.startswith(".") and not {"/", "\\"} & set(name)


def _refuse_hidden(study: Study) -> None:
    """An override that an axis always lays something over would change nothing."""
    for name in study.axes:
        if other := next((key for key in study.axes if key != name and fnmatchcase(key, name)), None):
            raise ValueError(f"axes.{name} sets axes.{other} as well: one parameter, one axis")
        if name in study.base:
            raise ValueError(f"set.{name} changes nothing, it is an axis: take one of the two out")
        for group, variants in study.variants.items():
            if any(name in variant.set for variant in variants):
                raise ValueError(f"variants.{group} changes {name} for nothing, it is an axis: take one of the two out")


def _refuse_zipped(study: Study) -> None:
    seen: set[str] = set()
    for names in study.zipped:
        for name in names:
            if name not in study.axes:
                raise ValueError(f"zipped: no axis {name!r}; {nearest(name, study.axes)}")
            if name in seen:
                raise ValueError(f"zipped: {name!r} stands there twice")
            if study.axes[name].range is not None:
                raise ValueError(f"zipped: axes.{name} is a range; zipped axes have values")
            seen.add(name)
        lengths = {name: len(study.axes[name].levels()) for name in names}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"zipped axes must be equally long, were {lengths}")


def _refuse_design(study: Study) -> None:
    kind, dimensions = study.design.kind, study.dimensions()
    sampled = [d.columns[0] for d in dimensions if d.sampled]
    if sampled and kind in ("grid", "one_at_a_time"):
        raise ValueError(f"axes.{sampled[0]}: a range is sampled, design {kind} needs a list or a spacing")
    if kind in ("latin_hypercube", "sobol", "morris") and not dimensions:
        raise ValueError(f"design {kind} needs at least one axis")
    if study.design.kind == "listed" and {len(row) for row in study.design.rows} != {len(study.columns())}:
        raise ValueError(f"design.rows: a row has a value per axis, {len(study.columns())} of them")
    points = _count(study)
    if points > POINTS_MAX:
        raise ValueError(f"design {kind} has {points:,} points; {POINTS_MAX:,} is the most")
    if points * study.replications > RUNS_MAX:
        raise ValueError(f"{points:,} points x {study.replications:,} replications are more than {RUNS_MAX:,} runs")


def _count(study: Study) -> int:
    """Points of the design, at most: those of Sobol' with second order are twice as many."""
    design, dimensions = study.design, study.dimensions()
    if design.kind == "grid":
        return prod(len(dimension.rows) for dimension in dimensions)
    if design.kind == "one_at_a_time":
        return 1 + sum(len(dimension.rows) for dimension in dimensions)
    if design.kind == "sobol":
        return design.points * ((2 if design.second_order else 1) * len(dimensions) + 2)
    if design.kind == "morris":
        return design.trajectories * (len(dimensions) + 1)
    return len(design.rows) if design.kind == "listed" else design.points


def _refuse_figures(study: Study) -> None:
    for k, figure in enumerate(study.figures):
        if not study.columns():
            raise ValueError(f"figures.{k}: a study without axes has no points to draw")
        for key, column in (("x", figure.x), ("y", figure.y), ("by", figure.by)):
            known = [*study.columns(), *(["twins"] if key == "by" and study.twins else [])]
            if column is not None and column not in known:
                raise ValueError(f"figures.{k}.{key}: no swept parameter {column!r}; {nearest(column, known)}")
        if figure.kind in PAIRS and len(figure.measures) != 2:
            raise ValueError(f"figures.{k}.measures: a {figure.kind} has two, across and up, were {len(figure.measures)}")
        for reason in _undrawable(study, figure):
            raise ValueError(f"figures.{k}: {reason}")


def _undrawable(study: Study, figure: Figure) -> Iterator[str]:
    if figure.kind == "phase" and (len(study.columns()) < 2 or (figure.x is not None and figure.x == figure.y)):
        yield "a phase diagram needs two swept parameters"
    if figure.kind == "paired" and figure.by is None and not study.variants and not study.twins:
        yield "paired differences need `by`, variants or twins: nothing to compare with"
    if figure.kind == "indices" and study.design.kind == "grid":
        yield "a grid has no indices; choose one_at_a_time, latin_hypercube, sobol or morris"
