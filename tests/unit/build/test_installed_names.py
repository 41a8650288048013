from __future__ import annotations

import pytest

from installed_names import renamed


def test_imports_are_spelt_as_in_the_wheel_and_nothing_else_is() -> None:
    source = '''"""from handler.client import Client"""

from __future__ import annotations

import os
from exporters import x
from handler.client import (
    Client,
)

def later() -> str:
    from export import errors; from handler import settings
    return "handler.client and export.errors"
'''
    assert renamed(source) == source.replace("\nfrom handler.client", "\nfrom thinlens.handler.client").replace(
        "from export import errors; from handler import",
        "from thinlens.export import errors; from thinlens.handler import",
    )


@pytest.mark.parametrize("line", ["import handler", "import os, export.errors", "import handler.client as client"])
def test_an_import_that_binds_the_name_of_a_folder_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"line 1: import (handler|export)\S* \(expected from"):
        renamed(line)
