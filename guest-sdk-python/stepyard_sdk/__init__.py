"""Write a step of Stepyard in Python.

A step is a class with a name, a version, a summary and a dataclass of settings::

    from dataclasses import dataclass
    from stepyard_sdk import Outcome, Step, log, setting

    @dataclass
    class Settings:
        name: str = setting("Whom to greet.")

    class Hello(Step[Settings]):
        name = "hello"
        version = "0.1.0"
        summary = "Greets"
        settings = Settings

        def run(self, settings: Settings) -> Outcome:
            log.info(f"Hello, {settings.name}!")
            return Outcome().output("greeted", settings.name)

    WitWorld = Hello.component()

What a step can reach beside the log is in modules of this package: `auth`, `registry`, `ecr` and
`build`. Import the module and call its functions by their names, such as `registry.resolve(...)`:
the component asks its user for the functions that are called so, and for no others.

All modules are imported while the component is built. An `import` within a function finds
only modules that something else has imported by then.
"""

from . import log
from .errors import Error
from .outcome import Outcome
from .settings import Problems, Text, setting
from .step import Step

__all__ = ["Error", "Outcome", "Problems", "Step", "Text", "log", "setting"]
