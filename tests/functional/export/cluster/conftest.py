"""What the tests of many machines share: one session of Ray for all of them, and photos."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from export.cluster.ray_session import ray_session
from tests.functional.export.cluster.clusters import PHOTOS, READERS
from tests.functional.export.galleries import write_photos


@pytest.fixture(scope="package")
def ray() -> Iterator[None]:
    """Ray on this machine; without it, what needs it is skipped."""
    for package in ("ray", "pyarrow"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (make setup EXTRAS=ray)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it ends its own processes, and doesn't wait for them
        with ray_session(None, readers=READERS):
            yield
        gc.collect()


@pytest.fixture
def base(ray: None, tmp_path: Path) -> Path:
    """A folder with photos of all colours in it."""
    write_photos(tmp_path / "photos", PHOTOS)
    return tmp_path
