"""The sample photographs of the demo: which they are, and in which installed packages they lie.

Knows nothing of captions or bundles. The two packages are found, not imported: only their data is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from export.disk.whole_files import write_whole
from export.errors import PhotosError, installing

# Real photographs only: no drawings, masks or micrographs, and one of each stereo pair. They keep the names they
# came with (the cat is called chelsea), since nobody searches by name here.
SAMPLES: Mapping[str, tuple[str, ...]] = {
    "skimage/data": (
        "astronaut.png",
        "camera.png",
        "chelsea.png",
        "coffee.png",
        "coins.png",
        "hubble_deep_field.jpg",
        "moon.png",
        "motorcycle_left.png",
        "rocket.jpg",
    ),
    "sklearn/datasets/images": ("china.jpg", "flower.jpg"),
}


def copy_samples(folder: Path) -> int:
    """Copy the sample photographs into a folder; what is there already is left alone.

    Args:
        folder: Where they go; made when it is not there.

    Returns:
        How many photographs there are.

    Raises:
        PhotosError: A package that carries them is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for place, names in SAMPLES.items():
        source = _package_folder(place)
        for name in names:
            if not (folder / name).exists():
                write_whole(folder / name, (source / name).read_bytes())
    return sum(len(names) for names in SAMPLES.values())


def _package_folder(place: str) -> Path:
    """The folder "package/sub/folder" of an installed package."""
    package, _, inside = place.partition("/")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PhotosError(
            f"the sample photographs come with '{package}', which isn't there; {installing('demo')}; or name a folder "
            "of your own photos: thinlens demo PHOTOS"
        )
    return Path(spec.submodule_search_locations[0]) / inside
