"""The shipped models: a text encoder, a captioner and the calibration that belongs to both.

It knows where the models lie and whether they belong together, nothing of what they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from export.errors import ModelError
from export.understanding.captioner import CaptionerSource
from handler.bundle.encoder_files import identify_encoder
from handler.bundle.fields import Fields
from handler.bundle.relevance import Calibration
from handler.errors import BundleError

MODELS = Path(__file__).parent / "shipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Models that belong together.

    Attributes:
        encoder: The folder of the text encoder, which goes into every bundle.
        encoder_identity: As ``handler.bundle.encoder_files`` defines it.
        captioner: The captioner, not loaded yet.
        calibration: What makes scores of these two a relevance; None where nobody has fitted one.
    """

    encoder: Path
    encoder_identity: str
    captioner: CaptionerSource
    calibration: Calibration | None

    def __post_init__(self) -> None:
        if self.calibration is None:
            return
        for what, found, expected in (
            ("the captioner's visual view", self.captioner.encoder_identity, self.encoder_identity),
            ("the calibration", self.calibration.encoder, self.encoder_identity),
            ("the calibration", self.calibration.captioner, self.captioner.identity),
        ):
            if found != expected:
                raise ModelError(f"models don't belong together: {what} was made for {found}, expected {expected}")

    @property
    def has_visual_view(self) -> bool:
        """Whether the captioner gives a vector, and in this encoder's space."""
        return self.captioner.encoder_identity == self.encoder_identity

    @property
    def weights(self) -> tuple[float, ...]:
        """What each view of a photo counts for: as calibrated, or the same for all."""
        if self.calibration is not None:
            return self.calibration.weights
        views = len(self.captioner.instructions) + self.has_visual_view
        return (1.0 / views,) * views


def shipped_models(folder: Path = MODELS) -> Models:
    """The models in a folder: encoder/, captioner/ and calibration.json.

    Raises:
        ModelError: A model is missing, or they don't belong together.
    """
    from export.understanding.onnx_captioner import OnnxCaptionerSource

    encoder = folder / "encoder"
    calibration = folder / "calibration.json"
    try:
        return Models(
            encoder=encoder,
            encoder_identity=identify_encoder(encoder),
            captioner=OnnxCaptionerSource.open(folder / "captioner", encoder=encoder),
            calibration=Calibration.from_fields(Fields.parse(calibration.read_bytes(), name=str(calibration))),
        )
    except (OSError, BundleError) as error:
        advice = "install thinlens again" if folder == MODELS else "expected what 'thinlens models export' writes"
        raise ModelError(f"the models in {folder} can't be used: {error}; {advice}") from error
