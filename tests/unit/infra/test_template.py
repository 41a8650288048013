"""The template: what cfn-lint says of it, and that it belongs to the handler that it deploys."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from handler.bundle.photos.addresses import photo_by_content, preview, thumbnail
from handler.store.pointer import BUNDLES_KEY, POINTER_KEY, SEGMENTS_KEY
from handler.web.routes import WIDGET, hashed_widget
from tests.unit.infra.templates import TEMPLATE, properties

import package

ROOT = Path(__file__).parents[3]
README = ROOT / "infra/README.md"


def lint(path: Path) -> tuple[int, str, str]:
    """Exit code and output of cfn-lint."""
    program = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_cfn_lint_finds_nothing() -> None:
    assert lint(TEMPLATE) == (0, "", "")


def test_it_has_no_aliases_which_cloudformation_does_not_read() -> None:
    events = list(yaml.parse(TEMPLATE.read_text()))
    assert not [event for event in events if isinstance(event, yaml.AliasEvent)]


def test_it_deploys_what_make_package_builds(template: dict[str, Any]) -> None:
    function = properties(template, "SearchFunction")
    python = function["Runtime"].removeprefix("python")
    (architecture,) = function["Architectures"]
    assert python in package.LAMBDA_PYTHONS
    assert function["CodeUri"] == f"../dist/thinlens-python{python}-{architecture}.zip"
    module, _, name = function["Handler"].rpartition(".")
    assert name in (ROOT / (module.replace(".", "/") + ".py")).read_text()


def test_every_setting_is_one_that_the_handler_reads(template: dict[str, Any]) -> None:
    variables = properties(template, "SearchFunction")["Environment"]["Variables"]
    settings = (ROOT / "handler/settings.py").read_text()
    for variable in variables:
        assert f'"{variable}"' in settings


def test_cloudfront_keeps_answers_by_all_that_they_depend_on(template: dict[str, Any]) -> None:
    """A parameter that is not in the key would not reach the function, and two questions would get one answer."""
    key = properties(template, "AnswerCache")["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    # The answer's CORS headers depend on Origin, and who gets one at all on Authorization.
    headers = {"If": ["WithJwt", ["Authorization", "Origin"], ["Origin"]]}
    assert key["HeadersConfig"] == {"HeaderBehavior": "whitelist", "Headers": headers}
    assert key["CookiesConfig"] == {"CookieBehavior": "none"}


def test_pictures_to_ask_with_reach_the_function(template: dict[str, Any]) -> None:
    """By POST, with the hash of the body by which CloudFront signs it; all else of a search is as everywhere."""
    distribution = properties(template, "Distribution")["DistributionConfig"]
    (search,) = [each for each in distribution["CacheBehaviors"] if each["PathPattern"] == "/v1/search"]
    everywhere = distribution["DefaultCacheBehavior"]

    assert set(search["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
    assert set(everywhere["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS"}
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
    assert search["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    assert search.keys() - {"PathPattern", "OriginRequestPolicyId"} == everywhere.keys()
    for same in everywhere.keys() - {"AllowedMethods"}:
        assert search[same] == everywhere[same]


def behaviour_of(template: dict[str, Any], path: str) -> dict[str, Any]:
    """What CloudFront does with a path."""
    distribution = properties(template, "Distribution")["DistributionConfig"]
    fitting = [each for each in distribution["CacheBehaviors"] if fnmatchcase(path, each["PathPattern"])]
    behaviour: dict[str, Any] = (fitting or [distribution["DefaultCacheBehavior"]])[0]
    return behaviour


@pytest.mark.parametrize("key", [thumbnail("ab" * 32), preview("ab" * 32), photo_by_content("ab" * 32, "rex.jpg")])
def test_pictures_come_from_the_bucket(template: dict[str, Any], key: str) -> None:
    assert behaviour_of(template, f"/{key}")["TargetOriginId"] == "pictures"
    (allowed,) = properties(template, "BucketPolicy")["PolicyDocument"]["Statement"][1:]
    granted = [each["Sub"].removeprefix("${Bucket.Arn}/${Prefix}/") for each in allowed["Resource"]]
    assert any(fnmatchcase(key, pattern) for pattern in granted)


def test_builds_of_the_widget_come_from_the_bucket_and_else_from_the_function(template: dict[str, Any]) -> None:
    assert (
        behaviour_of(template, WIDGET)
        == properties(template, "Distribution")["DistributionConfig"]["DefaultCacheBehavior"]
    )
    build = behaviour_of(template, hashed_widget(b"a build"))
    (group,) = properties(template, "Distribution")["DistributionConfig"]["OriginGroups"]["Items"]
    assert group["Id"] == build["TargetOriginId"]
    assert [member["OriginId"] for member in group["Members"]["Items"]] == ["pictures", "search"]
    assert group["FailoverCriteria"]["StatusCodes"]["Items"] == [403, 404]
    # AnswerCache keeps what it is given for a day at most, Amazon's "CachingOptimized" for a year.
    assert build["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"
    cors = properties(template, "WidgetHeaders")["ResponseHeadersPolicyConfig"]["CorsConfig"]
    assert cors["AccessControlAllowOrigins"]["Items"] == ["*"]


def test_the_bucket_is_private(template: dict[str, Any]) -> None:
    assert set(properties(template, "Bucket")["PublicAccessBlockConfiguration"].values()) == {True}
    statements = properties(template, "BucketPolicy")["PolicyDocument"]["Statement"]
    allowed = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert [statement["Principal"] for statement in allowed] == [{"Service": "cloudfront.amazonaws.com"}]
    assert all("aws:SourceArn" in statement["Condition"]["StringEquals"] for statement in allowed)


def test_the_function_may_read_bundles_and_write_its_log_and_nothing_else(template: dict[str, Any]) -> None:
    (policy,) = properties(template, "SearchRole")["Policies"]
    keys = (POINTER_KEY, f"{BUNDLES_KEY}*", f"{SEGMENTS_KEY}*")
    granted = [(statement["Action"], statement["Resource"]) for statement in policy["PolicyDocument"]["Statement"]]
    assert granted == [
        (
            "s3:GetObject",
            [{"Sub": f"arn:${{AWS::Partition}}:s3:::${{Bucket}}/${{Prefix}}/{key}"} for key in keys],
        ),
        ("s3:ListBucket", {"Sub": "arn:${AWS::Partition}:s3:::${Bucket}"}),
        (["logs:CreateLogStream", "logs:PutLogEvents"], {"GetAtt": "Log.Arn"}),
    ]
    assert "ManagedPolicyArns" not in properties(template, "SearchRole")


def test_a_bucket_that_is_there_can_take_the_place_of_the_templates(tmp_path: Path) -> None:
    """As README.md says: without two resources, with a parameter of the same name."""
    text = TEMPLATE.read_text()
    start, end = text.index("  Bucket:\n"), text.index("  # From here on the bucket is known by its name alone")
    parameter = "Parameters:\n  Bucket:\n    Type: String\n    Default: my-company-bucket\n"
    assert parameter.removeprefix("Parameters:\n").replace("\n", "\n  ") in README.read_text()
    edited = tmp_path / "template.yaml"
    edited.write_text((text[:start] + text[end:]).replace("Parameters:\n", parameter, 1))
    assert lint(edited) == (0, "", "")


SERVICES = {
    "ApiGatewayV2": "apigateway",
    "Budgets": "budgets",
    "CloudFront": "cloudfront",
    "CloudWatch": "cloudwatch",
    "IAM": "iam",
    "Lambda": "lambda",
    "Logs": "logs",
    "S3": "s3",
    "SNS": "sns",
    "Serverless": "lambda",
    "WAFv2": "wafv2",
}
"""What permissions for a kind of resource begin with."""


def test_whoever_deploys_may_make_every_kind_of_resource(template: dict[str, Any]) -> None:
    policy = json.loads((ROOT / "infra/deployer-policy.json").read_text())
    actions = [
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    needed = {SERVICES[resource["Type"].split("::")[1]] for resource in template["Resources"].values()}
    assert {action.partition(":")[0] for action in actions} == needed | {"cloudformation"}


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ("", True),
        ("*", True),
        ("https://a.example,http://localhost:8000", True),
        ("https://a.example, https://b.example", False),
        ("https://A.example", False),
        ("https://a.example/", False),
        ("*,https://a.example", False),
    ],
)
def test_origins_are_given_as_browsers_send_them(template: dict[str, Any], origins: str, allowed: bool) -> None:
    assert bool(re.fullmatch(template["Parameters"]["CorsOrigins"]["AllowedPattern"], origins)) == allowed


def test_whatever_answers_in_the_functions_place_can_be_read_too(template: dict[str, Any]) -> None:
    config = properties(template, "AnswerHeaders")["ResponseHeadersPolicyConfig"]["CorsConfig"]["If"]
    assert config[0] == "WithCors"
    assert config[1]["AccessControlAllowOrigins"]["Items"] == {"Split": [",", {"Ref": "CorsOrigins"}]}
    assert config[1]["OriginOverride"] is False
