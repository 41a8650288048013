"""Archives: a folder as a zip whose bytes depend on nothing but its files' names and bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path

# The earliest that a zip can say.
_TIME = (1980, 1, 1, 0, 0, 0)
# A regular file that everybody may read: Lambda runs the function as a user of its own.
_MODE = 0o100644


def write_zip(folder: Path, path: Path) -> None:
    """Write the folder's files in the order of their names."""
    files = sorted((file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in files:
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system = 3  # Unix, on any machine
            info.external_attr = _MODE << 16
            archive.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)
