"""The credentials: who asks a store for its objects, from the environment as AWS Lambda sets it.

Where the environment holds none (SnapStart, containers elsewhere, a developer's profile), boto3 looks for them where
AWS's own tools do, and renews them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from handler.errors import SettingsError
from handler.store.s3.sigv4 import Credentials

_VISIBLE = re.compile(r"[!-~]*", re.ASCII)
_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

CredentialSource = Callable[[], Credentials]


def credential_source(environment: Mapping[str, str]) -> CredentialSource:
    """What gives the credentials of each request.

    Raises:
        SettingsError: A variable holds what no header may, or there are no credentials at all.
    """
    access_key, secret_key, session_token = (environment.get(variable, "") for variable in _VARIABLES)
    if not (access_key and secret_key):
        return _from_boto3()
    for variable in _VARIABLES:
        if not _VISIBLE.fullmatch(environment.get(variable, "")):
            raise SettingsError(f"{variable} holds white space or other characters that no credentials have")
    credentials = Credentials(access_key=access_key, secret_key=secret_key, session_token=session_token)
    return lambda: credentials


def _from_boto3() -> CredentialSource:
    try:
        import boto3  # noqa: TID251 - half a second of a cold start, where there is no other way
    except ImportError as error:
        raise SettingsError(
            "There are no credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and boto3, which could look"
            " elsewhere, is not installed"
        ) from error
    found = boto3.Session().get_credentials()
    if found is None:
        raise SettingsError(
            "There are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the function a role"
        )

    def current() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(
            access_key=frozen.access_key or "", secret_key=frozen.secret_key or "", session_token=frozen.token or ""
        )

    return current
