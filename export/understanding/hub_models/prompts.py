"""Prompts: what captioners of each kind read beside a photo when they are given an instruction.

It knows texts and the names of kinds, no models.
"""

from __future__ import annotations

from collections.abc import Mapping

DESCRIBE = "What does the image describe?"
IN_DETAIL = "Describe in detail what is shown in the image."
IN_A_SENTENCE = "Describe the photo in one short sentence."

PROMPTS: Mapping[str, Mapping[str, str | None]] = {
    "blip": {DESCRIBE: None},
    "blip-2": {DESCRIBE: None},
    "git": {DESCRIBE: None},
    "vision-encoder-decoder": {DESCRIBE: None},
    "florence2": {DESCRIBE: DESCRIBE, IN_DETAIL: IN_DETAIL},  # the texts of its tasks
    "paligemma": {DESCRIBE: "caption en", IN_DETAIL: "describe en"},
}
"""Of kinds that were trained for a few tasks: the prompts by instruction, None where only the photo is read."""
WITHOUT_TEMPLATE = ("instructblip",)
"""Of the kinds that follow any instruction, those that read it as it is; all others have a chat template."""


def known_instructions(kind: str) -> tuple[str, ...] | None:
    """What captioners of a kind can answer; None where they take any instruction."""
    return tuple(PROMPTS[kind]) if kind in PROMPTS else None


def converses(kind: str) -> bool:
    """Whether captioners of a kind are asked through their chat template."""
    return kind not in PROMPTS and kind not in WITHOUT_TEMPLATE
