"""The template as tests read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[3] / "infra/template.yaml"


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, of which the argument is kept."""


def short_form(loader: Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise TypeError(name)


Loader.add_multi_constructor("!", short_form)


def properties(template: dict[str, Any], name: str) -> Any:
    return template["Resources"][name]["Properties"]
