"""Any document as burstd.yaml: a configuration, or mistakes that each say where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from burstd.config import Config
from burstd.config.flags import Flags
from burstd.config.load import load
from burstd.config.model import LeadConfig, LimitsConfig, PoolConfig
from burstd.core.errors import ConfigError, Problem

HERE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)

KEYS = sorted(
    {*Config.model_fields, *PoolConfig.model_fields, *LeadConfig.model_fields, *LimitsConfig.model_fields}
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.dates(),
    st.binary(max_size=8),
    st.sampled_from(
        [
            "local",
            "burst-0",
            "burst-0-[0-3]",
            "auto",
            "a[0-99999999999]",
            "²",
            "~nobody-here/x",
            "\x00",
            "/\x00",
            "a" * 5000,
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | SCALARS, inner, max_size=3)
    ),
    max_leaves=8,
)
POOLS = st.fixed_dictionaries(
    {"name": st.just("burst-0") | VALUES, "provider": st.just("local") | VALUES},
    optional={key: VALUES for key in PoolConfig.model_fields if key not in ("name", "provider")},
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={key: VALUES for key in Config.model_fields if key != "pools"}
    | {"pools": st.lists(POOLS, max_size=2)},
)


def judge(path: Path) -> None:
    """Read a file; whatever is wrong with it is a ConfigError whose every problem is a line with a place."""
    problems: tuple[Problem, ...] | None = None
    try:
        config = load(path, Flags())
    except ConfigError as exc:
        problems = exc.problems
    if problems is None:
        assert isinstance(config, Config)
        return
    assert problems
    for problem in problems:
        assert problem.path, problem
        assert problem.what, problem
        assert str(problem).isprintable(), problem


@given(document=DOCUMENTS)
@HERE
def test_any_values_are_a_configuration_or_mistakes_with_a_place(tmp_path, document):
    """Settings of any type and content: every mistake names its path, and nothing else is raised."""
    path = tmp_path / "burstd.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")

    judge(path)


@given(content=VALUES)
@HERE
def test_any_document_is_a_configuration_or_mistakes_with_a_place(tmp_path, content):
    """A document that is no mapping at all, or one of other keys, is refused in words."""
    path = tmp_path / "burstd.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")

    judge(path)


@given(text=st.text(max_size=200) | st.text("{}[]:-&*!|>'\"#%@` \n\tab0", max_size=60))
@HERE
def test_any_text_is_a_configuration_or_mistakes_with_a_place(tmp_path, text):
    """Text that is no YAML, or YAML of an odd kind, is refused in words."""
    path = tmp_path / "burstd.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    judge(path)


@given(content=st.binary(max_size=200))
@HERE
def test_any_bytes_are_a_configuration_or_mistakes_with_a_place(tmp_path, content):
    """A file that is no text is refused in words."""
    path = tmp_path / "burstd.yaml"
    path.write_bytes(content)

    judge(path)


def test_a_document_that_stands_too_deep_is_refused(tmp_path):
    """A thousand brackets in each other are a mistake of the file, not the end of burstd."""
    path = tmp_path / "burstd.yaml"
    path.write_text("pools: " + "[" * 2000 + "]" * 2000)

    judge(path)


def test_a_document_that_grows_by_references_is_refused(tmp_path):
    """Anchors that refer to each other a billion times over stay as small as they are written."""
    path = tmp_path / "burstd.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    path.write_text("\n".join([*lines, "pools: *a9"]))

    judge(path)


@pytest.mark.parametrize(
    "text", ["~nobody-here/x", "\x00", "/a\x00b", "/" + "a" * 5000, "", ".", "/proc/self/mem", "/dev"]
)
@pytest.mark.parametrize("where", ["state_dir", "lead.curve_cert", "lead.munge_key"])
def test_any_path_is_taken_or_refused_with_its_place(tmp_path, where, text):
    """A path of an unknown user, with a zero in it, too long or of no file is a mistake like any other."""
    path = tmp_path / "burstd.yaml"
    section, _, key = where.rpartition(".")
    pools = [{"name": "burst-0", "provider": "local"}]
    document = {section: {key: text}, "pools": pools} if section else {key: text, "pools": pools}
    path.write_text(yaml.safe_dump(document))

    judge(path)
