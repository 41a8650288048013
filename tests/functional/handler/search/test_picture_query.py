"""Questions with a picture: what they find, how they go together with texts, and what can't be asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from handler.bundle.relevance import Curve
from handler.errors import NoVisionError, PictureError, QueryError
from handler.search.answers import SearchAnswer
from handler.search.filters import Filters
from handler.search.pictures.picture_query import PictureQuery
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import PHOTOS, BundleChoices, TinyPhoto, write_bundle
from tests.functional.handler.visions import CURVE, PIXELS, SIDE, found_vision, picture_of, write_vision_folder

EVERYTHING = Selection(k=100, min_relevance=0.0)


@pytest.fixture(scope="module", params=["bundle_folder", "segments_folder"])
def sighted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """A searcher whose vision shows, by number, what each of PHOTOS shows."""
    bundle = open_bundle(request.getfixturevalue(request.param))
    shown = bundle.encoder.encode([photo.seen for photo in PHOTOS])
    return Searcher(bundle, vision=found_vision(write_vision_folder(tmp_path_factory.mktemp("seen") / "vision", shown)))


def ask(searcher: Searcher, number: int, texts: Sequence[str] = (), **choices: object) -> SearchAnswer:
    of_texts = {name: choices.pop(name) for name in ("weights", "without", "mode") if name in choices}
    query = Query(texts=tuple(texts), **of_texts)  # type: ignore[arg-type]
    selection = choices.pop("selection", EVERYTHING)
    asked = PictureQuery(pixels=picture_of(number), query=query, **choices)  # type: ignore[arg-type]
    return searcher.search_by_picture(asked, selection)  # type: ignore[arg-type]


def ids(answer: SearchAnswer) -> list[str]:
    return [result["id"] for result in answer["results"]]


def score_of_views(searcher: Searcher, direction: np.ndarray) -> dict[str, tuple[float, float]]:
    """Of every photo, exactly: 4 times the cosine of its caption and 6 times that of its view, or 10 times this."""
    encoder = searcher.bundle.encoder
    captions = encoder.encode([photo.caption for photo in PHOTOS]) @ direction
    seen = encoder.encode([photo.seen for photo in PHOTOS]) @ direction
    return {photo.id: (float(4 * a + 6 * b), float(10 * b)) for photo, a, b in zip(PHOTOS, captions, seen, strict=True)}


def scores(searcher: Searcher, direction: np.ndarray) -> dict[str, float]:
    """The larger of both."""
    return {photo_id: max(both) for photo_id, both in score_of_views(searcher, direction).items()}


@pytest.mark.parametrize("number", range(len(PHOTOS)))
def test_the_photo_that_shows_the_same_comes_first(sighted: Searcher, number: int) -> None:
    answer = ask(sighted, number)

    expected = scores(sighted, sighted.bundle.encoder.encode([PHOTOS[number].seen])[0])
    assert ids(answer) == sorted(expected, key=lambda photo_id: -expected[photo_id])
    assert ids(answer)[0] == PHOTOS[number].id
    assert (answer["query"], answer["corrected"], answer["no_relevant_results"]) == ("", None, False)
    for result in answer["results"]:
        logit = CURVE.slope * expected[result["id"]] + CURVE.intercept
        assert result["relevance"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=0.02)


def test_a_photo_is_found_by_what_it_shows_though_a_person_wrote_something_else(tmp_path: Path) -> None:
    """The index has the caption alone of such a photo, as here of all of them."""
    photos = [*PHOTOS, TinyPhoto(id="rex.jpg", caption="a boat on the water", seen="bird tree", edited=True)]
    bundle = open_bundle(write_bundle(tmp_path / "bundle", photos, BundleChoices(weights=(1.0, 0.0))))
    shown = bundle.encoder.encode(["bird tree"])
    curve = Curve(slope=10.0, intercept=-6.0, threshold=0.5)
    vision = found_vision(write_vision_folder(tmp_path / "vision", shown, curve=curve))

    best = ask(Searcher(bundle, vision=vision), 0)["results"][0]
    assert (best["id"], best["relevance"]) == ("rex.jpg", 0.98)  # 1 / (1 + exp(-4))


def test_thresholds_are_those_of_pictures(sighted: Searcher) -> None:
    answer = ask(sighted, 0, selection=Selection())

    assert [result["id"] for result in answer["results"]] == ["animals/cat on sofa.jpg"]
    assert all(CURVE.perhaps <= result["relevance"] < CURVE.threshold for result in answer["perhaps"])


def test_a_picture_and_a_text_go_together_as_their_logits_do(sighted: Searcher) -> None:
    answer = ask(sighted, 0, ["a dog runs in the park"], image_weight=3.0)

    encoder, curve = sighted.bundle.encoder, sighted.bundle.manifest.calibration.sentence
    of_picture = score_of_views(sighted, encoder.encode([PHOTOS[0].seen])[0])
    of_text = score_of_views(sighted, encoder.encode(["a dog runs in the park"])[0])
    logits = {
        photo_id: max(
            0.75 * (CURVE.slope * picture + CURVE.intercept) + 0.25 * (curve.slope * text + curve.intercept)
            for picture, text in zip(of_picture[photo_id], of_text[photo_id], strict=True)
        )
        for photo_id in of_picture
    }
    assert ids(answer) == sorted(logits, key=lambda photo_id: -logits[photo_id])
    for result in answer["results"]:
        assert result["relevance"] == pytest.approx(1 / (1 + np.exp(-logits[result["id"]])), abs=0.02)
    assert answer["query"] == "a dog runs in the park"


def test_weights_say_what_counts_more(sighted: Searcher) -> None:
    heavy = ask(sighted, 0, ["a dog runs in the park"], image_weight=100.0)
    light = ask(sighted, 0, ["a dog runs in the park"], weights=(100.0,), image_weight=0.01)

    assert ids(heavy)[0] == "animals/cat on sofa.jpg"
    assert ids(light)[0] == "animals/dog.jpg"


def test_the_caption_of_a_photo_does_not_outweigh_the_picture(sighted: Searcher) -> None:
    """A text alone that is a photo's caption makes it 1.00; beside a picture of something else it is no such photo."""
    answer = ask(sighted, 0, ["a dog runs in the park"], image_weight=100.0)

    relevance = {result["id"]: result["relevance"] for result in answer["results"]}
    assert relevance["animals/dog.jpg"] < 0.5


