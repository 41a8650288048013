from __future__ import annotations

import sys
from pathlib import Path

import pytest

import bytecode

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_this_interpreter_is_taken_for_its_own_version() -> None:
    assert bytecode.interpreter(HERE) == sys.executable


def test_a_program_that_is_no_such_python_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyenv, for one, puts commands on the PATH for versions that aren't switched on, which only fail."""
    for name, text in (("python3.98", "exit 127"), ("python3.99", f'exec {sys.executable} "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert bytecode.interpreter("3.98") is None
    assert bytecode.interpreter("3.99") is None


def test_the_same_sources_give_the_same_bytes_wherever_they_lie(tmp_path: Path) -> None:
    written = []
    for name in ("one", "a/second"):
        folder = tmp_path / name
        (folder / "package").mkdir(parents=True)
        (folder / "package/module.py").write_text(
            "NAMES = {'a', 'b', 'c'}\n\ndef f(x):\n    return x in {'p', 'q', 'r'}\n"
        )
        bytecode.compile_sources(folder, sys.executable)
        (compiled,) = folder.rglob("*.pyc")
        written.append(compiled.read_bytes())
    assert written[0] == written[1]
    assert b"/var/task/package/module.py" in written[0]
