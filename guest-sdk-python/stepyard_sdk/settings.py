"""Settings: the dataclass that declares them, its JSON schema, and reading with clear errors."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, NewType

from .errors import Error

Text = NewType("Text", str)
"""A text that may be written as a whole number or a truth value too: `42`, `true`.

Numbers with a decimal point are refused, because YAML does not keep their form: `1.10` would
arrive as `1.1`.
"""


def setting(
    description: str,
    *,
    default: Any = dataclasses.MISSING,
    names: str | None = None,
    minimum: float | None = None,
) -> Any:
    """A field of the settings, with the description that users read.

    Without a default it must be set. `names` says what the value names, such as `connector` or
    `ecr-repository` (the keyword `x-stepyard` of the settings' schema), so that a host can let
    a run touch what its settings name and nothing else.
    """
    metadata = {"description": description, "names": names, "minimum": minimum}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class Problems:
    """Collects what is wrong with settings, so that one error reports it all."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, path: str, problem: str) -> None:
        """Notes a problem of the setting at `path`, such as `tags[1]`, in the form `what is
        wrong; expected …`."""
        self.lines.append(" ".join(f"{path}: {problem}".splitlines()))

    def raise_any(self) -> None:
        """Raises an `Error` of the kind `invalid-settings` where something was noted."""
        if self.lines:
            raise Error("invalid-settings", "\n".join(self.lines))


def read(kind: type, given: Any) -> Any:
    """Settings of their JSON form. Where all fit, a method `check(problems)` of the dataclass says
    what else is wrong."""
    problems = Problems()
    if not isinstance(given, dict):
        problems.add("settings", f"found {_shown(given)}; expected a mapping")
    else:
        settings = _read_fields(kind, given, "", problems)
    problems.raise_any()
    check = getattr(settings, "check", None)
    if check is not None:
        check(problems)
        problems.raise_any()
    return settings


def schema(kind: type, description: str) -> dict[str, Any]:
    """The JSON schema of settings, with camel case names as in YAML."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": description,
        **_schema(kind),
    }


def _written(field: dataclasses.Field[Any]) -> str:
    """The name in YAML: `image_name` is `imageName`."""
    first, *rest = field.name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


_PLAIN: dict[Any, tuple[Any, str]] = {
    str: ("string", "a string"),
    Text: (["string", "integer", "boolean"], "text (a number with a decimal point goes in quotes)"),
    bool: ("boolean", "a boolean"),
    int: ("integer", "an integer"),
    float: ("number", "a number"),
}


def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """The origin and arguments of a type; those of `T` for `T | None`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        rest = [argument for argument in arguments if argument is not type(None)]
        if len(rest) == 1:
            return _parts(rest[0])
    return (origin or kind), arguments


def _schema(kind: Any) -> dict[str, Any]:
    origin, arguments = _parts(kind)
    if origin in _PLAIN:
        return {"type": _PLAIN[origin][0]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if not dataclasses.is_dataclass(origin):
        raise TypeError(
            f"a setting cannot have the type {kind}; expected str, Text, int, float, bool, list, "
            "dict with texts as keys, Literal, a dataclass, or one of them with `| None`"
        )
    hints = typing.get_type_hints(origin)
    properties, required = {}, []
    for field in dataclasses.fields(origin):
        one = {"description": field.metadata.get("description", ""), **_schema(hints[field.name])}
        if field.metadata.get("names"):
            one["x-stepyard"] = field.metadata["names"]
        if field.metadata.get("minimum") is not None:
            one["minimum"] = field.metadata["minimum"]
        if _is_required(field):
            required.append(_written(field))
        elif _default(field) is not None and not dataclasses.is_dataclass(_default(field)):
            one["default"] = _default(field)
        properties[_written(field)] = one
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _read_fields(kind: Any, given: dict[str, Any], path: str, problems: Problems) -> Any:
    hints = typing.get_type_hints(kind)
    fields = {_written(field): field for field in dataclasses.fields(kind)}
    for name in given:
        if name not in fields:
            known = ", ".join(f"`{name}`" for name in fields)
            expected = f"one of {known}" if len(fields) > 1 else known or "none"
            problems.add(path + name, f"no such setting; expected {expected}")
    values, before = {}, len(problems.lines)
    for name, field in fields.items():
        if given.get(name) is None:
            # A setting without a value is one that is not there, as people comment values out.
            if _is_required(field):
                problems.add(path + name, "missing; it is required")
            continue
        value = _read(hints[field.name], given[name], path + name, problems)
        minimum = field.metadata.get("minimum")
        if minimum is not None and isinstance(value, (int, float)) and value < minimum:
            problems.add(path + name, f"found {_shown(value)}; expected at least {minimum}")
        values[field.name] = value
    return kind(**values) if len(problems.lines) == before else None


def _read(kind: Any, value: Any, path: str, problems: Problems) -> Any:
    origin, arguments = _parts(kind)
    if origin in _PLAIN:
        if origin is Text and isinstance(value, bool):
            return str(value).lower()
        if origin is Text and isinstance(value, int):
            return str(value)
        if origin is float and type(value) is int:
            return float(value)
        # `type` and not `isinstance`, because True is an int in Python.
        if type(value) is (str if origin is Text else origin):
            return value
        problems.add(path, f"found {_shown(value)}; expected {_PLAIN[origin][1]}")
    elif origin is typing.Literal:
        if value in arguments:
            return value
        known = ", ".join(f"`{argument}`" for argument in arguments)
        problems.add(path, f"found {_shown(value)}; expected one of {known}")
    elif origin is list:
        if isinstance(value, list):
            return [
                _read(arguments[0], one, f"{path}[{place}]", problems)
                for place, one in enumerate(value)
            ]
        problems.add(path, f"found {_shown(value)}; expected a list")
    elif isinstance(value, dict):
        if origin is dict:
            return {
                name: _read(arguments[1], one, f"{path}.{name}", problems)
                for name, one in value.items()
            }
        return _read_fields(origin, value, f"{path}.", problems)
    else:
        problems.add(path, f"found {_shown(value)}; expected a mapping")
    return None


def _shown(value: Any) -> str:
    """A value of JSON in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f'string "{value if len(value) <= 40 else value[:40] + "…"}"'
    return "a list" if isinstance(value, list) else "a mapping"