def test_a_text_without_a_known_word_is_answered_with_nothing(sighted: Searcher) -> None:
    assert ids(ask(sighted, 0, ["zzz"])) == []


def test_words_that_the_encoder_does_not_know_say_in_which_photos_they_stand(sighted: Searcher) -> None:
    """The picture is of the cat; `berlin` and `paris` are in the columns of the cat and of the dog."""
    assert ids(ask(sighted, 0, ["paris"])) == ["animals/dog.jpg"]
    assert ids(ask(sighted, 1, ["berlin"])) == ["animals/cat on sofa.jpg"]
    assert ids(ask(sighted, 1, ["berlin"], mode="meaning")) == []


def test_by_words_alone_the_picture_chooses_among_their_photos(sighted: Searcher) -> None:
    answer = ask(sighted, 1, ["sofa"], mode="words")

    assert ids(answer) == ["animals/cat on sofa.jpg"]
    assert answer["results"][0]["relevance"] < CURVE.threshold  # it is nothing like the dog, which is the picture


def test_a_phrase_has_to_stand_in_the_photo(sighted: Searcher) -> None:
    assert ids(ask(sighted, 0, ['"in the park"'])) == ["animals/dog.jpg"]


def test_words_that_photos_should_not_have(sighted: Searcher) -> None:
    assert "animals/dog.jpg" not in ids(ask(sighted, 1, without=("paris",)))
    assert "animals/dog.jpg" in ids(ask(sighted, 1, without=("paris",), mode="meaning"))


def test_what_photos_should_not_show(sighted: Searcher) -> None:
    assert ids(ask(sighted, 0, without=("a white cat sleeps on the sofa",)))[0] != "animals/cat on sofa.jpg"


