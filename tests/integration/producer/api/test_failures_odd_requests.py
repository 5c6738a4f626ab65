"""Odd requests get a clear 4xx at every endpoint: odd ids, bodies of another type, texts with null bytes."""

from __future__ import annotations

import pytest

from tests.support.running_api import Api

ODD_IDS = [
    "%00",
    "..%2F..",
    "%2E%2E",
    "x" * 5000,
    "%F0%9F%98%80",
    "%FF",
    "resp_%00",
    "file-%2Fetc",
    "*",
    "a%20b",
    "{}",
]
LOOKED_AT = [
    "/v1/jobs/{}", "/v1/models/{}", "/v1/responses/{}", "/v1/responses/{}/input_items", "/v1/files/{}",
    "/v1/files/{}/content", "/v1/batches/{}", "/v1/batches/{}/results",
]  # fmt: skip
BODIES = ["/v1/jobs", "/v1/route", "/v1/dead/retry", "/v1/chat/completions", "/v1/responses", "/v1/batches"]
TYPES = ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded", "nonsense"]


@pytest.mark.parametrize("path", LOOKED_AT)
async def test_an_odd_id_names_nothing(api: Api, path: str) -> None:
    for odd in ODD_IDS:
        reply = await api.http.get(path.replace("{}", odd))
        assert reply.status_code == 404, (odd, reply.text)
        assert reply.json()["error"]["message"]


@pytest.mark.parametrize("path", BODIES)
async def test_a_body_of_another_type_is_refused(api: Api, path: str) -> None:
    for kind in TYPES:
        reply = await api.http.post(path, content=b'{"prompt": "Hello"}', headers={"content-type": kind})
        assert reply.status_code in (400, 422), (kind, reply.text)
        assert reply.json()["error"]["message"]


async def test_a_null_byte_is_a_character_like_any_other(api: Api) -> None:
    reply = await api.http.post("/v1/jobs", json={"prompt": "a\0b", "metadata": {"\0": "\0"}, "model": "gpt-4"})
    assert reply.status_code == 202
    assert (await api.get(reply.json()["id"])).json()["metadata"] == {"\0": "\0"}
    for name in ("model", "task_class", "tenant", "id"):
        reply = await api.http.post("/v1/jobs", json={"prompt": "a", name: "gpt\0-4567"})
        assert (reply.status_code, reply.json()["error"]["field"]) == (422, name)
