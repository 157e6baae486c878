"""What only Amazon ECR has. Pushing and tagging need nothing of it: see `registry`.

Every function takes the connector whose identity is used, an ECR registry's host, and a repository
there. An image is a tag or a digest. Times are aware `datetime`s. `wit/ecr.wit` says with
which kinds of error each function fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wit_world.imports import ecr as _ecr

from .errors import call


@dataclass(frozen=True)
class Repository:
    """A repository, as ECR describes it."""

    name: str
    arn: str
    uri: str
    tag_mutability: str
    """`MUTABLE`, `IMMUTABLE`, `IMMUTABLE_WITH_EXCLUSION` or `MUTABLE_WITH_EXCLUSION`."""
    mutability_exclusions: tuple[str, ...]
    """Filters of tags to which the mutability does not apply."""
    scans_on_push: bool
    encryption: str
    """`AES256`, `KMS` or `KMS_DSSE`."""
    kms_key: str | None
    is_new: bool
    """Whether `create_repository` made it."""


@dataclass(frozen=True)
class Image:
    """An image or image index in a repository."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime | None
    size: int | None
    """The bytes of its layers as they are stored; `None` for an index."""
    media_type: str | None


@dataclass(frozen=True)
class Finding:
    """What a scan found in an image."""

    name: str
    """Such as `CVE-2024-3094`."""
    severity: str
    """`CRITICAL`, `HIGH`, `MEDIUM`, `LOW`, `INFORMATIONAL`, `UNDEFINED` or `UNTRIAGED`."""
    description: str | None
    uri: str | None
    package_name: str | None
    package_version: str | None
    fixed_in: str | None


@dataclass(frozen=True)
class Replica:
    """A copy of an image in another registry."""

    account: str
    region: str
    status: str
    """`IN_PROGRESS`, `COMPLETE` or `FAILED`."""
    failure_code: str | None


class Scan:
    """The last scan of an image."""

    def __init__(self, scan: _ecr.Scan) -> None:
        self._scan = scan
        self.status: str = scan.status()
        """`COMPLETE`, `ACTIVE`, `IN_PROGRESS`, `PENDING`, `FAILED` or another of ECR's words."""
        self.status_description: str | None = scan.status_description()
        self.completed_at = _time(scan.completed_at())
        self.severity_counts: dict[str, int] = dict(scan.severity_counts())
        """How many findings there are of each severity that there is, the worst first."""

    def findings(self) -> Iterator[Finding]:
        """The findings, at most 10,000, read page by page. It can be gone through once."""
        while page := call(self._scan, "next_findings"):
            for finding in page:
                yield _plain(Finding, finding)


def describe_repository(connector: str, registry: str, name: str) -> Repository | None:
    """Describes a repository; `None` where it does not exist."""
    found = call(_ecr, "describe_repository", connector, registry, name)
    return None if found is None else _plain(Repository, found)


def create_repository(
    connector: str,
    registry: str,
    name: str,
    *,
    tag_mutability: str = "MUTABLE",
    mutability_exclusions: Sequence[str] = (),
    scan_on_push: bool = False,
    encryption: str = "AES256",
    kms_key: str | None = None,
    tags: dict[str, str] | None = None,
) -> Repository:
    """Makes a repository. Where it exists, it is described as it is (`Repository.is_new`)."""
    settings = _ecr.RepositorySettings()
    settings.set_tag_mutability(tag_mutability)
    for exclusion in mutability_exclusions:
        settings.add_mutability_exclusion(exclusion)
    settings.set_scan_on_push(scan_on_push)
    settings.set_encryption(encryption)
    if kms_key is not None:
        settings.set_kms_key(kms_key)
    for key, value in (tags or {}).items():
        settings.add_tag(key, value)
    made = call(_ecr, "create_repository", connector, registry, name, settings)
    repository: Repository = _plain(Repository, made)
    return repository


def put_lifecycle_policy(connector: str, registry: str, name: str, policy: str) -> None:
    """Says which images expire: a JSON object, which replaces the policy before."""
    call(_ecr, "put_lifecycle_policy", connector, registry, name, policy)


def set_repository_policy(connector: str, registry: str, name: str, policy: str) -> None:
    """Says who may use the repository: a JSON object in the grammar of IAM."""
    call(_ecr, "set_repository_policy", connector, registry, name, policy)


def put_tag_mutability(
    connector: str, registry: str, name: str, mutability: str, exclusions: Sequence[str] = ()
) -> None:
    """Changes whether tags can move."""
    call(_ecr, "put_tag_mutability", connector, registry, name, mutability, list(exclusions))


def list_images(connector: str, registry: str, name: str) -> Iterator[Image]:
    """The images of a repository, those without tags too, in ECR's order, read page by page."""
    with call(_ecr, "list_images", connector, registry, name) as images:
        while page := call(images, "next"):
            for image in page:
                yield _plain(Image, image)


def describe_image(connector: str, registry: str, name: str, image: str) -> Image | None:
    """Describes an image; `None` where the repository does not have it."""
    found = call(_ecr, "describe_image", connector, registry, name, image)
    return None if found is None else _plain(Image, found)


def delete_images(
    connector: str, registry: str, name: str, images: Sequence[str]
) -> list[tuple[str, str]]:
    """Deletes 1 to 100 images, and gives those that are still there, each with ECR's reason. A tag
    goes alone while others name the image; a digest goes with all its tags."""
    left: list[tuple[str, str]] = call(
        _ecr, "delete_images", connector, registry, name, list(images)
    )
    return left


def scan_findings(connector: str, registry: str, name: str, image: str) -> Scan | None:
    """What the last scan of an image says; `None` where it was never scanned."""
    found = call(_ecr, "scan_findings", connector, registry, name, image)
    return None if found is None else Scan(found)


def start_scan(connector: str, registry: str, name: str, image: str) -> str:
    """Starts a scan of an image and gives its status."""
    status: str = call(_ecr, "start_scan", connector, registry, name, image)
    return status


def replication_status(connector: str, registry: str, name: str, image: str) -> list[Replica]:
    """Where an image is replicated to."""
    replicas = call(_ecr, "replication_status", connector, registry, name, image)
    return [_plain(Replica, replica) for replica in replicas]


def _plain(kind: Any, resource: Any) -> Any:
    """A value of the resource's methods, each called as the field is. The resource is given back at
    once, because a run has only so many."""
    with resource:
        values = {name: getattr(resource, name)() for name in kind.__dataclass_fields__}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        elif name.endswith("_at"):
            values[name] = _time(value)
    return kind(**values)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
