"""Relevance: how a photo's score becomes a probability-like number from 0.00 to 1.00.

Knows the curves, one for each kind of query, the weights of the views, and to which encoder and captioner they belong;
knows nothing of how the scores were found.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from handler.bundle.fields import Fields

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A caption that is the query itself has a cosine of 1; int8 rounding takes up to half a hundredth.
IDENTICAL_FROM = 0.95
IDENTICAL_AT = 0.995


QueryKind = Literal["name", "phrase", "sentence"]
QUERY_KINDS: tuple[QueryKind, ...] = ("name", "phrase", "sentence")
_LONGEST_PHRASE = 3
_ARTICLES = frozenset({"a", "an", "the"})


def kind_of_query(text: str) -> QueryKind:
    """What is asked with, by its words but for articles: one is a name, two or three are a phrase.

    The scores of a single word lie lower than those of a sentence, which tells more.
    """
    words = [word for word in text.casefold().split() if word not in _ARTICLES]
    if len(words) <= 1:
        return "name"
    return "phrase" if len(words) <= _LONGEST_PHRASE else "sentence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """From score to relevance, for one kind of query.

    Attributes:
        slope: How much the logit rises with a photo's fused score.
        intercept: The logit at score 0, if that lies below the knot.
        threshold: Relevance below which nothing counts as relevant unless the client says so.
        knot: The score beyond which the logit rises more steeply.
        bend: By how much more.
        perhaps: Relevance below the threshold from which a photo is still better than chance; 1 for none.
    """

    slope: float
    intercept: float
    threshold: float
    knot: float = 0.0
    bend: float = 0.0
    perhaps: float = 1.0

    @classmethod
    def from_fields(cls, fields: Fields) -> Curve:
        """Read and check; raises BundleError."""
        curve = cls(**_curve(fields), perhaps=fields.number("perhaps", low=0.0, high=1.0))
        fields.finish()
        return curve

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The weights of the views and the curves fitted on them; valid for one encoder and captioner.

    Attributes:
        encoder: Identity of the encoder (sha256) on whose vectors this was fitted.
        captioner: Identity of the captioner (sha256) on whose captions this was fitted.
        weights: One weight for each view of a photo, in the order of the manifest's views.
        name: The curve of one word.
        phrase: The curve of two or three.
        sentence: The curve of more.
    """

    encoder: str
    captioner: str
    weights: tuple[float, ...]
    name: Curve
    phrase: Curve
    sentence: Curve

    @classmethod
    def of_one_curve(cls, curve: Curve, *, encoder: str, captioner: str, weights: tuple[float, ...]) -> Calibration:
        """The same for every kind of query."""
        return cls(encoder=encoder, captioner=captioner, weights=weights, name=curve, phrase=curve, sentence=curve)

    @classmethod
    def from_fields(cls, fields: Fields) -> Calibration:
        """Read and check; one curve for all, without a name, is what earlier versions wrote. Raises BundleError."""
        encoder, captioner = fields.digest("encoder"), fields.digest("captioner")
        weights = fields.numbers("weights", low=-1e3, high=1e3)
        if fields.has("slope"):
            curve = Curve(**_curve(fields))
            calibration = cls.of_one_curve(curve, encoder=encoder, captioner=captioner, weights=weights)
        else:
            name, phrase, sentence = (Curve.from_fields(fields.child(kind)) for kind in QUERY_KINDS)
            calibration = cls(
                encoder=encoder, captioner=captioner, weights=weights, name=name, phrase=phrase, sentence=sentence
            )
        fields.finish()
        return calibration

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    def curve(self, kind: QueryKind) -> Curve:
        """The curve of a kind of query."""
        curves = {"name": self.name, "phrase": self.phrase, "sentence": self.sentence}
        return curves[kind]


def _curve(fields: Fields) -> dict[str, float]:
    return {
        "slope": fields.number("slope", low=1e-6, high=1e6),
        "intercept": fields.number("intercept", low=-1e6, high=1e6),
        "threshold": fields.number("threshold", low=0.0, high=1.0),
        "knot": fields.number("knot", low=-1e6, high=1e6),
        "bend": fields.number("bend", low=0.0, high=1e6),
    }


def identity_relevance(caption_cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 where the caption is the query's own text, falling to 0 at a cosine of IDENTICAL_FROM."""
    import numpy as np

    ramp = (caption_cosines - np.float32(IDENTICAL_FROM)) / np.float32(IDENTICAL_AT - IDENTICAL_FROM)
    return np.asarray(np.clip(ramp, 0.0, 1.0), dtype=np.float32)