def test_filters_and_pages(sighted: Searcher) -> None:
    in_sea = Selection(k=1, min_relevance=0.0, filters=Filters(folders=("sea",)))
    first = ask(sighted, 0, selection=in_sea)
    second = ask(sighted, 0, selection=Selection(k=1, offset=1, min_relevance=0.0, filters=Filters(folders=("sea",))))

    assert first["next_offset"] == 1
    assert sorted([*ids(first), *ids(second)]) == ["sea/boat.webp", "sea/surf.jpg"]


def middle(values: Sequence[float]) -> float:
    """The upper median."""
    return sorted(values)[len(values) // 2]


def test_without_a_curve_of_its_own_it_counts_how_close_photos_come_to_each_other(
    bundle_folder: Path, tmp_path: Path
) -> None:
    bundle = open_bundle(bundle_folder)
    shown = bundle.encoder.encode([photo.seen for photo in PHOTOS])
    halfway = shown[0] + shown[1]
    pictures = np.stack([*shown, halfway / np.linalg.norm(halfway)])
    searcher = Searcher(bundle, vision=found_vision(write_vision_folder(tmp_path / "vision", pictures, curve=None)))

    of_views = [score_of_views(searcher, vector) for vector in shown]
    fused = [{photo_id: both[0] for photo_id, both in of_photo.items()} for of_photo in of_views]
    own = middle([of_photo[photo.id] for of_photo, photo in zip(fused, PHOTOS, strict=True)])
    closest = [
        max(score for photo_id, score in of.items() if photo_id != photo.id)
        for of, photo in zip(fused, PHOTOS, strict=True)
    ]
    other = middle(closest)
    for number in range(len(pictures)):
        best = ask(searcher, number)["results"][0]
        way = (scores(searcher, pictures[number])[best["id"]] - other) / (own - other)
        logit = -0.35 + (4.3 if way < 0.6 else 13.8) * (way - 0.6)
        assert best["relevance"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=0.02)


def test_of_one_photo_alone_nothing_tells_how_close_others_come(tmp_path: Path) -> None:
    bundle = open_bundle(write_bundle(tmp_path / "bundle", PHOTOS[:1]))
    shown = bundle.encoder.encode([PHOTOS[0].seen])
    searcher = Searcher(bundle, vision=found_vision(write_vision_folder(tmp_path / "vision", shown, curve=None)))
    (best,) = ask(searcher, 0)["results"]
    sentence = bundle.manifest.calibration.sentence
    score = scores(searcher, shown[0])[best["id"]]
    expected = 1 / (1 + np.exp(-(sentence.slope * score + sentence.intercept)))
    assert best["relevance"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("size", [0, 1, PIXELS - 1, PIXELS + 1, SIDE])
def test_a_picture_of_another_size(sighted: Searcher, size: int) -> None:
    with pytest.raises(PictureError, match=rf"has {size} bytes \(expected 48: 4 x 4 pixels"):
        sighted.search_by_picture(PictureQuery(pixels=bytes(size)), EVERYTHING)


@pytest.mark.parametrize("weight", [0.0, -1.0, 100.5, float("nan"), float("inf")])
def test_a_weight_out_of_range(sighted: Searcher, weight: float) -> None:
    with pytest.raises(QueryError, match="image_weight is"):
        ask(sighted, 0, image_weight=weight)


def test_what_can_not_be_asked_beside_a_picture_either(sighted: Searcher) -> None:
    for texts, weights, without in (((), (1.0,), ()), (("",), (), ()), (("dog",), (), ("dog",)), ((), (), (" ",))):
        with pytest.raises(QueryError):
            ask(sighted, 0, texts, weights=weights, without=without)


def test_without_a_vision(searcher: Searcher) -> None:
    assert searcher.collection(1)["image_side"] is None
    with pytest.raises(NoVisionError, match="deployed without image queries"):
        ask(searcher, 0)


def test_the_collection_says_so(sighted: Searcher, searcher: Searcher) -> None:
    with_vision, without = sighted.collection(1), searcher.collection(1)
    asked = ("image_queries", "image_side", "image_fit")
    assert [with_vision[name] for name in asked] == [True, SIDE, "squash"]  # type: ignore[literal-required]
    assert [without[name] for name in asked] == [False, None, None]  # type: ignore[literal-required]
