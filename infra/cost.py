"""What a gallery costs a month in AWS: from photos and queries to dollars.

    python infra/cost.py --photos 100000 --queries 1000000

Prices are the public list prices of US East (N. Virginia), as they stood in June 2026, without taxes:
https://aws.amazon.com/lambda/pricing/, …/cloudfront/pricing/, …/s3/pricing/ and …/api-gateway/pricing/.
What a query and a start take was measured, by `python -m tests.performance million cold_store`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

# --- prices, in dollars ---
LAMBDA_GB_SECOND = 0.0000133334  # arm64
LAMBDA_REQUEST = 0.20 / 1e6
HTTP_API_REQUEST = 1.00 / 1e6
CLOUDFRONT_REQUEST = 0.0100 / 1e4
CLOUDFRONT_GB = 0.085
S3_GB_MONTH = 0.023
S3_READ = 0.0004 / 1e3
LOG_GB = 0.50
# What AWS gives to every account every month, for ever.
FREE_LAMBDA_GB_SECONDS = 400_000
FREE_LAMBDA_REQUESTS = 1e6
FREE_CLOUDFRONT_REQUESTS = 10e6
FREE_CLOUDFRONT_GB = 1_000
FREE_LOG_GB = 5

# --- measured ---
# Time of a request, from event to answer, on one core of an Intel Xeon. A core of Lambda's is taken to be as fast.
QUERY_MS = 2.0
QUERY_MS_PER_100_000_PHOTOS = 1.1
# Of the function's start, to the first answer, where requests of S3 take 15 ms and come at 90 MB a second; and what it
# asks S3 for, with the rest of the bundle behind the first answer.
START_MS = 450
START_MS_PER_100_000_PHOTOS = 55
READS_PER_START = 40
READS_PER_START_PER_100_000_PHOTOS = 110
# Of the bundle: the encoder, and for each photo vectors and catalogue.
BUNDLE_MB = 12
BUNDLE_KB_PER_PHOTO = 2.3
THUMBNAIL_KB = 12
PREVIEW_KB = 170
ANSWER_KB = 4
LOG_KB = 0.6

# --- assumed ---
# Lambda gives as many processors as MemoryMb / 1769, so a search costs the same with any memory below that.
MB_PER_CORE = 1_769
# Of a hundred queries, how many start the function anew.
STARTS_PER_QUERY = 0.02
# How many thumbnails of an answer a browser fetches which it doesn't have.
THUMBNAILS_PER_QUERY = 10
# How many photos are looked at in large.
PREVIEWS_PER_QUERY = 1
BUNDLES_KEPT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the bill: `price` dollars for each unit, of which `free` cost nothing."""

    name: str
    amount: float
    unit: str
    price: float
    free: float = 0

    @property
    def dollars(self) -> float:
        return self.amount * self.price

    @property
    def dollars_after_free_tier(self) -> float:
        return max(self.amount - self.free, 0) * self.price


def bill(
    *, photos: int, queries: int, photo_mb: float = 0.0, cached: float = 0.0, http_api: bool = False
) -> list[Line]:
    """The lines of a month's bill.

    Args:
        photos: How many photos the gallery has.
        queries: How many searches people make in a month.
        photo_mb: Megabytes of a photo, if originals are published too.
        cached: The part of the searches that CloudFront answers from its cache, 0 to 1.
        http_api: Whether an HTTP API stands before the function instead of a function URL.
    """
    hundred_thousands = photos / 100_000
    answered = queries * (1 - cached)
    cpu_ms = answered * (QUERY_MS + QUERY_MS_PER_100_000_PHOTOS * hundred_thousands)
    starts = answered * STARTS_PER_QUERY
    cpu_ms += starts * (START_MS + START_MS_PER_100_000_PHOTOS * hundred_thousands)
    gb_seconds = cpu_ms / 1e3 * MB_PER_CORE / 1_024
    bundle_gb = (BUNDLE_MB + BUNDLE_KB_PER_PHOTO * photos / 1e3) / 1e3
    stored_gb = BUNDLES_KEPT * bundle_gb + photos * ((THUMBNAIL_KB + PREVIEW_KB) / 1e6 + photo_mb / 1e3)
    thumbnails, previews = queries * THUMBNAILS_PER_QUERY, queries * PREVIEWS_PER_QUERY
    sent_gb = (queries * ANSWER_KB + thumbnails * THUMBNAIL_KB + previews * PREVIEW_KB) / 1e6
    reads = starts * (READS_PER_START + READS_PER_START_PER_100_000_PHOTOS * hundred_thousands)
    lines = [
        Line(name="Lambda, requests", amount=answered, unit="", price=LAMBDA_REQUEST, free=FREE_LAMBDA_REQUESTS),
        Line(
            name="Lambda, time (arm64)",
            amount=gb_seconds,
            unit="GB s",
            price=LAMBDA_GB_SECOND,
            free=FREE_LAMBDA_GB_SECONDS,
        ),
        Line(
            name="CloudFront, requests",
            amount=queries + thumbnails + previews,
            unit="",
            price=CLOUDFRONT_REQUEST,
            free=FREE_CLOUDFRONT_REQUESTS,
        ),
        Line(name="CloudFront, data", amount=sent_gb, unit="GB", price=CLOUDFRONT_GB, free=FREE_CLOUDFRONT_GB),
        Line(name="S3, storage", amount=stored_gb, unit="GB", price=S3_GB_MONTH),
        Line(name="S3, reads at most", amount=thumbnails + previews + reads, unit="", price=S3_READ),
        Line(name="CloudWatch, log", amount=answered * LOG_KB / 1e6, unit="GB", price=LOG_GB, free=FREE_LOG_GB),
    ]
    if http_api:
        lines.append(Line(name="HTTP API, requests", amount=answered, unit="", price=HTTP_API_REQUEST))
    return lines


def table(lines: list[Line]) -> str:
    """The bill for people to read, with its sum."""
    rows = [_row("", "", "list price", "after free tiers")]
    for line in lines:
        amount = f"{line.amount:,.1f} {line.unit}" if line.unit else f"{line.amount:,.0f}"
        rows.append(_row(line.name, amount, _dollars(line.dollars), _dollars(line.dollars_after_free_tier)))
    full, after = sum(line.dollars for line in lines), sum(line.dollars_after_free_tier for line in lines)
    return "\n".join([*rows, _row("a month", "", _dollars(full), _dollars(after))])


def _row(name: str, amount: str, full: str, after: str) -> str:
    return f"{name:22}{amount:>15}{full:>12}{after:>18}"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}"


def main(arguments: list[str]) -> int:
    """Print the bill of what the arguments describe."""
    parser = argparse.ArgumentParser(prog="cost.py", description="What a gallery costs a month in AWS.")
    parser.add_argument("--photos", type=int, required=True)
    parser.add_argument("--queries", type=int, required=True, help="searches a month")
    parser.add_argument("--photo-mb", type=float, default=0.0, help="size of a photo, if originals are published")
    parser.add_argument("--cached", type=float, default=0.0, help="part of the searches answered by CloudFront, 0 to 1")
    parser.add_argument("--http-api", action="store_true", help="an HTTP API instead of a function URL")
    options = parser.parse_args(arguments)
    if min(options.photos, options.queries, options.photo_mb) < 0 or not 0 <= options.cached <= 1:
        parser.error("numbers are not negative, and --cached is 0 to 1")
    print(table(bill(**vars(options))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
