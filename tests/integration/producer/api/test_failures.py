"""Every refusal of the API has the same shape."""

from __future__ import annotations

import pytest

from tests.support.running_api import Api


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v2", 404), ("PUT", "/v1/jobs", 405)])
async def test_what_is_not_there_is_reported_in_the_same_shape(
    api: Api, method: str, path: str, status: int
) -> None:
    reply = await api.http.request(method, path)
    assert reply.status_code == status
    assert reply.json()["error"]["request_id"] == reply.headers["x-request-id"]


async def test_a_wrong_method_is_reported_all_the_right_ones(api: Api) -> None:
    for path in ("/v1/jobs", "/v1/batches"):
        assert (await api.http.put(path)).headers["allow"] == "GET, POST"
    assert (await api.http.put("/v1/jobs/some-job")).headers["allow"] == "DELETE, GET"


async def test_an_unexpected_error_tells_nothing_but_its_request_id(api: Api) -> None:
    await api.redis.set(api.driver.keys.key("lanes"), "secret nonsense")
    reply = await api.http.get("/v1/models")
    assert reply.status_code == 500
    assert reply.json()["error"]["kind"] == "internal"
    assert reply.json()["error"]["request_id"] == reply.headers["x-request-id"]
    assert "nonsense" not in reply.text
