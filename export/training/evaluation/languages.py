"""How well an encoder for many languages finds what it is to find: photos, sentences and names.

Its vectors are to be those of another, English one. So photos are indexed with that one, and what is looked for in
English is embedded by it; only the queries are embedded by the encoder that is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import numpy as np

from export.evaluation.retrieval import EvaluationQuery, measure
from export.models.model_set import Models
from export.progress import Progress
from export.training.data.corpus import read_photos
from export.training.data.names import read_class_names
from export.training.data.translations import Translation, read_names, read_queries, read_tatoeba
from export.training.evaluation.report import bundle_of, photo_id
from export.training.text_encoder.sentence_model import EmbedTexts
from handler.bundle.bundle import Bundle
from handler.bundle.encoder import Encoder
from handler.search.searcher import Searcher

COLLECTION = "flickr8k"


class LanguageReport(TypedDict):
    """Shares by language.

    Attributes:
        english_encoder: Recall, by k, of photos by English captions with the English encoder.
        photos: The same by captions in each language with the encoder that is measured.
        sentences: Sentences whose nearest English one among all of the language's test is what they mean.
        names: Names of ImageNet's classes whose nearest English one among the thousand is theirs; "learnt" those
            of classes whose names were trained on, "held_out" the others'.
    """

    english_encoder: dict[str, float]
    photos: dict[str, dict[str, float]]
    sentences: dict[str, float]
    names: dict[str, dict[str, float]]


def score_languages(models: Models, languages: Path, data: Path) -> LanguageReport:
    """Measure an encoder for many languages.

    Args:
        models: Captioner, calibration and the English encoder whose vectors the other one gives.
        languages: The folder of the encoder that is measured.
        data: The corpus, laid out as corpus.py and translations.py say.
    """
    english, measured = Encoder.load(models.encoder), Encoder.load(languages)
    queries = read_queries(data)
    of_file = {photo.path.name: photo.path for photo in read_photos(data / "photos" / f"{COLLECTION}.jsonl", "dev")}
    asked = [(of_file[Path(query.file).name], query.captions) for query in queries]
    with bundle_of(models, [path for path, _ in asked]) as bundle:
        in_english = [EvaluationQuery(text=said["en"], photo_id=photo_id(path)) for path, said in asked]
        english_encoder = _recall(bundle, in_english)
        photos = {
            language: _recall(
                replace(bundle, encoder=measured),
                [EvaluationQuery(text=said[language], photo_id=photo_id(path)) for path, said in asked],
            )
            for language in asked[0][1]
        }
    return {
        "english_encoder": english_encoder,
        "photos": photos,
        "sentences": score_sentences(measured.encode, english.encode, data),
        "names": score_names(measured.encode, english.encode, data),
    }


def score_sentences(measured: EmbedTexts, english: EmbedTexts, data: Path) -> dict[str, float]:
    """By language: of how many sentences the nearest English one is what they mean."""
    return {
        language: _found(pairs, [pair.english for pair in pairs], measured, english)
        for language, pairs in read_tatoeba(data).items()
    }


def score_names(measured: EmbedTexts, english: EmbedTexts, data: Path) -> dict[str, dict[str, float]]:
    """By split and language: of how many names the nearest English one among ImageNet's thousand is theirs."""
    classes = read_class_names(data)
    scores: dict[str, dict[str, float]] = {}
    for kind, names in (("learnt", read_names(data, "train")), ("held_out", read_names(data, "dev"))):
        by_language: dict[str, list[Translation]] = {}
        for name in names:
            by_language.setdefault(name.language, []).append(name)
        scores[kind] = {
            language: _found(by_language[language], classes, measured, english) for language in sorted(by_language)
        }
    return scores


def language_table(report: LanguageReport) -> str:
    """The numbers as a table, a language a line."""
    learnt, held_out = report["names"]["learnt"], report["names"]["held_out"]
    recall = "".join(f"{share:7.1%}" for share in report["english_encoder"].values())
    lines = [
        f"{'':<24}    R@1    R@5   R@10  sentences  names  of classes held out",
        f"{'en, English encoder':<24}{recall}",
    ]
    for language in sorted({*report["photos"], *report["sentences"], *learnt}):
        shares = report["photos"].get(language)
        recall = "".join(f"{share:7.1%}" for share in shares.values()) if shares else " " * 21
        others = ((report["sentences"], 11), (learnt, 7), (held_out, 21))
        cells = (f"{of[language]:{width}.1%}" if language in of else " " * width for of, width in others)
        lines.append(f"{language:<24}{recall}{''.join(cells)}".rstrip())
    return "\n".join(lines)


def _found(pairs: Sequence[Translation], candidates: Sequence[str], measured: EmbedTexts, english: EmbedTexts) -> float:
    """For what part of the pairs the candidate that is nearest to the text is its English."""
    nearest = (measured([pair.text for pair in pairs]) @ english(candidates).T).argmax(1)
    return float(np.mean([candidates[row] == pair.english for row, pair in zip(nearest, pairs, strict=True)]))


def _recall(bundle: Bundle, queries: Sequence[EvaluationQuery]) -> dict[str, float]:
    recall = measure(Searcher(bundle), queries, Progress()).evaluation["recall"]
    return {str(k): share for k, share in recall.items()}
