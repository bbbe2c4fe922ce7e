"""Rules of the user's own: a Record class named by a dotted path, or by a file and a class, where a built-in kind may stand.

`kind = "my_rules.DoubleMargin"` is sought in `my_rules.py` beside the scenario file, else imported; `kind =
"rules/mine.py:DoubleMargin"` names the file. Reading such a scenario runs the user's code: read strangers' scenarios first.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from abm.record import Record

_FILED = "rules_in_file_"  # begins the module names of files, so that two files of one name do not meet


def is_own(kind: Any) -> bool:
    """Whether a kind is a path to a class: built-in kinds have neither dots nor colons."""
    return isinstance(kind, str) and ("." in kind or ":" in kind)


def load(kind: str) -> type[Record]:
    """The class that `kind` names; ValueError in one line if there is none or it is not a Record."""
    file, colon, name = kind.rpartition(":")
    module_name = "" if colon else kind.rpartition(".")[0]
    name = name if colon else kind.rpartition(".")[2]
    if colon and not Path(file).is_file():
        raise ValueError(f"there is no file {file!r}")
    try:
        module = _module_of(Path(file)) if colon else importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = f"; it imports {error.name!r}" if error.name and not f"{module_name}.".startswith(f"{error.name}.") else ""
        where = "found neither beside the scenario nor among the installed" if not missing else "cannot be imported"
        raise ValueError(f"module {file or module_name!r} is {where}{missing}") from None
    except Exception as error:  # whatever the user's code does when it is read
        raise ValueError(f"{file or module_name} cannot be imported: {type(error).__name__}: {_line(error)}") from None
    found = getattr(module, name, None)
    if not isinstance(found, type):
        near = get_close_matches(name, [n for n, v in vars(module).items() if isinstance(v, type)], n=1)
        raise ValueError(f"{file or module_name} has no class {name!r}{f'; did you mean {near[0]!r}?' if near else ''}")
    if not issubclass(found, Record):
        raise ValueError(f"{kind} is not a Record; inherit it from abm.record.Record")
    return found


def found(kind: str) -> type[Record] | None:
    """The class that `kind` names, None where it cannot be had."""
    try:
        return load(kind)
    except ValueError:
        return None


def name_of(record: type[Record]) -> str:
    """The kind by which `load` finds the class again, from any directory."""
    module = record.__module__
    if module.startswith(_FILED):
        return f"{sys.modules[module].__file__}:{record.__qualname__}"
    return f"{module}.{record.__qualname__}"


def placed(kind: str, directory: Path) -> str:
    """`kind` as it is found from anywhere: a file is sought from `directory`, a module beside it first."""
    file, colon, name = kind.rpartition(":")
    if colon:
        return f"{directory / file}:{name}"
    module, _, name = kind.rpartition(".")
    beside = directory / f"{module}.py"
    return f"{beside}:{name}" if module and beside.is_file() else kind


def digest(kind: str) -> str:
    """Class and SHA-256 of the source it stands in: what the kind says, wherever it lies."""
    record = load(kind)
    file = getattr(sys.modules[record.__module__], "__file__", None)
    code = Path(file).read_bytes() if file and Path(file).is_file() else record.__module__.encode()
    return f"{record.__qualname__} {hashlib.sha256(code).hexdigest()}"


class Own:
    """To stand in the annotation of a choice: kinds that are paths are the user's classes, with the `methods` stated.

    `methods`: name -> its arguments. With `only` there is no built-in kind.
    """

    def __init__(self, methods: dict[str, tuple[str, ...]], *, base: str = "", only: bool = False) -> None:
        self.methods, self.base, self.only = methods, base, only

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Wraps reading and writing of the choice."""
        writing = core_schema.wrap_serializer_function_ser_schema(_written, info_arg=True)
        return core_schema.no_info_wrap_validator_function(self.read, handler(source), serialization=writing)

    def read(self, data: Any, built_in: Callable[[Any], Any]) -> Any:
        """The user's record if `data` is one or names one; else what `built_in` makes of it."""
        if isinstance(data, Record) and not _is_ours(type(data)):
            self._refuse(type(data))
            return data
        kind = data.get("kind") if isinstance(data, dict) else data
        if isinstance(kind, str) and is_own(kind):
            record = load(kind)
            self._refuse(record)
            return record.model_validate({k: v for k, v in data.items() if k != "kind"} if isinstance(data, dict) else {})
        if self.only:
            raise ValueError(f"must name a class of your own, kind = \"module.Class\", was {kind!r}")
        return built_in(data)

    def _refuse(self, record: type[Record]) -> None:
        for name, arguments in self.methods.items():
            method = getattr(record, name, None)
            said = f"{name}({', '.join(arguments)})"
            if not callable(method):
                cure = f"; inherit it from {self.base}" if self.base else ""
                raise ValueError(f"{name_of(record)} has no method {said}{cure}")
            signature = inspect.signature(method)
            named = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
            try:
                signature.bind(None, *arguments, **dict.fromkeys(named))
            except TypeError:
                raise ValueError(f"{name_of(record)}.{name} must take ({', '.join(arguments)})") from None


def _written(value: Any, built_in: Callable[[Any], Any], info: core_schema.SerializationInfo) -> Any:
    if not isinstance(value, Record) or _is_ours(type(value)):
        return built_in(value)
    fields = value.model_dump(mode=info.mode, exclude_none=info.exclude_none)
    return {"kind": name_of(type(value)), **{k: v for k, v in fields.items() if k != "kind"}}


def _is_ours(record: type[Record]) -> bool:
    return record.__module__.split(".")[0] == __name__.split(".")[0]


def _module_of(file: Path) -> ModuleType:
    """The module in `file`, read once for every content it has had."""
    code, path = file.read_bytes(), file.resolve()
    name = f"{_FILED}{path.stem}_{hashlib.sha256(str(path).encode() + code).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ValueError("is not a Python file")
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
