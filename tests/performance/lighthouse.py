"""Lighthouse: Google's marks for a page, of its speed, its accessibility, its craft, and how it is found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.performance.report import ROOT

VERSION = "12.2.3"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
AIM = 95
_PROGRAMS = f"{ROOT / '.venv/npm/node_modules/.bin'}:{os.environ.get('PATH', os.defpath)}"
_FLAGS = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"


def marks(address: str, chromium: str, folder: Path) -> dict[str, int]:
    """The page's marks, 0 to 100, by their categories: on a phone, as Lighthouse slows it and its network down.

    Empty where Lighthouse isn't installed. What cost marks is said on standard error.
    """
    program = shutil.which("lighthouse", path=_PROGRAMS)
    if program is None:
        print(f"No Lighthouse is here: npm install --no-save --prefix .venv/npm lighthouse@{VERSION}", file=sys.stderr)
        return {}
    report = folder / "lighthouse.json"
    command = [program, address, "--quiet", "--output=json", f"--output-path={report}", f"--chrome-flags={_FLAGS}"]
    command.append(f"--only-categories={','.join(CATEGORIES)}")
    subprocess.run(command, env={**os.environ, "CHROME_PATH": chromium}, check=True, timeout=300)
    found = json.loads(report.read_text(encoding="utf-8"))
    for category in CATEGORIES:
        for part in found["categories"][category]["auditRefs"]:
            audit = found["audits"][part["id"]]
            if part["weight"] and audit["score"] is not None and audit["score"] < 1:
                print(
                    f"{category}: {audit['title']} ({audit['score']}) {audit.get('displayValue', '')}", file=sys.stderr
                )
    return {name: round(100 * found["categories"][name]["score"]) for name in CATEGORIES}
