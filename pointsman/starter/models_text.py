"""The text of a models.yaml for a machine: the rows that can be used there, the others as comments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from .machine import HOST, VENDOR_KEYS, LocalServer, Machine

TEMPLATE = Path(__file__).parent / "models.yaml"
"""A models.yaml with every vendor, which is read as it stands where nothing is found."""

SCHEMA_FILE = "models.schema.json"
FIRST_LINES = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}
# The models and task classes of this folder. Check it with: pointsman models --check
#
"""
OTHERS = "# Ready to be used: take away the # and the blank after it, and name the model in the task classes."
ROWS_PER_SERVER = 4
"""More are named in a comment."""

ROW = """\
  {name}:
    # {server} on this machine; `pointsman up` starts a worker for it like for any other model
    format: openai
    base_url: http://{host}:{port}/v1
    upstream: {upstream}
    max_tokens_field: max_tokens
    worker_concurrency: 4{window}
    timeout_seconds: 300
    price: {{input_usd_per_mtok: 0, output_usd_per_mtok: 0}}
    drop_params: [reasoning_effort]"""


def models_text(machine: Machine) -> tuple[str, list[str]]:
    """Return the text, and the names of the models in it."""
    head, vendors, classes = _parts_of(TEMPLATE.read_text(encoding="utf-8"))
    local = _local_rows(machine.servers)
    chosen = [name for name in vendors if name in machine.keys] or ([] if local else list(vendors))
    rows = [_with_key(vendors[name], machine.keys.get(name)) for name in chosen]
    others = [_as_comment(vendors[name]) for name in vendors if name not in chosen]
    others = [f"{OTHERS}\n{others[0]}", *others[1:]] if others else []
    body = "\n\n".join([*rows, *local.values(), *_unlisted(machine.servers), *others])
    names = [*chosen, *local]
    return f"{FIRST_LINES}{head}models:\n{body}\n\n{_for_models(classes, names)}", names


def _parts_of(text: str) -> tuple[str, dict[str, str], str]:
    """Return what stands before the models, each model's lines by name, and what stands after them."""
    head, _, rest = text.partition("models:\n")
    blocks, mark, classes = rest.partition("# A task class")
    return head, {block.split(":")[0].strip(): block for block in blocks.strip("\n").split("\n\n")}, mark + classes


def _with_key(row: str, variable: str | None) -> str:
    return re.sub(r"(?<=api_key_env: ).*", variable, row) if variable else row


def _as_comment(row: str) -> str:
    return re.sub("^", "# ", row, flags=re.MULTILINE)


def _local_rows(servers: Sequence[LocalServer]) -> dict[str, str]:
    rows: dict[str, str] = {}
    for server in servers:
        for upstream in list(server.models)[:ROWS_PER_SERVER]:
            name = _unused_name(upstream, rows)
            rows[name] = ROW.format(
                name=_scalar(name), server=server.name, host=HOST, port=server.port, upstream=json.dumps(upstream),
                window=f"\n    context_window: {tokens}" if (tokens := server.models[upstream]) else "",
            )  # fmt: skip
    return rows


def _unused_name(upstream: str, taken: Mapping[str, str]) -> str:
    """Return a name that models may have, and no other has: the end of a path, without what is not allowed."""
    last = upstream.rstrip("/").rpartition("/")[2].removesuffix(".gguf")
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", last).strip("-_.")[:56] or "local"
    number, name = 1, plain
    while name in taken or name in VENDOR_KEYS:
        number += 1
        name = f"{plain}-{number}"
    return name


def _unlisted(servers: Sequence[LocalServer]) -> list[str]:
    more = [(server.name, list(server.models)[ROWS_PER_SERVER:]) for server in servers]
    return [f"  # {name} also serves: {', '.join(names)}" for name, names in more if names]


def _scalar(name: str) -> str:
    """Return a name as YAML takes it for text: 7b is, 1.5 and no are not."""
    return name if yaml.safe_load(name) == name else json.dumps(name)


def _for_models(classes: str, names: Sequence[str]) -> str:
    """Return the task classes with those of these models that each one names, in its order, and all the others."""

    def listed(found: re.Match[str]) -> str:
        preferred = [name for name in found[1].split(", ") if name in names]
        others = [name for name in names if name not in VENDOR_KEYS]
        return f"models: [{', '.join(map(_scalar, [*preferred, *others]))}]"

    return re.sub(r"models: \[(.*)\]", listed, classes)
