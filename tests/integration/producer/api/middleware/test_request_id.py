"""A sane request id is kept."""

from __future__ import annotations

from tests.support.running_api import Api


async def test_a_sane_request_id_is_kept_and_another_is_replaced(api: Api) -> None:
    kept = await api.http.get("/healthz", headers={"x-request-id": "trace-1.2"})
    assert kept.headers["x-request-id"] == "trace-1.2"
    replaced = await api.http.get("/healthz", headers={"x-request-id": "no good<script>"})
    assert len(replaced.headers["x-request-id"]) == 32
