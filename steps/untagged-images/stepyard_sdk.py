"""What a step in Python needs beside the functions of the contract.

The functions are modules of `wit_world.imports`, such as `registry`; a step can import those that
`wit/world.wit` names. A call that fails raises `Err`, whose `value` is an error of the contract.
"""

import dataclasses
import json
import traceback
import types as python_types
import typing

import wit_world
from componentize_py_types import Err
from wit_world.imports import log as _log
from wit_world.imports import types as contract

_MISSING = dataclasses.MISSING
_EXPECTED = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "array": "a list",
    "object": "a mapping",
}
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def setting(description: str, default: typing.Any = _MISSING, names: str | None = None):
    """A field of the settings, with what its users read of it.

    Without a default it must be set. `names` says what the value names, such as `connector` (the
    keyword `x-stepyard`), so that the host lets a run touch what its settings name.
    """
    metadata = {"description": description, "names": names}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: default.copy(), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class StepError(Exception):
    """Why the step fails: a kind of the contract, such as `not-found`, or one of your own."""

    def __init__(self, kind: str, message: str, hint: str | None = None):
        super().__init__(message)
        self.kind = kind
        self.hint = hint

    def _as_contract(self) -> contract.Error:
        name = "ErrorKind_" + "".join(part.capitalize() for part in self.kind.split("-"))
        known = getattr(contract, name, None)
        kind = known() if known and self.kind != "other" else contract.ErrorKind_Other(self.kind)
        return contract.Error(kind, str(self), self.hint, False)


class Outcome:
    """What a run that succeeds leaves."""

    def __init__(self):
        self._outputs: list[wit_world.Output] = []
        self._images: list[wit_world.PushedImage] = []

    def output(self, name: str, value: str) -> "Outcome":
        """Adds a value for later steps."""
        self._outputs.append(wit_world.Output(name, str(value)))
        return self

    def image(self, registry: str, repository: str, tag: str, digest: str) -> "Outcome":
        """Adds an image that the step has put into a registry."""
        self._images.append(wit_world.PushedImage(registry, repository, tag, digest))
        return self


class log:
    """The person who watches the run."""

    @staticmethod
    def debug(message: str) -> None:
        """Shows a line when asked for."""
        _log.write(_log.Level.DEBUG, message)

    @staticmethod
    def info(message: str) -> None:
        """Shows a line."""
        _log.write(_log.Level.INFO, message)

    @staticmethod
    def warn(message: str) -> None:
        """Shows a line that the person should look at."""
        _log.write(_log.Level.WARN, message)

    @staticmethod
    def error(message: str) -> None:
        """Shows a line about what makes the step fail."""
        _log.write(_log.Level.ERROR, message)

    @staticmethod
    def begin_phase(name: str) -> None:
        """Says that a new part of the work begins."""
        _log.begin_phase(name)


def step(name: str, version: str, summary: str, settings: type):
    """Makes the step of a function, which takes the settings and returns an `Outcome`."""

    def decorate(run: typing.Callable[[typing.Any], Outcome]) -> type:
        class WitWorld(wit_world.WitWorld):
            def describe(self) -> wit_world.Description:
                schema = json.dumps(_schema(settings, summary))
                return wit_world.Description(name, version, summary, schema)

            def run(self, settings_text: str) -> wit_world.Outcome:
                try:
                    outcome = run(_read(settings, json.loads(settings_text)))
                except Err:
                    # An error of the contract is told as it is.
                    raise
                except StepError as error:
                    raise Err(error._as_contract())
                except Exception as error:
                    log.error(traceback.format_exc())
                    kind = contract.ErrorKind_Other("exception")
                    message = f"{type(error).__name__}: {error}"
                    raise Err(contract.Error(kind, message, None, False))
                return wit_world.Outcome(outcome._outputs, outcome._images)

        return WitWorld

    return decorate


def _schema(settings: type, summary: str) -> dict:
    hints = typing.get_type_hints(settings)
    properties, required = {}, []
    for field in dataclasses.fields(settings):
        schema = _schema_of(hints[field.name])
        schema["description"] = field.metadata.get("description", "")
        if field.metadata.get("names"):
            schema["x-stepyard"] = field.metadata["names"]
        if field.default is not _MISSING and field.default is not None:
            schema["default"] = field.default
        if field.default is _MISSING and field.default_factory is _MISSING:
            required.append(_written(field.name))
        properties[_written(field.name)] = schema
    return {
        "type": "object",
        "description": summary,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _schema_of(kind: typing.Any) -> dict:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return {"type": "array", "items": _schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(arguments[1])}
    if origin in (typing.Union, python_types.UnionType):
        return _schema_of(next(one for one in arguments if one is not type(None)))
    return {"type": _JSON_TYPES[kind]}


def _written(name: str) -> str:
    """The name in YAML: `image_name` is `imageName`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _read(settings: type, values: dict) -> typing.Any:
    """The settings of their JSON form. Every problem is told at once."""
    hints = typing.get_type_hints(settings)
    problems, read = [], {}
    known = {_written(field.name): field for field in dataclasses.fields(settings)}
    for name in values:
        if name not in known:
            problems.append(f"{name}: no such setting; expected {_either(list(known))}")
    for name, field in known.items():
        if name in values and values[name] is not None:
            problem = _problem(hints[field.name], values[name])
            if problem:
                problems.append(f"{name}: {problem}")
            read[field.name] = values[name]
        elif field.default is _MISSING and field.default_factory is _MISSING:
            problems.append(f"{name}: missing; it is required")
    if problems:
        raise StepError("invalid-settings", "\n".join(problems))
    return settings(**read)


def _either(names: list[str]) -> str:
    names = [f"`{name}`" for name in names]
    if len(names) < 3:
        return " or ".join(names) or "none"
    return "one of " + ", ".join(names)


def _problem(kind: typing.Any, value: typing.Any) -> str | None:
    schema = _schema_of(kind)
    expected = _EXPECTED[schema["type"]]
    if schema["type"] == "array" and isinstance(value, list):
        problems = (_problem(typing.get_args(kind)[0], item) for item in value)
        return next((problem for problem in problems if problem), None)
    fits = {
        "string": isinstance(value, str),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
    }
    return None if fits[schema["type"]] else f"found {_found(value)}; expected {expected}"


def _found(value: typing.Any) -> str:
    if isinstance(value, bool):
        return f"boolean `{json.dumps(value)}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f"string {json.dumps(value)}"
    return "a list" if isinstance(value, list) else "a mapping"
