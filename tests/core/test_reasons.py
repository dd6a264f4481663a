"""Every reason has a sentence."""

from __future__ import annotations

import pytest

from burstd.core.reasons import Code, Reason


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_one_sentence(code):
    """Each code of the closed set says itself in words, with its detail where it has one."""
    sentence = Reason(code, "burst-0").sentence

    assert sentence.endswith(".")
    assert "{" not in sentence
