"""Untagged Images: reports the images of an Amazon ECR repository that no tag points to."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

from stepyard_sdk import Error, Outcome, Problems, Step, Text, auth, ecr, log, registry, setting

INDEXES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
NEVER = datetime.max.replace(tzinfo=timezone.utc)
SHOWN = 50
"""So many images are listed. A neglected repository has thousands."""


@dataclass
class Settings:
    """Which repository, and how many images without a tag it may have."""

    connector_ref: str = setting("The connector of type Aws to look with.", names="connector")
    region: str = setting("The AWS region of the repository.", names="ecr-region")
    account: Text = setting("The AWS account of the repository: 12 digits.", names="ecr-account")
    repository: str = setting("The repository, such as team/app.", names="ecr-repository")
    maximum_count: int | None = setting(
        "How many images without a tag there may be. Without it the step only reports.",
        default=None,
        minimum=0,
    )

    def check(self, problems: Problems) -> None:
        """Notes what the types cannot say."""
        forms = (
            ("account", self.account, r"\d{12}", "12 digits, in quotes where the first is 0"),
            ("region", self.region, r"[a-z]{2,}(-[a-z]+)+-\d+", "a region such as us-east-1"),
            (
                "repository",
                self.repository,
                r"[a-z0-9]+([._/-][a-z0-9]+)*",
                "a repository's name such as team/app, without registry and tag",
            ),
        )
        for name, value, form, expected in forms:
            if not re.fullmatch(form, value):
                problems.add(name, f'found "{value}"; expected {expected}')

    @property
    def registry(self) -> str:
        """The host of the account's registry."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"{self.account}.dkr.ecr.{self.region}.{suffix}"


class UntaggedImages(Step[Settings]):
    """Reports images that no tag points to, with their number, sizes and age."""

    name = "untagged-images"
    version = "0.1.0"
    summary = "Reports the images of an ECR repository that no tag points to"
    settings = Settings

    def run(self, settings: Settings) -> Outcome:
        images = list(
            ecr.list_images(settings.connector_ref, settings.registry, settings.repository)
        )
        parts = parts_of_tagged(settings, images)
        untagged = [image for image in images if not image.tags and image.digest not in parts]
        untagged.sort(key=lambda image: (image.pushed_at or NEVER, image.digest))
        report(settings.repository, len(images), untagged)
        if settings.maximum_count is not None and len(untagged) > settings.maximum_count:
            raise Error(
                "too-many-untagged",
                f"{settings.repository} has {counted(len(untagged))} without a tag; "
                f"at most {settings.maximum_count} may be there",
                "let a lifecycle policy with the tag status `untagged` expire them, delete them, or "
                "raise maximumCount",
            )
        outcome = (
            Outcome()
            .output("untagged_count", len(untagged))
            .output("untagged_bytes", total_size(untagged))
        )
        if untagged and untagged[0].pushed_at:
            outcome.output("oldest_pushed_at", untagged[0].pushed_at.isoformat())
        return outcome


def parts_of_tagged(settings: Settings, images: Iterable[ecr.Image]) -> set[str]:
    """The digests of the images that belong to an index with a tag: those of its platforms have no
    tag of their own, and still a tag points to them."""
    indexes = {image.digest for image in images if image.media_type in INDEXES}
    waiting = [image.digest for image in images if image.tags and image.digest in indexes]
    if not waiting:
        return set()
    credential = auth.login(settings.connector_ref, settings.registry)
    parts: set[str] = set()
    while waiting:
        reference = f"{settings.registry}/{settings.repository}@{waiting.pop()}"
        manifest = json.loads(registry.get_manifest(reference, credential).content)
        found = {part["digest"] for part in manifest.get("manifests", [])} - parts
        waiting.extend(found & indexes)
        parts |= found
    return parts


def report(repository: str, all_count: int, untagged: list[ecr.Image]) -> None:
    """Says what was found, the oldest first."""
    if not untagged:
        log.info(f"{repository}: a tag points to each of {counted(all_count)}")
        return
    size = shown_size(total_size(untagged))
    log.info(f"{repository}: {len(untagged)} of {counted(all_count)} without a tag, {size}")
    for image in untagged[:SHOWN]:
        pushed = f"{image.pushed_at:%Y-%m-%d %H:%M}" if image.pushed_at else "unknown time"
        log.info(f"  {image.digest}  {shown_size(image.size):>10}  pushed {pushed}")
    if len(untagged) > SHOWN:
        log.info(f"  and {len(untagged) - SHOWN} more")
    if untagged[0].pushed_at:
        days = (datetime.now(timezone.utc) - untagged[0].pushed_at).days
        age = {0: "less than a day", 1: "1 day"}.get(days, f"{days} days")
        log.info(f"The oldest was pushed {age} ago")


def total_size(images: Iterable[ecr.Image]) -> int:
    """The bytes of all. Layers that images share count for each."""
    return sum(image.size or 0 for image in images)


def counted(count: int) -> str:
    """So many images, in words."""
    return "1 image" if count == 1 else f"{count} images"


def shown_size(size: int | None) -> str:
    """A size for a person."""
    if size is None:
        return "an index"
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


WitWorld = UntaggedImages.component()
