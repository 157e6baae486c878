"""Credentials for registries: handles, whose secret stays in the host."""

from __future__ import annotations

from wit_world.imports import auth as _auth
from wit_world.imports.types import Credential

from .errors import call

__all__ = ["Credential", "anonymous", "login"]


def login(connector: str, registry: str | None = None) -> Credential:
    """Logs in to a registry's host with a connector that the operator configured.

    Without a registry it is the connector's own.
    """
    credential: Credential = call(_auth, "login", connector, registry)
    return credential


def anonymous(registry: str) -> Credential:
    """A credential for a registry's host without an identity, for what anyone may read."""
    credential: Credential = call(_auth, "anonymous", registry)
    return credential
