"""Building container images with whichever engine the operator chose.

A `Request` says what to build: make one, call its setters, and give it to `build`. Setters only
note their argument; `build` reports every fault::

    request = build.Request()
    request.set_context("app")
    request.add_label("team", "web")
    image = build.build(request)
    build.push(image, "ghcr.io/team/app:1.2.3", credential)

`wit/build.wit` has all setters of a request, what `supports` can be asked, and the kinds of error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wit_world.imports import build as _build
from wit_world.imports.types import Credential, Descriptor

from .errors import call

if TYPE_CHECKING:
    from wit_world.imports.build import Image, Request
else:
    # A component that only asks which engine there is does not import them.
    Image = getattr(_build, "Image", None)
    Request = getattr(_build, "Request", None)

__all__ = ["Image", "Request", "build", "engine", "push", "supports"]


def engine() -> str:
    """The engine of this run, such as `docker` or `buildkit`."""
    name: str = call(_build, "engine")
    return name


def supports(feature: str) -> bool:
    """Whether the engine honours a feature, such as `hold` or `build-secrets`."""
    answer: bool = call(_build, "supports", feature)
    return answer


def build(request: Request) -> Image:
    """Builds. The output of the build goes to the run's log."""
    image: Image = call(_build, "build", request)
    return image


def push(image: Image, reference: str, credential: Credential) -> Descriptor:
    """Pushes an image that the engine holds, and verifies that the registry has it."""
    pushed: Descriptor = call(image, "push", reference, credential)
    return pushed
