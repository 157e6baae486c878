"""A step that greets."""

from dataclasses import dataclass

from stepyard_sdk import Outcome, Step, log, setting


@dataclass
class Settings:
    """What a user of the step sets."""

    name: str = setting("Whom to greet.")


class MyStep(Step[Settings]):
    """Greets."""

    name = "my-step"
    version = "0.1.0"
    summary = "Greets"
    settings = Settings

    def run(self, settings: Settings) -> Outcome:
        log.info(f"Hello, {settings.name}!")
        return Outcome().output("greeted", settings.name)


WitWorld = MyStep.component()
