"""What a step tells the person who watches it.

What is printed (`print`, standard error) is shown too, as lines of level `info` and `warn`.
"""

from wit_world.imports import log as _log


def debug(message: object) -> None:
    """Shows a line when asked for."""
    _log.write(_log.Level.DEBUG, str(message))


def info(message: object) -> None:
    """Shows a line, or several that belong together."""
    _log.write(_log.Level.INFO, str(message))


def warn(message: object) -> None:
    """Shows something that the person should look at, though the step goes on."""
    _log.write(_log.Level.WARN, str(message))


def error(message: object) -> None:
    """Shows something that makes the step fail."""
    _log.write(_log.Level.ERROR, str(message))


def begin_phase(name: str) -> None:
    """Says that a new part of the work begins, such as "Push"."""
    _log.begin_phase(name)
