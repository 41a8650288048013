"""HTTP: requests in, responses out, over ASGI and from the events of Amazon's front doors.

In come requests and a source of searchers; out go answers, problem documents, the page and openapi.json. Knows
nothing of how photos are found. May import `search` and `bundle`.
"""
