"""The names of what is installed: the folders handler and export are thinlens.handler and thinlens.export in the wheel.

Many projects have a module called handler, every function for Lambda for one, and neither may hide the other. So the
wheel holds one package, thinlens, and hatchling, which calls this hook, packs each module with its imports spelt so:

    from handler.client import Client   ->   from thinlens.handler.client import Client

Knows nothing of what the modules do. An editable install has the names of the folders.
"""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "thinlens"
HALVES = ("export", "handler")

_INIT = '"""Thinlens: visual search. Here are the folders `handler` and `export` of its repository."""\n'
# The command of a clone looks there first, whatever modules PYTHONPATH leads to.
_CLONE_FIRST = "sys.path.insert(0, {root!r})\n\n"
_MAIN = '''"""The command: `thinlens`, or `python -m thinlens`."""

from __future__ import annotations

import sys

{first}from export.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
'''


class InstalledNames(BuildHookInterface[Any]):
    """Packs the package's own two modules, and those that import each other as they import each other there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write what differs from the repository into a temporary folder, and have it packed."""
        self._folder = tempfile.TemporaryDirectory()
        if version == "editable":
            main = _MAIN.format(first=_CLONE_FIRST.format(root=self.root))
            build_data["force_include_editable"] = self._written({"__init__.py": _INIT, "__main__.py": main})
            return
        modules = {"__init__.py": _INIT, "__main__.py": renamed(_MAIN.format(first="")), "py.typed": ""}
        for file in self.build_config.builder.recurse_included_files():
            if file.path.endswith(".py"):
                modules[file.relative_path] = renamed(Path(file.path).read_text(encoding="utf-8"))
        build_data["force_include"].update(self._written(modules))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove the temporary folder."""
        self._folder.cleanup()

    def _written(self, modules: dict[str, str]) -> dict[str, str]:
        """Where each file lies, and where in the wheel it belongs."""
        for name, source in modules.items():
            path = Path(self._folder.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return {str(Path(self._folder.name, name)): f"{PACKAGE}/{name}" for name in modules}


def renamed(source: str) -> str:
    """A module's source with its imports as they are in the wheel; every line stays where it is.

    Raises:
        ValueError: An import binds the name of a half, `import handler.client`, so that more than the import would
            have to change.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_ours(node.module or ""):
            line = lines[node.lineno - 1]
            before, after = line[: node.col_offset], line[node.col_offset :]
            lines[node.lineno - 1] = before + after.replace(f"from {node.module}", f"from {PACKAGE}.{node.module}", 1)
        elif isinstance(node, ast.Import) and (found := [each.name for each in node.names if _is_ours(each.name)]):
            raise ValueError(f"line {node.lineno}: import {found[0]} (expected from {found[0]} import …)")
    return "".join(lines)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in HALVES
