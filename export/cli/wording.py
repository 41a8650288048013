"""What the commands print alike: counts for people, JSON for programs."""

from __future__ import annotations

import json
import sys


def count(number: int, noun: str) -> str:
    """A number with its noun, "1 photo" or "1,000 photos"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def print_json(answer: object) -> None:
    """Print JSON in UTF-8 (RFC 8259, section 8.1), whatever the terminal's encoding is."""
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
