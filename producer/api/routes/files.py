"""/v1/files: upload, list, look at, read and delete files, in OpenAI's shape.

https://platform.openai.com/docs/api-reference/files
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from pointsman.router.config.settings import Settings
from pointsman.router.vocabulary.frozen import Frozen

from ...files import PartialFile, Purpose, StoredFile, new_file_id, unwritable
from ...files.upload import TooLarge, Upload, boundary_of
from ...vendor_apis.openai import Refused
from ..backend import CurrentRequester, Requester
from ..openapi.shapes import DeletedFile, File, FileList

log = logging.getLogger("pointsman.api")

DEFAULT_TENANT = "default"
BATCH_EXPIRY_SECONDS = 30 * 86_400
EXPIRY_SECONDS = (3600, 30 * 86_400)
UPLOADED: tuple[str, ...] = tuple(name for name in get_args(Purpose) if name != "batch_output")
FIELDS = frozenset({"purpose", "expires_after[anchor]", "expires_after[seconds]"})
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string", "enum": list(UPLOADED)},
                        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                        "expires_after[seconds]": {
                            "type": "integer",
                            "minimum": EXPIRY_SECONDS[0],
                            "maximum": EXPIRY_SECONDS[1],
                        },
                    },
                }
            }
        },
    }
}

BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}

routes = APIRouter(prefix="/v1/files", tags=["files"])


class FilesQuery(Frozen):
    """Which files, and how many; `after` is the id of the last one of the page before."""

    after: str | None = None
    limit: int = Query(10_000, ge=1, le=10_000)
    order: Literal["asc", "desc"] = "desc"
    purpose: str | None = None


@routes.post("", response_model=File, openapi_extra=BODY)
async def create_file(request: Request, requester: CurrentRequester) -> dict[str, Any]:
    """Take a file in: it goes to disk as it comes, and its name is only data."""
    settings = requester.backend.jobs.settings
    with _writing(settings):
        incoming = await asyncio.to_thread(requester.backend.files.begin, requester.tenant or DEFAULT_TENANT)
        try:
            upload = await _receive(request, incoming, settings)
            stored = _stored(upload, incoming, requester)
            await asyncio.to_thread(incoming.keep, stored)
        finally:
            await asyncio.to_thread(incoming.drop)
    return stored.view()


@contextmanager
def _writing(settings: Settings) -> Iterator[None]:
    """Turn what goes wrong with the folder of files into a reply that names its setting."""
    try:
        yield
    except OSError as error:
        message = unwritable(settings.files_folder, error)
        log.error("an upload is refused: %s", message)
        raise Refused(message, status=503, code="files_unavailable", kind="server_error") from error


async def _receive(request: Request, incoming: PartialFile, settings: Settings) -> Upload:
    def most(fields: dict[str, str]) -> int:
        of_batch = fields.get("purpose") == "batch"
        return (
            min(settings.file_limit_bytes, settings.batch_file_limit_bytes)
            if of_batch
            else settings.file_limit_bytes
        )

    try:
        upload = Upload(boundary_of(request.headers.get("content-type", "")), incoming.write, most)
        async for piece in request.stream():
            await asyncio.to_thread(upload.feed, piece)
        upload.end()
    except TooLarge as error:
        raise Refused(str(error), status=413, param="file", code="file_too_large") from error
    except ClientDisconnect as error:  # nobody will read this
        raise Refused("the upload broke off", param="file", code="invalid_multipart") from error
    except ValueError as error:
        raise Refused(str(error), param="file", code="invalid_multipart") from error
    return upload


def _stored(upload: Upload, incoming: PartialFile, requester: Requester) -> StoredFile:
    for name in upload.fields.keys() - FIELDS:
        raise Refused(f"Unknown parameter: '{name[:100]}'.", param=name[:100], code="unsupported_parameter")
    if upload.filename is None:
        raise Refused("the part 'file' is missing", param="file", code="missing_required_parameter")
    purpose: Any = upload.fields.get("purpose")
    if purpose not in UPLOADED:
        raise Refused(f"purpose must be one of {', '.join(UPLOADED)}", param="purpose", code="invalid_value")
    now = int(time.time())
    lives = _lifetime(upload.fields, purpose)
    return StoredFile(
        id=new_file_id(),
        tenant=requester.tenant or DEFAULT_TENANT,
        filename=upload.filename,
        purpose=purpose,
        size=incoming.size,
        created=now,
        expires=None if lives is None else now + lives,
    )


def _lifetime(fields: dict[str, str], purpose: str) -> int | None:
    given = fields.get("expires_after[seconds]")
    if fields.get("expires_after[anchor]", "created_at") != "created_at":
        raise Refused("the anchor must be created_at", param="expires_after[anchor]", code="invalid_value")
    if given is None:
        return BATCH_EXPIRY_SECONDS if purpose == "batch" else None
    least, most = EXPIRY_SECONDS
    if not given.isdecimal() or not least <= int(given) <= most:
        message = f"expires_after[seconds] must be {least} to {most}"
        raise Refused(message, param="expires_after[seconds]", code="invalid_value")
    return int(given)


@routes.get("", response_model=FileList)
async def list_files(query: Annotated[FilesQuery, Query()], requester: CurrentRequester) -> dict[str, Any]:
    """List files by the time they came."""
    found = await asyncio.to_thread(_listed, query, requester)
    page = [file.view() for file in found[: query.limit]]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(found) > query.limit,
    }


def _listed(query: FilesQuery, requester: Requester) -> list[StoredFile]:
    files = requester.backend.files.files(
        tenant=requester.tenant, newest_first=query.order == "desc", after=query.after
    )
    return list(islice((file for file in files if query.purpose in (None, file.purpose)), query.limit + 1))


@routes.get("/{file_id}", response_model=File)
async def get_file(file_id: str, requester: CurrentRequester) -> dict[str, Any]:
    """Return what is known of a file."""
    return (await _find(file_id, requester)).view()


@routes.get("/{file_id}/content", response_class=FileResponse, responses=BYTES)
async def read_file(file_id: str, requester: CurrentRequester) -> FileResponse:
    """Return a file's content as it is."""
    found = await _find(file_id, requester)
    return FileResponse(requester.backend.files.path(found), media_type="application/octet-stream")


@routes.delete("/{file_id}", response_model=DeletedFile)
async def delete_file(file_id: str, requester: CurrentRequester) -> dict[str, Any]:
    """Delete a file; batches that work on it go on."""
    found = await _find(file_id, requester)
    await asyncio.to_thread(requester.backend.files.delete, found)
    return {"id": file_id, "object": "file", "deleted": True}


async def _find(file_id: str, requester: Requester) -> StoredFile:
    return await asyncio.to_thread(requester.backend.files.get, file_id, tenant=requester.tenant)
