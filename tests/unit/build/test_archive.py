from __future__ import annotations

import os
import zipfile
from pathlib import Path

from archive import write_zip

FILES = {"b.txt": b"b" * 1_000, "a/c.bin": bytes(range(256)), "a/b": b"", "é.txt": "é".encode()}


def write(folder: Path, names: list[str], *, time: int, mode: int) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(FILES[name])
        file.chmod(mode)
        os.utime(file, (time, time))
    return folder


def test_order_times_and_permissions_do_not_matter(tmp_path: Path) -> None:
    one = write(tmp_path / "one", list(FILES), time=1_000_000_000, mode=0o600)
    other = write(tmp_path / "other", list(FILES)[::-1], time=1_700_000_000, mode=0o755)
    write_zip(one, tmp_path / "one.zip")
    write_zip(other, tmp_path / "other.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_everybody_may_read_what_comes_out(tmp_path: Path) -> None:
    write_zip(write(tmp_path / "files", list(FILES), time=1_000_000_000, mode=0o600), tmp_path / "files.zip")
    with zipfile.ZipFile(tmp_path / "files.zip") as archive:
        assert {info.filename: archive.read(info) for info in archive.infolist()} == FILES
        assert [info.filename for info in archive.infolist()] == sorted(FILES)
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}
