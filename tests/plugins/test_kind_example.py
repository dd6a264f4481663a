"""The example of kind, its page and the workflow that plays it: true, as far as is known without kind."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from fakes.kind import configuration
from jsonschema import Draft7Validator

from burstd.cli import app, rendered
from burstd.config import Config, Flags, load
from burstd.kube import operator
from burstd.plugins.registry import installed

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/kind"
WORKFLOW = ROOT / ".github/workflows/kind.yml"
PAGE = ROOT / "docs/providers/kind.md"


def loaded(name: str) -> Config:
    return load(EXAMPLE / name, Flags(), installed(), here=False)


def schema() -> dict[str, Any]:
    """Return the schema of the MiniCluster, in which no field is allowed that it does not have."""
    text = (ROOT / "tests/fakes/flux-operator.yaml").read_text()
    crd = next(one for one in yaml.safe_load_all(text) if one["kind"] == "CustomResourceDefinition")
    return _closed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    shut = {key: _closed(value) for key, value in part.items()}
    return shut | {"additionalProperties": False} if isinstance(part.get("properties"), dict) else shut


def runs() -> list[str]:
    """Return the scripts of the workflow."""
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("name", ["burstd.yaml", "on-this-machine.yaml"])
def test_its_configurations_have_no_mistakes(name: str) -> None:
    """Each configuration of the example can be used as it stands."""
    config = loaded(name)
    assert rendered.burst(config, rendered.Wanted("burst-0"))


def test_what_it_applies_is_valid() -> None:
    """Lead and burst as MiniClusters have only fields that there are, with values that they may have."""
    config = loaded("burstd.yaml")
    texts = (rendered.lead(config, gateway=False), rendered.burst(config, rendered.Wanted("burst-0")))
    made = [one for text in texts for one in yaml.safe_load_all(text) if one["kind"] == "MiniCluster"]
    assert [one["metadata"]["name"] for one in made] == ["flux-sample", "burst-0"]
    for one in made:
        assert list(Draft7Validator(schema()).iter_errors(one)) == []


def test_its_cluster_is_one_that_kind_takes() -> None:
    """The configuration of kind obeys kind's rules, and maps the port at which the lead is served."""
    config = configuration.parse((EXAMPLE / "kind-config.yaml").read_text())
    configuration.check(config, "flux-lead")
    (mapping,) = config["nodes"][0]["extraPortMappings"]
    assert mapping["containerPort"] == loaded("burstd.yaml").lead.port


def test_its_commands_are_understood() -> None:
    """Every command of burstd in the example and in the workflow has options that there are."""
    page = (EXAMPLE / "README.md").read_text()
    texts = [*re.findall(r"(?ms)^```sh$(.*?)^```$", page), *re.findall(r"`[^`\n]+`", page), *runs()]
    begins = r"(?m)(?:^|<\(|`|\.venv/bin/)(burstd [^`\n|>;&)]+)"
    lines = [line for text in texts for line in re.findall(begins, text)]
    assert len(lines) >= 6
    for line in lines:
        parse(shlex.split(re.sub(r'"\$\w+"', "10.0.0.1", line))[1:])


def parse(words: list[str]) -> None:
    """Parse a command line without running it."""
    group = typer.main.get_command(app)
    context = group.make_context("burstd", list(words))
    rest = [*context._protected_args, *context.args]
    while rest:
        name, command, rest = context.command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        rest = [*getattr(context, "_protected_args", []), *context.args]


def test_it_applies_the_operator_that_burstd_knows() -> None:
    """The manifest that a person applies for the lead is the one that burstd applies for bursts."""
    assert operator.URL in (EXAMPLE / "README.md").read_text()


def test_the_workflow_takes_nothing_that_can_change() -> None:
    """Every action of the workflow is named by its commit, and what it downloads is checked."""
    text = WORKFLOW.read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in used)
    assert text.count("curl ") == text.count("sha256sum --check")


@pytest.mark.parametrize("script", runs(), ids=lambda script: script.splitlines()[0][:40])
def test_the_workflows_scripts_are_scripts(script: str) -> None:
    """Bash can read every script of the workflow."""
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
