"""Every parameter of the official client is either done or refused by name."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from pointsman.producer.vendor_apis.openai import (
    CHAT,
    RESPONSES,
    Parameters,
)


@pytest.mark.parametrize(
    ("table", "official"), [(CHAT, CompletionCreateParamsBase), (RESPONSES, ResponseCreateParamsBase)]
)
def test_every_parameter_of_the_official_client_is_in_one_of_the_lists(table: Parameters, official: Any) -> None:
    known = [*table.supported, *table.ignored, *table.refused]
    assert len(known) == len(set(known))
    theirs = set(typing.get_type_hints(official)) | {"stream"}
    assert theirs - set(known) == set()
    assert set(known) - theirs == {"pointsman"}
    assert set(table.harmless) <= set(table.refused)
