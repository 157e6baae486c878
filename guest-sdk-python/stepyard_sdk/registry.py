"""Registries that follow the OCI distribution specification.

A reference is `registry/repository:tag` or `registry/repository@digest`, with the registry always
spelt out. `wit/registry.wit` says with which kinds of error each function fails.
"""

from __future__ import annotations

from wit_world.imports import registry as _registry
from wit_world.imports.types import Credential, Descriptor

from .errors import call

__all__ = ["copy", "get_manifest", "list_tags", "put_manifest", "resolve", "tag"]


def resolve(reference: str, credential: Credential) -> Descriptor | None:
    """What `reference` names: its `digest`, `media_type` and `size`; `None` where the repository
    has no such tag or digest."""
    found: Descriptor | None = call(_registry, "resolve", reference, credential)
    return found


def get_manifest(reference: str, credential: Credential) -> _registry.Manifest:
    """The manifest that `reference` names, its digest verified: `media_type` and `content`."""
    manifest: _registry.Manifest = call(_registry, "get_manifest", reference, credential)
    return manifest


def put_manifest(
    reference: str, media_type: str, content: bytes, credential: Credential
) -> Descriptor:
    """Stores a manifest under `reference`, whose blobs the repository must have already."""
    manifest = _registry.Manifest(media_type, content)
    stored: Descriptor = call(_registry, "put_manifest", reference, manifest, credential)
    return stored


def tag(reference: str, tag: str, credential: Credential) -> Descriptor:
    """Lets a further tag name what `reference` names, without moving a layer."""
    tagged: Descriptor = call(_registry, "tag", reference, tag, credential)
    return tagged


def copy(
    source: str, source_credential: Credential, destination: str, destination_credential: Credential
) -> Descriptor:
    """Copies an image or image index with all that it refers to, and verifies it."""
    arguments = (source, source_credential, destination, destination_credential)
    copied: Descriptor = call(_registry, "copy", *arguments)
    return copied


def list_tags(repository: str, credential: Credential) -> list[str]:
    """The tags of `registry/repository`, in the registry's order."""
    tags: list[str] = call(_registry, "list_tags", repository, credential)
    return tags
