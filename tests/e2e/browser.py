"""The browsers: Chromium and Firefox as they are installed on the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock
from urllib.parse import quote

from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FIREFOX = ("firefox-esr", "firefox")
# It runs as root in containers, without a GPU, and has no business on the network but with the address under test.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Playwright tells every page its colour scheme. Firefox ESR has no such command, and there would be no page: in its
# place it is sent one that does nothing. So there is no `emulate_media` in Firefox.
UNKNOWN_TO_FIREFOX = "emulation.setMediaFeaturesOverride"
WITHOUT_IT = f"""
const {{ stringify }} = JSON;
const known = (value) =>
  value?.method === "{UNKNOWN_TO_FIREFOX}" ? {{ ...value, method: "session.status", params: {{}} }} : value;
JSON.stringify = (value, ...others) => stringify(known(value), ...others);
"""


def installed_chromium() -> str | None:
    """The program's path, where one is installed."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def installed_firefox() -> str | None:
    """The program's path, where one is installed."""
    return next(filter(None, map(shutil.which, FIREFOX)), None)


# A busy machine is no failure.
expect.set_options(timeout=20_000)


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """A headless browser for as long as the block lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def firefox(program: str) -> Iterator[Browser]:
    """The same of Firefox, by WebDriver BiDi."""
    preload = {"NODE_OPTIONS": f"--import=data:text/javascript,{quote(WITHOUT_IT)}"}
    with mock.patch.dict(os.environ, preload), sync_playwright() as playwright:
        browser = playwright.firefox.launch(channel="moz-firefox", executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def no_complaints(page: Page) -> Iterator[None]:
    """Fail where a script of the page has an error or the page's security policy refuses something."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    yield
    assert not complaints, complaints
