"""Known models: what has been tried or is published to work, and what it costs. The documents' table is made of this.

Costs are measured by this project on models of the same architecture and size with random weights, on a core of an
Intel Xeon. Parameters are those of OpenCLIP's docs/model_profile.csv, of model cards, or what the size of the weights
says; licences are those of model cards, looked up in November 2026. What nobody measured or could look up is left out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a model costs, measured.

    Attributes:
        photo_ms: Processor time in ms to see a photo, of one core; of the shipped models with decoding and captioning,
            of others of the image tower alone.
        query_ms: Processor time in ms to embed a query of nine tokens, of one core.
        served_mb: Of the files that go into the function, in MB.
        memory_mb: Anonymous memory of the function in MB, after queries.
    """

    photo_ms: float | None
    query_ms: float | None
    served_mb: float
    memory_mb: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model, as it is typed.

    Attributes:
        option: With what ``thinlens index`` takes it.
        name: What is typed after the option.
        parameters: In millions, as published; None where that says little.
        dim: Dimensions of its space; None of a captioner, which has none.
        languages: In which it can be asked, or answers.
        licence: Of its weights, as their card says it; "not said" where it doesn't.
        cost: None where nobody measured it.
        pickled: Whether its weights are published as a pickle alone, so that it has to be copied first.
    """

    option: str
    name: str
    parameters: float | None
    dim: int | None
    languages: str
    licence: str
    cost: Cost | None = None
    pickled: bool = False


KNOWN_MODELS = (
    KnownModel(
        option="",
        name="(what comes with Thinlens)",
        parameters=None,
        dim=384,
        languages="English; with --languages 36",
        licence="Apache-2.0",
        cost=Cost(photo_ms=42, query_ms=0.3, served_mb=7.7, memory_mb=40),
    ),
    KnownModel(
        option="--captioner",
        name="Salesforce/blip-image-captioning-base",
        parameters=247,
        dim=None,
        languages="English",
        licence="BSD-3-Clause",
        pickled=True,
    ),
    KnownModel(
        option="--captioner",
        name="florence-community/Florence-2-base",
        parameters=230,
        dim=None,
        languages="English",
        licence="MIT",
    ),
    KnownModel(
        option="--captioner",
        name="HuggingFaceTB/SmolVLM-256M-Instruct",
        parameters=256,
        dim=None,
        languages="English",
        licence="Apache-2.0",
    ),
    KnownModel(
        option="--encoder",
        name="laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        parameters=151,
        dim=512,
        languages="English",
        licence="MIT",
        cost=Cost(photo_ms=56, query_ms=9, served_mb=78, memory_mb=102),
    ),
    KnownModel(
        option="--encoder",
        name="openai/clip-vit-large-patch14",
        parameters=428,
        dim=768,
        languages="English",
        licence="not said",
    ),
    KnownModel(
        option="--encoder",
        name="facebook/metaclip-b32-400m",
        parameters=151,
        dim=512,
        languages="English",
        licence="CC-BY-NC-4.0",
        pickled=True,
    ),
    KnownModel(
        option="--encoder",
        name="google/siglip-base-patch16-224",
        parameters=203,
        dim=768,
        languages="English",
        licence="Apache-2.0",
    ),
    KnownModel(
        option="--encoder",
        name="google/siglip2-base-patch16-224",
        parameters=375,
        dim=768,
        languages="many",
        licence="Apache-2.0",
    ),
    KnownModel(
        option="--encoder",
        name="google/siglip2-base-patch16-naflex",
        parameters=None,
        dim=768,
        languages="many",
        licence="Apache-2.0",
    ),
    KnownModel(
        option="--encoder",
        name="google/siglip-so400m-patch14-384",
        parameters=878,
        dim=1152,
        languages="English",
        licence="Apache-2.0",
    ),
    KnownModel(
        option="--encoder",
        name="OFA-Sys/chinese-clip-vit-base-patch16",
        parameters=188,
        dim=512,
        languages="Chinese",
        licence="not said",
        pickled=True,
    ),
    KnownModel(
        option="--encoder",
        name="open_clip:ViT-B-32/laion2b_s34b_b79k",
        parameters=151,
        dim=512,
        languages="English",
        licence="MIT",
    ),
)


def known_models_json() -> list[dict[str, object]]:
    """The models as JSON."""
    return [asdict(model) for model in KNOWN_MODELS]


def known_models_table() -> str:
    """The models as a table of Markdown, as it stands in export/README.md."""
    lines = [
        "| model | parameters | dimensions | languages | licence | a photo | a query | in the function | its memory |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for model in KNOWN_MODELS:
        typed = f"`{model.option} {model.name}`" if model.option else model.name.strip("()")
        typed += " ¹" if model.pickled else ""
        said = [typed, _millions(model), "" if model.dim is None else f"{model.dim:,}", model.languages, model.licence]
        lines.append(f"| {' | '.join([*said, *_costs(model.cost)])} |")
    return "\n".join(lines) + "\n"


def known_models_text() -> str:
    """The models for people at a terminal."""
    lines = [f"{'model':<52} {'parameters':>10} {'a photo':>8} {'a query':>8} {'function':>9} {'memory':>7}"]
    for model in KNOWN_MODELS:
        costs = [each or "-" for each in _costs(model.cost)]
        typed = f"{model.option} {model.name}".strip()
        numbers = f"{costs[0]:>8} {costs[1]:>8} {costs[2]:>9} {costs[3]:>7}"
        lines += [
            f"{typed:<52} {_millions(model) or '-':>10} {numbers}",
            f"    {model.languages}; licence: {model.licence}" + (f"; {model.dim} dimensions" if model.dim else ""),
        ]
        if model.pickled:
            lines.append(f"    a pickle, so copy it first: thinlens models safetensors {model.name} --to DIR")
    lines += [
        "",
        "Processor time of one core, and what is served, measured with random weights of that size; - is not measured.",
        "Parameters, languages and licences as they were published. Any other model of these kinds can be taken too.",
    ]
    return "\n".join(lines)


def _millions(model: KnownModel) -> str:
    return "" if model.parameters is None else f"{model.parameters:g} M"


def _costs(cost: Cost | None) -> tuple[str, str, str, str]:
    if cost is None:
        return "", "", "", ""
    return (
        "" if cost.photo_ms is None else f"{cost.photo_ms:g} ms",
        "" if cost.query_ms is None else f"{cost.query_ms:g} ms",
        f"{cost.served_mb:g} MB",
        "" if cost.memory_mb is None else f"{cost.memory_mb:g} MB",
    )
