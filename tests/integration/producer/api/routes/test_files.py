"""Files over HTTP: the official client, large and malformed uploads, names that try tricks, tenants."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from pointsman.local.ports import free_port
from pointsman.producer.files import FileFolder, UnknownFile
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from tests.support.batch_files import openai_client
from tests.support.live import running_live
from tests.support.running_api import Api, running_api, until_it_answers

KEYS = ("acme:acme-key", "other:other-key", "master-key")


@pytest_asyncio.fixture
async def api(settings: Settings, catalog: Catalog) -> AsyncIterator[Api]:
    async with running_api(settings, catalog, file_limit_bytes=50_000, batch_file_limit_bytes=20_000) as running:
        yield running


async def test_a_file_comes_back_as_it_went(sdk: AsyncOpenAI) -> None:
    content = os.urandom(15_000)
    file = await sdk.files.create(file=("input.jsonl", content), purpose="batch")
    assert (file.bytes, file.filename, file.purpose) == (15_000, "input.jsonl", "batch")
    assert file.expires_at == file.created_at + 30 * 86_400
    assert await sdk.files.retrieve(file.id) == file
    assert (await sdk.files.content(file.id)).content == content
    assert (await sdk.files.delete(file.id)).deleted
    for ask in (sdk.files.retrieve, sdk.files.content, sdk.files.delete):
        with pytest.raises(openai.NotFoundError, match="No such File object"):
            await ask(file.id)


async def test_a_held_file_outlives_its_deletion_on_any_file_system(
    sdk: AsyncOpenAI, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = FileFolder(settings.files_folder)
    for name in ("batch_1.input", "batch_2.input"):
        file = await sdk.files.create(file=("input.jsonl", b"content"), purpose="batch")
        stored = folder.get(file.id, tenant=None)
        folder.hold(stored, name)
        await sdk.files.delete(file.id)
        assert folder.held(stored.tenant, name).read_bytes() == b"content"
        with pytest.raises(UnknownFile):
            folder.hold(stored, "batch_3.input")
        monkeypatch.setattr(os, "link", _no_links)


def _no_links(content: Path, held: Path) -> None:
    error = FileNotFoundError if not content.exists() else PermissionError
    raise error(1, "no hard links here", str(held))


async def test_files_are_listed_page_by_page(sdk: AsyncOpenAI) -> None:
    ids = [(await sdk.files.create(file=(f"{at}", b"x"), purpose="user_data")).id for at in range(5)]
    await sdk.files.create(file=("b", b"x"), purpose="batch")
    assert [file.id async for file in sdk.files.list(limit=2, purpose="user_data")] == ids[::-1]
    assert [file.id async for file in sdk.files.list(limit=3, purpose="user_data", order="asc")] == ids
    page = await sdk.files.list(limit=2, order="asc")
    assert page.has_more


async def test_a_file_ends_when_it_was_asked_to(
    sdk: AsyncOpenAI, api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    expiry = {"anchor": "created_at", "seconds": 3600}
    file = await sdk.files.create(file=("a", b"x"), purpose="user_data", expires_after=expiry)  # type: ignore[arg-type] # any text is sent, as a user may
    assert file.expires_at == file.created_at + 3600
    kept = await sdk.files.create(file=("b", b"x"), purpose="user_data")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    with pytest.raises(openai.NotFoundError):
        await sdk.files.retrieve(file.id)
    assert FileFolder(settings.files_folder).sweep() == 1
    assert [found.id async for found in sdk.files.list()] == [kept.id]
    assert {path.stem for path in settings.files_folder.rglob("*") if path.is_file()} == {kept.id}
    monkeypatch.setattr(time, "time", lambda: now + 10 * 365 * 86_400)
    assert FileFolder(settings.files_folder).sweep() == 0  # what has no end is kept


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "a\nb", "nul\0byte", "x" * 5000, "", "ünï.jsonl", ".."]
)
async def test_a_files_name_is_only_data(api: Api, settings: Settings, tmp_path: Path, name: str) -> None:
    """Every path in the folder is made of our own ids, whatever the name says."""
    quoted = name.replace("\\", "\\\\").replace("\n", "%0A").encode()
    body = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + quoted + b'"\r\n\r\n{}\r\n--b--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    reply = await api.http.post("/v1/files", content=body, headers=headers)
    found = {path.name for path in settings.files_folder.rglob("*") if path.is_file()}
    if reply.status_code == 200:
        file_id = reply.json()["id"]
        assert found == {file_id, f"{file_id}.json"}
        assert (await api.http.get(f"/v1/files/{file_id}")).json()["filename"] == reply.json()["filename"]
    else:
        assert (reply.status_code, found) == (400, set())


@pytest.mark.parametrize("file_id", ["..%2F..%2Fetc%2Fpasswd", "file-..", "file-" + "0" * 24, "%00", "x" * 3000])
async def test_an_id_that_is_none_finds_nothing(api: Api, file_id: str) -> None:
    for path in (f"/v1/files/{file_id}", f"/v1/files/{file_id}/content"):
        reply = await api.http.get(path)
        assert reply.status_code == 404
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


async def test_a_wrong_purpose_is_refused(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.files.create(file=("a", b"x"), purpose="mischief")  # type: ignore[arg-type] # any text is sent, as a user may
    assert caught.value.param == "purpose"


@pytest.mark.parametrize(("purpose", "most"), [("batch", 20_000), ("user_data", 50_000)])
async def test_a_file_may_have_so_many_bytes(sdk: AsyncOpenAI, settings: Settings, purpose: str, most: int) -> None:
    content = b"x" * most
    file = await sdk.files.create(file=("a", content), purpose=purpose)  # type: ignore[arg-type] # any text is sent, as a user may
    assert file.bytes == most
    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.files.create(file=("a", content + b"x"), purpose=purpose)  # type: ignore[arg-type] # any text is sent, as a user may
    assert (caught.value.status_code, caught.value.code) == (413, "file_too_large")
    assert len(list(settings.files_folder.rglob("*.json"))) == 1


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"nonsense"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf'),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--b--\r\n',
        ),
    ],
)
async def test_a_malformed_upload_is_refused_and_leaves_nothing(
    api: Api, settings: Settings, content_type: str, body: bytes
) -> None:
    reply = await api.http.post("/v1/files", content=body, headers={"content-type": content_type})
    assert reply.status_code == 400
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert [path for path in settings.files_folder.rglob("*") if path.is_file()] == []


async def test_a_tenant_sees_its_own_files_only(settings: Settings, catalog: Catalog) -> None:
    async with running_api(settings, catalog, api_keys=KEYS) as api:
        async with openai_client(api.url, key="acme-key") as acme, openai_client(api.url, key="other-key") as other:
            file = await acme.files.create(file=("a", b"x"), purpose="user_data")
            with pytest.raises(openai.NotFoundError):
                await other.files.content(file.id)
            with pytest.raises(openai.NotFoundError):
                await other.files.delete(file.id)
            assert [found.id async for found in other.files.list()] == []
        async with openai_client(api.url, key="master-key") as master:
            assert [found.id async for found in master.files.list()] == [file.id]
        async with openai_client(api.url, key="wrong") as nobody:
            with pytest.raises(openai.AuthenticationError) as caught:
                await nobody.files.list()
            assert caught.value.code == "invalid_api_key"


@pytest.mark.slow
async def test_a_large_upload_takes_no_memory(settings: Settings, catalog: Catalog, tmp_path: Path) -> None:
    """190 MB are taken, 300 MB refused; neither is ever held whole."""
    ours = settings.model_copy(update={"api_port": free_port()})
    async with running_live(ours, catalog, tmp_path) as live:
        process = live.api()
        url = f"http://127.0.0.1:{ours.api_port}"
        async with httpx.AsyncClient(base_url=url) as http:
            await until_it_answers(http)
        before = peak_bytes(process)
        async with openai_client(url) as sdk:
            large = tmp_path / "large.jsonl"
            with large.open("wb") as file:
                file.truncate(190_000_000)
            taken = await upload(url, large)
            assert taken.status_code == 200, taken.text
            assert (await sdk.files.retrieve(taken.json()["id"])).bytes == 190_000_000
            with large.open("r+b") as file:
                file.truncate(300_000_000)
            refused = await upload(url, large)
            assert refused.status_code == 413, refused.text
        assert peak_bytes(process) - before < 40_000_000
        assert len(list(ours.files_folder.rglob("file-*.json"))) == 1


async def upload(url: str, path: Path) -> httpx.Response:
    """Upload a file without holding it here either."""
    head = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    head += b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'

    async def body() -> AsyncIterator[bytes]:
        yield head
        with path.open("rb") as file:
            while piece := file.read(1_000_000):
                yield piece
        yield b"\r\n--b--\r\n"

    async with httpx.AsyncClient(timeout=100) as http:
        headers = {"content-type": "multipart/form-data; boundary=b"}
        return await http.post(f"{url}/v1/files", content=body(), headers=headers)


def peak_bytes(process: subprocess.Popen[bytes]) -> int:
    """Return the most memory that a process ever had."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("folder", ["/proc/files", "/dev/null/files"])
async def test_a_folder_that_takes_no_file_is_named_with_its_setting(
    settings: Settings, catalog: Catalog, folder: str
) -> None:
    async with (
        running_api(settings, catalog, files_folder=Path(folder)) as api,
        openai_client(api.url) as client,
    ):
        with pytest.raises(openai.InternalServerError) as caught:
            await client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
        assert (caught.value.status_code, caught.value.code) == (503, "files_unavailable")
        assert "set POINTSMAN_FILES_FOLDER to a folder that takes them" in caught.value.message
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert (await api.http.get("/readyz")).status_code == 200
