"""Errors, of the contract's calls and of the step itself."""

from __future__ import annotations

from typing import Any

from componentize_py_types import Err
from wit_world.imports import types

class Error(Exception):
    """Why a call of the contract failed, or why the step does.

    `kind` is for a program to act on: one of the contract's, such as `denied`, `not-found`,
    `conflict` or `unavailable` (`wit/types.wit` has them all), or one of the step's own.
    `hint` says what the person who reads it can do. A step may let an error of a call pass as
    it is; its kind is kept.
    """

    def __init__(
        self, kind: str, message: str, hint: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.retryable = retryable

    def with_context(self, context: str) -> Error:
        """The same error, with what the step was doing in front of its message."""
        return Error(self.kind, f"{context}: {self.message}", self.hint, self.retryable)

    def with_hint(self, hint: str) -> Error:
        """The same error, with what the person can do about it."""
        return Error(self.kind, self.message, hint, self.retryable)

    @classmethod
    def from_contract(cls, error: types.Error) -> Error:
        """The error of a call."""
        if isinstance(error.kind, types.ErrorKind_Other):
            kind = error.kind.value
        else:
            kind = next(name for name, known in _KINDS.items() if isinstance(error.kind, known))
        return cls(kind, error.message, error.hint, error.retryable)

    def to_contract(self) -> types.Error:
        """The error as `run` returns it."""
        known = _KINDS.get(self.kind)
        kind = known() if known else types.ErrorKind_Other(self.kind)
        return types.Error(kind, self.message, self.hint, self.retryable)


_KINDS: dict[str, type] = {
    "denied": types.ErrorKind_Denied,
    "invalid-settings": types.ErrorKind_InvalidSettings,
    "not-found": types.ErrorKind_NotFound,
    "unauthenticated": types.ErrorKind_Unauthenticated,
    "forbidden": types.ErrorKind_Forbidden,
    "conflict": types.ErrorKind_Conflict,
    "throttled": types.ErrorKind_Throttled,
    "timed-out": types.ErrorKind_TimedOut,
    "cancelled": types.ErrorKind_Cancelled,
    "unavailable": types.ErrorKind_Unavailable,
    "engine-failure": types.ErrorKind_EngineFailure,
    "unsupported": types.ErrorKind_Unsupported,
}


def call(module: object, name: str, *arguments: object) -> Any:
    """Calls a function of the contract, whose error is raised as an `Error`."""
    function = getattr(module, name, None)
    if function is None:
        interface = getattr(module, "__name__", "").rpartition(".")[2]
        raise NotImplementedError(
            f"the component does not import {interface}.{name}, because no file of the step calls "
            f"it by this name; write `{interface}.{name}(…)` where it is called, and build again"
        )
    try:
        return function(*arguments)
    except Err as failure:
        error = Error.from_contract(failure.value)
    # Outside of the handler, so that a traceback does not show the error twice.
    raise error
