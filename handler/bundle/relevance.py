"""Relevance: how a photo's score becomes a probability-like number from 0.00 to 1.00.

Knows the curve and the weights of the views, and to which encoder and captioner they belong;
knows nothing of how the scores were found.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from handler.bundle.fields import Fields

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A caption that is the query itself has a cosine of 1; int8 rounding takes up to half a hundredth.
IDENTICAL_FROM = 0.95
IDENTICAL_AT = 0.995


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The weights of the views and the curve fitted on them; valid for one encoder and captioner.

    Attributes:
        encoder: Identity of the encoder (sha256) on whose vectors this was fitted.
        captioner: Identity of the captioner (sha256) on whose captions this was fitted.
        weights: One weight for each view of a photo, in the order of the manifest's views.
        slope: How much the logit rises with a photo's fused score.
        intercept: The logit at score 0, if that lies below the knot.
        threshold: Relevance below which nothing counts as relevant unless the client says so.
        knot: The score beyond which the logit rises more steeply.
        bend: By how much more.
    """

    encoder: str
    captioner: str
    weights: tuple[float, ...]
    slope: float
    intercept: float
    threshold: float
    knot: float = 0.0
    bend: float = 0.0

    @classmethod
    def from_fields(cls, fields: Fields) -> Calibration:
        """Read and check; raises BundleError."""
        calibration = cls(
            encoder=fields.digest("encoder"),
            captioner=fields.digest("captioner"),
            weights=fields.numbers("weights", low=-1e3, high=1e3),
            slope=fields.number("slope", low=1e-6, high=1e6),
            intercept=fields.number("intercept", low=-1e6, high=1e6),
            threshold=fields.number("threshold", low=0.0, high=1.0),
            knot=fields.number("knot", low=-1e6, high=1e6),
            bend=fields.number("bend", low=0.0, high=1e6),
        )
        fields.finish()
        return calibration

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    def relevance(
        self,
        scores: NDArray[np.float32],
        caption_cosines: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Turn the scores of n photos into relevances.

        Args:
            scores: float32 [n], inner products of the query with the photos' fused vectors.
            caption_cosines: float32 [n], cosine of the query with the closest caption of each.

        Returns:
            float32 [n] in [0, 1], not decreasing in either argument.
        """
        import numpy as np  # here, so that a manifest can be read before numpy is loaded

        # Beyond +-60 the curve is flat in float32, and exp would overflow.
        beyond = np.maximum(scores - np.float32(self.knot), 0.0)
        logits = np.clip(self.slope * scores + self.bend * beyond + self.intercept, -60.0, 60.0)
        curve = np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float32)
        return np.maximum(curve, identity_relevance(caption_cosines))


def identity_relevance(caption_cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 where the caption is the query's own text, falling to 0 at a cosine of IDENTICAL_FROM."""
    import numpy as np

    ramp = (caption_cosines - np.float32(IDENTICAL_FROM)) / np.float32(IDENTICAL_AT - IDENTICAL_FROM)
    return np.asarray(np.clip(ramp, 0.0, 1.0), dtype=np.float32)
