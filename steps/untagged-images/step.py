"""Reports the images of an Amazon ECR repository that no tag leads to."""

import json
from dataclasses import dataclass

from stepyard_sdk import Outcome, StepError, log, setting, step
from wit_world.imports import auth, ecr, registry

# How many images are listed one by one.
MOST_SHOWN = 20
# Media types of what holds further images.
INDEXES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}


@dataclass
class Settings:
    connector_ref: str = setting("The connector to log in with.", names="connector")
    account: str = setting("The account of the registry.", names="ecr-account")
    region: str = setting("The region of the registry.", names="ecr-region")
    image_name: str = setting("The repository.")
    most: int | None = setting("Fail where there are more than these.", default=None)


@step(
    name="untagged-images",
    version="0.1.0",
    summary="Reports the images of an Amazon ECR repository that no tag leads to",
    settings=Settings,
)
def report(settings: Settings) -> Outcome:
    host = f"{settings.account}.dkr.ecr.{settings.region}.amazonaws.com"
    log.begin_phase("List")
    images = all_images(settings, host)
    # An image for one platform has no tag of its own where the tag is that of its index.
    reached = reached_by_indexes(settings, host, [one for one in images if one.tags])
    lost = [one for one in images if not one.tags and one.digest not in reached]
    lost.sort(key=lambda one: one.pushed_at)
    size = sum(one.size for one in lost)
    name = f"{host}/{settings.image_name}"
    log.info(f"{len(lost)} of {len(images)} images of {name} have no tag: {readable(size)}")
    for one in lost[:MOST_SHOWN]:
        log.info(f"{one.digest}  {one.pushed_at or 'unknown':<20}  {readable(one.size):>10}")
    if len(lost) > MOST_SHOWN:
        log.info(f"and {len(lost) - MOST_SHOWN} more")
    if settings.most is not None and len(lost) > settings.most:
        raise StepError(
            "too-many-untagged",
            f"images of {name} without a tag: {len(lost)}; at most {settings.most} are accepted",
            "a lifecycle policy with tagStatus untagged deletes them",
        )
    return Outcome().output("untagged", len(lost)).output("untagged_bytes", size)


@dataclass
class Listed:
    """An image of the list."""

    digest: str
    tags: list[str]
    pushed_at: str
    size: int
    is_index: bool


def all_images(settings: Settings, host: str) -> list[Listed]:
    """Every image, page by page."""
    pages = ecr.list_images(settings.connector_ref, host, settings.image_name)
    images = []
    while page := pages.next():
        for image in page:
            images.append(
                Listed(
                    digest=image.digest(),
                    tags=image.tags(),
                    pushed_at=image.pushed_at() or "",
                    size=image.size() or 0,
                    is_index=image.media_type() in INDEXES,
                )
            )
    return images


def reached_by_indexes(settings: Settings, host: str, tagged: list[Listed]) -> set[str]:
    """The digests of what the indexes among the images hold."""
    indexes = [one for one in tagged if one.is_index]
    if not indexes:
        return set()
    credential = auth.login(settings.connector_ref, host)
    reached = set()
    for one in indexes:
        reference = f"{host}/{settings.image_name}@{one.digest}"
        manifest = registry.get_manifest(reference, credential)
        content = json.loads(manifest.content)
        reached.update(entry["digest"] for entry in content.get("manifests", []))
    return reached


def readable(size: int) -> str:
    """A size in the units that registries bill by."""
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1_000:.1f} kB"


WitWorld = report
