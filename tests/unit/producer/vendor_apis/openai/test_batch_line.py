"""A line of a batch asks for one whole answer."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.producer.vendor_apis.openai import Refused
from pointsman.producer.vendor_apis.openai.batch_line import ENDPOINTS
from pointsman.router.routing.catalog import Catalog

HELLO: Any = [{"role": "user", "content": "Hello"}]


def test_a_line_of_a_batch_does_not_stream(catalog: Catalog) -> None:
    read = ENDPOINTS["/v1/chat/completions"].read
    assert not read({"model": "auto", "messages": HELLO, "stream": False}, catalog).spec.stream
    with pytest.raises(Refused) as caught:
        read({"model": "auto", "messages": HELLO, "stream": True}, catalog)
    assert (caught.value.fault.param, caught.value.fault.code) == ("stream", "unsupported_parameter")
