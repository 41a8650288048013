"""Instructions: a captioner is asked something else of every photo than it is by its own choice.

It knows which instructions a captioner can answer, and what becomes of the weights; nothing of how it answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from export.errors import ModelError
from export.models.model_set import Models
from handler.bundle.relevance import Calibration


def asking(models: Models, instructions: Sequence[str]) -> Models:
    """The same models, with a captioner that is asked these instructions.

    The calibration stays: the captions together count what they counted before, each what it did, and one that was
    not asked before what they did on average.

    Args:
        models: That belong together.
        instructions: At least one, each once; the first one's answers are the captions that people see.

    Raises:
        ModelError: The captioner can't answer one, or is asked one twice.
    """
    known = models.captioner.known_instructions
    for number, instruction in enumerate(instructions):
        if known is not None and instruction not in known:
            raise ModelError(
                f"the captioner can't answer {instruction!r}: an answer to what it has not learnt would be made up; "
                f"it knows {', '.join(map(repr, known))}"
            )
        if instruction in instructions[:number]:
            raise ModelError(f"the captioner is asked {instruction!r} twice; give each instruction once")
    calibration = models.calibration
    if calibration is not None:
        calibration = _spread(calibration, models.captioner.instructions, instructions)
    return replace(models, captioner=models.captioner.asking(tuple(instructions)), calibration=calibration)


def _spread(calibration: Calibration, before: Sequence[str], asked: Sequence[str]) -> Calibration:
    """The weights of the captions, spread over others.

    Example: 0.1 and 0.3 of "a" and "b", visual 0.6; asked "b" alone -> 0.4, 0.6; asked "a", "b", "c" -> 0.067, 0.2,
    0.133, 0.6; captions that count nothing do so whatever is asked
    """
    captions, others = calibration.weights[: len(before)], calibration.weights[len(before) :]
    mean = sum(captions) / len(captions)
    weights = [dict(zip(before, captions, strict=True)).get(instruction, mean) for instruction in asked]
    share = sum(captions) / (sum(weights) or 1.0)
    return replace(calibration, weights=(*(weight * share for weight in weights), *others))
