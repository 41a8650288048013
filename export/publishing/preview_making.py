"""Making previews: those that a store lacks are made of the photos, in worker processes, and kept in the output folder.

What was made is kept before the next batch: a run that is killed goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from export.errors import PublishingError
from export.library.library import Library
from export.photos.kept_pictures import Previews
from export.progress import Progress
from export.publishing.uploads import photos_root, picture_upload
from export.storage.object_store import Upload
from export.understanding.engine import FailedPhoto, ReadingTask, cores
from export.understanding.worker_pool import WorkerPool
from handler.bundle.photos.addresses import preview


def make_previews(contents: Collection[str], out: Path, library: Library, progress: Progress) -> list[Upload]:
    """Make the previews of contents that have none in the output folder.

    Args:
        contents: Of the library's photos.
        out: The output folder.
        library: Its library.
        progress: Is told of each preview.

    Returns:
        The previews of all the contents.

    Raises:
        PublishingError: A photo is gone, has changed since it was indexed, or can't be decoded. The previews of the
            others are kept.
        OSError: The output folder can't be written.
    """
    previews = Previews(out)
    missing = set(contents) - previews.contents()
    if missing:
        _make(_tasks(missing, out, library), previews, progress)
    return [picture_upload(preview(content), previews.path(content)) for content in sorted(contents)]


def _tasks(contents: set[str], out: Path, library: Library) -> list[ReadingTask]:
    from export.understanding.previewing import preview_task  # and with it Pillow, which most runs can spare

    root = photos_root(library, out)
    tasks = [preview_task(root, photo) for photo in library.photos.of_contents(contents)]
    if unknown := len(contents) - len(tasks):
        raise PublishingError(f"the library lacks {unknown} of the bundle's photos: index again, then publish")
    return tasks


def _make(tasks: list[ReadingTask], previews: Previews, progress: Progress) -> None:
    from export.understanding.previewing import PREVIEWING, MadePreview

    failed: list[FailedPhoto] = []
    progress.begin("making previews", len(tasks))
    for outcomes in WorkerPool(workers=cores())(tasks, PREVIEWING):
        for outcome in outcomes:
            if isinstance(outcome, MadePreview):
                previews.write(outcome.content, outcome.data)
            else:
                failed.append(outcome)
        progress.advance(len(outcomes))
    progress.end()
    if failed:
        first = min(failed, key=lambda photo: photo.id)
        raise PublishingError(
            f"{len(failed)} of {len(tasks)} previews can't be made, of {first.id}: {first.reason}; index again, then "
            "publish, or publish without previews: --no-previews"
        )
