"""The shipped models: a text encoder, a captioner, what sees photos, and the calibration that belongs to them.

It knows where the models lie and whether they belong together, nothing of what they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from export.errors import ModelError
from export.library.records import Understander
from export.understanding.captioner import CaptionerSource, is_own, understander
from export.understanding.view.image_encoder import ImageEncoderSource
from handler.bundle import manifest
from handler.bundle.encoder_files import EncoderConfiguration, identify_encoder
from handler.bundle.fields import Fields
from handler.bundle.manifest import IndexKind
from handler.bundle.relevance import Calibration
from handler.errors import BundleError, in_words

if TYPE_CHECKING:
    from handler.bundle.encoder import Encoder

MODELS = Path(__file__).parent / "shipped"
LANGUAGES = MODELS / "languages"
"""The folder of the shipped encoder for many languages."""
CAPTIONS_WEIGHT = 0.4
"""Of the captions beside a visual view, where nobody has fitted another (export/training/README.md has the numbers)."""


@dataclass(frozen=True, kw_only=True)  # without slots, so that an identity is reckoned once
class Models:
    """Models that belong together.

    Attributes:
        encoder: The folder of the text encoder, which embeds what the captioner says, and goes into every bundle.
        encoder_identity: Of the encoder in whose space its vectors lie: its own, as ``handler.bundle.encoder_files``
            defines it, or that of the one that it was taught by.
        captioner: The captioner, not loaded yet.
        image_encoder: What gives each photo its visual view, in the text encoder's space, not loaded yet; None where
            photos are found by their captions alone.
        calibration: What makes scores of these a relevance; None where nobody has fitted one.
        languages: The folder of an encoder for many languages, whose vectors are this encoder's: where there is one,
            it goes into every bundle instead, and embeds what people write.
    """

    encoder: Path
    encoder_identity: str
    captioner: CaptionerSource
    image_encoder: ImageEncoderSource | None = None
    calibration: Calibration | None = None
    languages: Path | None = None

    def __post_init__(self) -> None:
        if self.languages is not None:
            space = EncoderConfiguration.read(self.languages / "encoder.json").space
            if space != self.encoder_identity:
                raise ModelError(
                    f"models don't belong together: the encoder for many languages gives the vectors of {space}, "
                    f"expected those of {self.encoder_identity}; leave out --languages, or the encoder of your own"
                )
        parts = []
        if self.image_encoder is not None:
            parts.append(("the visual view", self.image_encoder.space, self.encoder_identity))
        if self.calibration is not None:
            parts.append(("the calibration", self.calibration.encoder, self.encoder_identity))
            parts.append(("the calibration", self.calibration.captioner, self.captioner.identity))
        for what, found, expected in parts:
            if found != expected:
                raise ModelError(f"models don't belong together: {what} was made for {found}, expected {expected}")

    @property
    def asked(self) -> Path:
        """The folder of the encoder that embeds queries, and captions that people write."""
        return self.languages or self.encoder

    @cached_property
    def asked_identity(self) -> str:
        """Its identity."""
        return identify_encoder(self.asked)

    @cached_property
    def text_encoder(self) -> Encoder:
        """The encoder that embeds what the captioner says, loaded once."""
        return _load_encoder(self.encoder)

    @cached_property
    def asked_encoder(self) -> Encoder:
        """The one that embeds queries, and captions that people write; the same unless there is one for languages."""
        return self.text_encoder if self.languages is None else _load_encoder(self.languages)

    @property
    def understander(self) -> Understander:
        """Who understands photos."""
        return understander(self.captioner, self.image_encoder)

    @property
    def image_encoder_apart(self) -> str | None:
        """The identity of the image encoder, if it isn't the captioner's own."""
        if self.image_encoder is None or is_own(self.captioner, self.image_encoder):
            return None
        return self.image_encoder.identity

    @property
    def index_kind(self) -> IndexKind:
        """The kind of index that photos are written into.

        Where texts lie apart from photos, those that a text finds first lie so close together that 8 bits confuse them.
        """
        apart = self.image_encoder is not None and self.image_encoder.texts_apart
        return "coded-16" if apart else manifest.DEFAULT_KIND

    @property
    def weights(self) -> tuple[float, ...]:
        """What each view of a photo counts for: as calibrated, or by rule.

        Without a visual view all captions count the same. Beside one they count CAPTIONS_WEIGHT together, and
        nothing where the captioner has a view of its own: by that it has chosen them, and they say nothing more; nor
        where texts lie apart from photos, for all of them are closer to a query than any photo is.
        """
        if self.calibration is not None:
            return self.calibration.weights
        asked = len(self.captioner.instructions)
        if self.image_encoder is None:
            return (1.0 / asked,) * asked
        idle = self.captioner.image_encoder is not None or self.image_encoder.texts_apart
        captions = 0.0 if idle else CAPTIONS_WEIGHT
        return (*(captions / asked,) * asked, 1.0 - captions)


def shipped_models(folder: Path = MODELS) -> Models:
    """The models in a folder: encoder/, captioner/ and calibration.json.

    Raises:
        ModelError: A model is missing, or they don't belong together.
    """
    from export.understanding.onnx_captioner import OnnxCaptionerSource

    encoder = folder / "encoder"
    calibration = folder / "calibration.json"
    try:
        identity = identify_encoder(encoder)
        captioner = OnnxCaptionerSource.open(folder / "captioner", encoder=encoder)
        return Models(
            encoder=encoder,
            encoder_identity=identity,
            captioner=captioner,
            image_encoder=captioner.image_encoder,
            calibration=Calibration.from_fields(Fields.parse(calibration.read_bytes(), name=str(calibration))),
        )
    except (OSError, BundleError) as error:
        advice = "install thinlens again" if folder == MODELS else "expected what 'thinlens models export' writes"
        raise ModelError(f"the models in {folder} can't be used: {in_words(error)}; {advice}") from error


def _load_encoder(folder: Path) -> Encoder:
    from handler.bundle.encoder import Encoder  # and with it onnxruntime, which is slow to import

    return Encoder.load(folder)
