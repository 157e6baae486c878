"""What a step is, and how a component is made of it."""

from __future__ import annotations

import json
import sys
import traceback
from typing import ClassVar, Generic, TypeVar

import wit_world
from componentize_py_types import Err

from . import log, settings as _settings
from .errors import Error
from .outcome import Outcome

_Settings = TypeVar("_Settings")


class Step(Generic[_Settings]):
    """A step: derive from it, say what it is, and write `run`."""

    name: ClassVar[str]
    """Such as `scan-images`."""
    version: ClassVar[str]
    """A semantic version."""
    summary: ClassVar[str]
    """One sentence."""
    settings: ClassVar[type]
    """The dataclass of the settings, whose fields are made with `setting`."""

    def run(self, settings: _Settings) -> Outcome:
        """Does the work. An `Error` that is raised is told to the user as it is."""
        raise NotImplementedError(f"{type(self).__name__} has no method run")

    @classmethod
    def component(cls) -> type[wit_world.WitWorld]:
        """The class that a component is made of: `WitWorld = MyStep.component()`."""
        step = cls

        class WitWorld(wit_world.WitWorld):
            def describe(self) -> wit_world.Description:
                schema = json.dumps(_settings.schema(step.settings, step.summary))
                return wit_world.Description(step.name, step.version, step.summary, schema)

            def run(self, text: str) -> wit_world.Outcome:
                try:
                    settings = _settings.read(step.settings, json.loads(text))
                    outcome = step().run(settings)
                    if not isinstance(outcome, Outcome):
                        raise TypeError(f"{step.__name__}.run returned {outcome!r}; expected an Outcome")
                    return outcome.to_contract()
                except Error as error:
                    failure = error
                except Exception as exception:
                    failure = _uncaught(exception)
                raise Err(failure.to_contract())

        return WitWorld


def _uncaught(exception: BaseException) -> Error:
    """The error of an exception that nobody handled, whose traceback is logged."""
    package = __name__.partition(".")[0]
    told = traceback.TracebackException.from_exception(exception)
    own = [frame for frame in told.stack if f"/{package}/" not in frame.filename]
    # The first frames are of the SDK and say nothing; the SDK's last ones may be the fault's place.
    while len(told.stack) > 1 and own and told.stack[0] is not own[0]:
        del told.stack[0]
    for frame in told.stack:
        frame.filename = _without_root(frame.filename)
    log.error("".join(told.format()).rstrip())
    place = f" ({_without_root(own[-1].filename)}:{own[-1].lineno})" if own else ""
    return Error(
        "exception",
        f"{type(exception).__name__}: {exception}{place}",
        "the step has a fault: tell its author, with the traceback in the log",
    )


def _without_root(path: str) -> str:
    """A file's path within the project: the component has each source folder under a number."""
    for root in sorted(filter(None, sys.path), key=len, reverse=True):
        if path.startswith(f"{root}/"):
            return path[len(root) + 1 :]
    return path
