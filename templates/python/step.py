"""A step that greets."""

from dataclasses import dataclass

from stepyard_sdk import Outcome, log, setting, step


@dataclass
class Settings:
    name: str = setting("Whom to greet.")


@step(name="my-step", version="0.1.0", summary="Greets", settings=Settings)
def greet(settings: Settings) -> Outcome:
    log.info(f"Hello, {settings.name}!")
    return Outcome().output("greeted", settings.name)


WitWorld = greet
