"""The YAML file itself: syntax errors with their place, and no key twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from burstd.config.flags import Raw
from burstd.config.problems import shown
from burstd.core.errors import ConfigError, Problem

_TRUTH, _TEXT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:str"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader keeps the last of two equal keys without a word; this one refuses.

    A key that YAML 1.1 takes for a truth value, `off` for one, is the text that stands there, as in YAML 1.2.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} stands here twice", key.start_mark
                    )
                seen.add(key.value)
                key.tag = _TEXT if key.tag == _TRUTH else key.tag
        return super().construct_mapping(node, deep)


def read(path: Path) -> Raw:
    """Return the mapping that a YAML file holds; an empty file is an empty one. Raises ConfigError."""
    content = _parsed(path, _text(path))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise _refused(
            str(path),
            f"holds {shown(content)}, not a mapping of settings",
            "it begins, for example, with `pools:`",
        )
    return {str(key): value for key, value in content.items()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise _refused(str(path), "there is no such file", "--config names it") from exc
    except UnicodeDecodeError as exc:
        raise _refused(str(path), "is not UTF-8 text", "save it as UTF-8") from exc
    except OSError as exc:
        raise _refused(str(path), f"cannot be read: {exc.strerror}", "--config names it") from exc


def _parsed(path: Path, text: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise _refused(place, f"this is not YAML: {exc.problem or exc.context}") from exc
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as exc:
        raise _refused(str(path), f"this is not YAML: {' '.join(str(exc).split())}") from exc
    except RecursionError as exc:
        raise _refused(str(path), "what stands in it stands too deep in each other") from exc


def _refused(where: str, what: str, hint: str = "") -> ConfigError:
    return ConfigError((Problem(where, what, hint),))
