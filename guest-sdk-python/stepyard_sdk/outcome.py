"""What a run that succeeded leaves."""

from __future__ import annotations

import wit_world


class Outcome:
    """Outputs for later steps, and the images that the step has pushed."""

    def __init__(self) -> None:
        self._outputs: list[wit_world.Output] = []
        self._images: list[wit_world.PushedImage] = []

    def output(self, name: str, value: object) -> Outcome:
        """Adds a value for later steps, one line of text, under a variable's name."""
        self._outputs.append(wit_world.Output(name, str(value)))
        return self

    def image(self, registry: str, repository: str, tag: str, digest: str) -> Outcome:
        """Adds an image that the step has put into a registry and the registry has confirmed."""
        self._images.append(wit_world.PushedImage(registry, repository, tag, digest))
        return self

    def to_contract(self) -> wit_world.Outcome:
        """The outcome as `run` returns it."""
        return wit_world.Outcome(self._outputs, self._images)
