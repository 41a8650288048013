"""Near-duplicates among real photos: copies are found, and no two different photos are one."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.bundles.near_duplicates.whole_grouping import group_all
from export.pictures.looks import fingerprint

ROOT = Path(__file__).parents[4]
PHOTOS = Path(os.environ.get("THINLENS_SHARED", ROOT.parent / "shared")) / "data/photos/coco257"


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"the development photos are not at {PHOTOS}")
def test_copies_are_found_and_photos_stay_apart() -> None:
    fingerprints: list[str] = []
    for path in sorted(PHOTOS.iterdir())[:120]:
        with Image.open(path) as image:
            photo = image.convert("RGB")
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=40)
        copies = (photo.resize((photo.width // 2, photo.height // 2)), Image.open(file).convert("RGB"))
        fingerprints += [fingerprint(photo), *map(fingerprint, copies)]
    count = len(fingerprints)
    rows = np.frombuffer(bytes.fromhex("".join(fingerprints)), dtype="<u8").reshape(-1, 2)
    # The same vector for all, so that the fingerprints alone decide.
    groups = group_all(rows, lambda places: np.ones((len(places), 4), dtype=np.float32))

    numbers = np.arange(count)
    assert (groups // 3 == numbers // 3).all()  # no photo stands for another photo
    assert np.mean(groups == numbers // 3 * 3) > 0.98
