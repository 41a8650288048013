"""The commands that ask a bundle on this machine: one question, or many whose right answers are known."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping

from export.cli.answer_table import answer_table
from export.cli.wording import print_json
from export.errors import PhotoError, PhotosError
from export.gallery.in_service import open_in_service
from handler.bundle.bundle import Bundle
from handler.errors import QueryError
from handler.search.answers import SearchAnswer
from handler.search.filters import Filters
from handler.search.pictures.picture_query import PictureQuery
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.search.selection import Selection


def _search(arguments: argparse.Namespace) -> None:
    selection = Selection(
        k=arguments.k,
        offset=arguments.offset,
        min_relevance=arguments.min_relevance,
        dedupe=arguments.dedupe,
        filters=Filters(
            folders=tuple(arguments.folder),
            taken_from=arguments.taken_from,
            taken_to=arguments.taken_to,
            orientations=tuple(arguments.orientation),
            types=tuple(arguments.type),
            where=tuple(arguments.where),
        ),
    )
    if not arguments.query and arguments.image is None:
        raise QueryError("QUERY is missing (expected what the photo shows, or --image FILE)", parameter="q")
    texts = (" ".join(arguments.query),) if arguments.query else ()
    query = Query(texts=texts, without=tuple(getattr(arguments, "not")), mode=arguments.mode)
    if arguments.image is not None:
        answer = _search_by_picture(arguments, query, selection)
    else:
        with open_in_service(arguments.out) as bundle:
            answer = Searcher(bundle).search(query, selection=selection)
            _check_found(answer, selection, bundle)
    if arguments.json:
        print_json(answer)
    else:
        print(answer_table(answer, width=shutil.get_terminal_size().columns))


def _search_by_picture(arguments: argparse.Namespace, query: Query, selection: Selection) -> SearchAnswer:
    from export.gallery.vision_in_service import square_of, vision_of  # not before a search, which needs none of it

    with open_in_service(arguments.out) as bundle:
        searcher = Searcher(bundle, vision=vision_of(arguments.out))
        try:
            pixels = square_of(arguments.image, searcher.vision().description)
        except PhotoError as error:
            raise PhotosError(f"{arguments.image}: {error}") from error
        asked = PictureQuery(pixels=pixels.tobytes(), image_weight=arguments.image_weight, query=query)
        answer = searcher.search_by_picture(asked, selection)
        _check_found(answer, selection, bundle)
        return answer


def _check_found(answer: SearchAnswer, selection: Selection, bundle: Bundle) -> None:
    """Refuse filters that no photo passes, where that is why nothing was found."""
    filters = selection.filters
    if (filters.folders or filters.where) and not answer["results"] and not answer["perhaps"]:
        from export.gallery.offered import check_offered  # not before a search, which needs none of it

        check_offered(filters, bundle)


def _evaluate(arguments: argparse.Namespace) -> None:
    from export.evaluation.retrieval import evaluate, read_queries  # not before a search, which needs none of it
    from export.progress import Progress

    queries = read_queries(arguments.queries)
    with open_in_service(arguments.out) as bundle:
        evaluation = evaluate(Searcher(bundle), queries, Progress())
    if arguments.json:
        print_json(evaluation)
        return
    recall = "  ".join(f"R@{k} {share:.1%}" for k, share in evaluation["recall"].items())
    print(
        f"{evaluation['queries']:,} queries: {recall}  median rank {evaluation['median_rank']:g}\n"
        f"relevance: ECE {evaluation['ece']:.3f}  Brier {evaluation['brier']:.3f}"
        f"  off-topic queries answered {evaluation['off_topic_answer_rate']:.1%}\n"
        f"took: p50 {evaluation['took_ms_p50']:.1f} ms  p99 {evaluation['took_ms_p99']:.1f} ms"
    )


COMMANDS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "search": _search,
    "evaluate": _evaluate,
}
