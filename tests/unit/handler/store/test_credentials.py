"""Credentials: from the environment, or from boto3 where it holds none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from handler.errors import SettingsError
from handler.store.s3.credentials import credential_source
from handler.store.s3.sigv4 import Credentials


def test_the_environment_as_lambda_sets_it() -> None:
    environment = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "se/cr+et=", "AWS_SESSION_TOKEN": "token"}
    assert credential_source(environment)() == Credentials(
        access_key="AKID", secret_key="se/cr+et=", session_token="token"
    )


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
@pytest.mark.parametrize("value", ["hidden\n", "hid den", "hidden\r\nx-evil: 1", "hiddén"])
def test_what_no_header_may_hold_is_refused_and_not_shown(variable: str, value: str) -> None:
    environment = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", variable: value}
    with pytest.raises(SettingsError, match=f"^{variable} holds") as error:
        credential_source(environment)
    assert "hidden" not in str(error.value)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of AWS's own tools, and nothing else where boto3 might look."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path / "credentials"


def test_boto3_looks_elsewhere(elsewhere: Path) -> None:
    elsewhere.write_text("[default]\naws_access_key_id = FILED\naws_secret_access_key = filed\n")
    assert credential_source({})() == Credentials(access_key="FILED", secret_key="filed")


def test_nobody_has_any(elsewhere: Path) -> None:
    with pytest.raises(SettingsError, match="no AWS credentials: set AWS_ACCESS_KEY_ID"):
        credential_source({})


def test_boto3_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(SettingsError, match="boto3, which could look elsewhere, is not installed"):
        credential_source({})
