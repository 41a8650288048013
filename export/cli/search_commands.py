"""The commands that ask a bundle on this machine: one question, or many whose right answers are known."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping

from export.cli.answer_table import answer_table
from export.cli.wording import print_json
from export.gallery.in_service import open_in_service
from handler.search.filters import Filters
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
    query = Query(texts=(arguments.query,), without=tuple(getattr(arguments, "not")), mode=arguments.mode)
    with open_in_service(arguments.out) as bundle:
        answer = Searcher(bundle).search(query, selection=selection)
    if arguments.json:
        print_json(answer)
    else:
        print(answer_table(answer, width=shutil.get_terminal_size().columns))


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
