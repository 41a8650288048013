"""Events: what Amazon's front doors hand to a function.

API Gateway's HTTP APIs and function URLs share payload format 2.0; they differ in host, request context and stage.
Application load balancers have a format of their own, in which the query string is cut up but not decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Event = dict[str, object]
MakeEvent = Callable[..., Event]


def http_api_event(
    path: str, query_string: str = "", *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Event:
    """An event of an API Gateway HTTP API with a $default stage."""
    return _event("a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com", path, query_string, method, headers or {})


def function_url_event(
    path: str, query_string: str = "", *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Event:
    """An event of a Lambda function URL."""
    return _event("abcdefghijklmnop.lambda-url.eu-central-1.on.aws", path, query_string, method, headers or {})


def load_balancer_event(
    path: str, query_string: str = "", *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> Event:
    """An event of an application load balancer whose target group leaves multi-value headers off, as by default."""
    group = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/search/49e9d65c45c6791a"
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": dict(pair.split("=", 1) for pair in query_string.split("&") if pair),
        "headers": {
            "accept": "*/*",
            "host": "gallery-1234567890.eu-central-1.elb.amazonaws.com",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-67a1b2c3-0123456789abcdef01234567",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **(headers or {}),
        },
        "body": "",
        "isBase64Encoded": False,
    }


def _event(host: str, path: str, query_string: str, method: str, headers: Mapping[str, str]) -> Event:
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query_string,
        "headers": {
            "accept": "*/*",
            "host": host,
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-67a1b2c3-0123456789abcdef01234567",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **headers,
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": host.partition(".")[0],
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "8f7b1c9e-1d2f-4a57-9d0b-0c5b8e1f2a3b",
            "routeKey": "$default",
            "stage": "$default",
            "time": "22/Nov/2026:08:00:00 +0000",
            "timeEpoch": 1795334400000,
        },
        "isBase64Encoded": False,
    }
