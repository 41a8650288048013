"""SigLIP's tokenizer, which transformers has for sentencepiece alone, as the tokenizers library writes it."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram


def siglip_tokenizer(model: Path, tokenizer: Any) -> str:
    """The JSON of a tokenizer that cuts texts as SigLIP's does.

    Punctuation is left out and white space collapsed, then each text begins with a space and ends with an end mark.

    Args:
        model: A unigram model of sentencepiece.
        tokenizer: SigLIP's, as transformers loads it.
    """
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    proto.ParseFromString(model.read_bytes())
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    cut = Tokenizer(Unigram(pieces, proto.trainer_spec.unk_id, byte_fallback=proto.trainer_spec.byte_fallback))
    steps = [normalizers.Lowercase()] if tokenizer.do_lower_case else []
    steps.append(normalizers.Replace(Regex(f"[{''.join(map(_escaped, string.punctuation))}]"), ""))
    if charsmap := proto.normalizer_spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(charsmap))
    steps += [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    cut.normalizer = normalizers.Sequence(steps)
    cut.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always", split=False)
    cut.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always", split=False)
    end = str(tokenizer.eos_token)
    cut.add_special_tokens(sorted({end, str(tokenizer.pad_token), str(tokenizer.unk_token)}))
    cut.post_processor = processors.TemplateProcessing(
        single=["$A", end], pair=["$A", end, "$B", end], special_tokens=[(end, tokenizer.eos_token_id)]
    )
    return str(cut.to_str())


def _escaped(mark: str) -> str:
    return f"\\{mark}"
