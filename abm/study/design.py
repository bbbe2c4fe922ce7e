"""Designs: the points of a study, from its axes. The samplers are scipy's and SALib's."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.study.axes import Dimension
from abm.study.study import Grid, LatinHypercube, Listed, Morris, OneAtATime, Row, Sobol, Study

Unit = NDArray[np.float64]  # (n_points, n_dimensions), each in [0, 1]


def points(study: Study) -> list[Row]:
    """The points in the order of the design, one value per column; equal points are kept, indices count on them."""
    dimensions = study.dimensions()
    design = study.design
    if isinstance(design, Grid):
        return [_joined(rows) for rows in itertools.product(*(dimension.rows for dimension in dimensions))]
    if isinstance(design, Listed):
        return [tuple(row) for row in design.rows]
    if isinstance(design, OneAtATime):
        return _one_at_a_time(study, dimensions)
    return [_joined([d.at(u) for d, u in zip(dimensions, sample, strict=True)]) for sample in unit_samples(study)]


def unit_samples(study: Study) -> Unit:
    """A sampled design in the unit cube, one column per dimension; ValueError for other designs."""
    design, count = study.design, len(study.dimensions())
    if isinstance(design, LatinHypercube):
        from scipy.stats import qmc

        return np.asarray(qmc.LatinHypercube(count, seed=np.random.default_rng(design.seed)).random(design.points))
    if isinstance(design, Sobol):
        from SALib.sample import sobol

        drawn = sobol.sample(problem(study), design.points, calc_second_order=design.second_order, seed=design.seed)
        return np.asarray(drawn)
    if isinstance(design, Morris):
        from SALib.sample import morris

        seed = design.seed + 1  # SALib takes a seed of 0 for none in places
        drawn = morris.sample(problem(study), design.trajectories, num_levels=design.levels, seed=seed)
        return np.asarray(drawn)
    raise ValueError(f"design {design.kind} samples nothing")


def problem(study: Study) -> dict[str, Any]:
    """The unit cube of the study's dimensions as SALib describes it."""
    names = [" & ".join(dimension.columns) for dimension in study.dimensions()]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _joined(rows: Sequence[Row]) -> Row:
    return tuple(value for row in rows for value in row)


def _one_at_a_time(study: Study, dimensions: Sequence[Dimension]) -> list[Row]:
    """The base first; None stands for the scenario's own value."""
    base = [d.rows[0] if d.columns[0] in study.variants else (None,) * len(d.columns) for d in dimensions]
    found = [_joined(base)]
    for place, dimension in enumerate(dimensions):
        for row in dimension.rows:
            if row != base[place]:
                found.append(_joined([*base[:place], row, *base[place + 1 :]]))
    return found
