"""Same origin: whether a request that changes something comes from the page that was served here.

Browsers let any page send requests to any address, and say from where they come (Fetch Standard, "Origin"; Fetch
Metadata). Programs that are no browsers say nothing, and are trusted: whoever runs one here could as well use the
command line. Names that others have resolve to this machine (DNS rebinding) never come this far: serving.py refuses a
`Host` that isn't this machine's.
"""

from __future__ import annotations

from collections.abc import Mapping


def foreign(headers: Mapping[str, str]) -> str | None:
    """Why a request isn't the page's own; None where it is.

    Args:
        headers: Their names in lower case.
    """
    own = f"http://{headers.get('host', '')}"
    origin = headers.get("origin", own)
    if origin != own:
        return f"This comes from {origin[:200]!r} (expected {own}): photos are corrected in the page served there"
    site = headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin":
        return f"This comes from another site ({site[:40]!r}): photos are corrected in the page at {own}"
    return None
