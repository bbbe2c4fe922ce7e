"""`compiled`: numba's jit where numba is installed, the plain function where it is not; the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

try:
    from numba import njit as _njit
except ImportError:  # numba is an accelerator, never a requirement
    _njit = None


def compiled(function: F) -> F:
    """Compile a free function over arrays, cached on disk, without fastmath so that results do not depend on numba."""
    return function if _njit is None else _njit(cache=True)(function)


def is_compiled() -> bool:
    """Whether the kernels lie compiled in numba's cache, or will never be; if not, the first run takes seconds longer."""
    if _njit is None:
        return True
    from abm.kernels.matching import execute  # the one that contains most others

    index = getattr(getattr(execute, "_cache", None), "_cache_file", None)  # numba has no public way to ask
    return index is None or bool(index._load_index())
