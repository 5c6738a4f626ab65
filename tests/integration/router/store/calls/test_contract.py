"""A call whose fields are not what its script needs is refused before the script changes anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from redis.exceptions import ResponseError

from pointsman.router.store.calls import CALLS
from pointsman.router.store.calls.contract import Packed, lua_type, names_beside, without_none
from tests.support.store_driver import Driver

VALUES: Mapping[str, Any] = {"string": "x", "number": 1, "boolean": True, "table": {}}
Path = tuple[str, ...]


def example(shape: Any) -> Any:
    """Return a value of a shape, with everything in it that it may have."""
    hint, _ = without_none(shape)
    if is_dataclass(hint):
        return {name: example(part) for name, part in get_type_hints(hint).items() if name not in OF_THE_CLASS}
    if get_origin(hint) is Sequence:
        return [example(get_args(hint)[0])]
    return VALUES[lua_type(hint)]


OF_THE_CLASS = {"script", "answer"}


def named(shape: Any, before: Path = ()) -> Iterator[tuple[Path, bool]]:
    """Yield the way to each field that can be named, and whether it may be left out."""
    hints = get_type_hints(shape)
    for field in fields(shape):
        hint, optional = without_none(hints[field.name])
        yield (*before, field.name), optional
        if is_dataclass(hint):
            yield from named(hint, (*before, field.name))
        elif get_origin(hint) is Sequence and is_dataclass(get_args(hint)[0]):
            yield from named(get_args(hint)[0], (*before, field.name))


EACH_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def fields_in_json(call: Any) -> list[tuple[Path, bool]]:
    return [(path, optional) for path, optional in named(call) if path[0] not in names_beside(call)]


async def is_refused(driver: Driver, call: Any, path: Path, change: Callable[[dict[str, Any], str], Any]) -> bool:
    """Send an example with one field changed; returns whether it is refused for that, and nothing was written."""
    whole = example(call)
    beside = [whole.pop(name) for name in names_beside(call)]
    inside = whole
    for step in path[:-1]:
        inside = inside[step][0] if isinstance(inside[step], list) else inside[step]
    change(inside, path[-1])
    packed = Packed(call.script, [json.dumps(whole), *beside], lambda reply: reply)
    (answer,) = await driver.scripts.try_many([packed])
    if f".{path[-1]} is no " not in str(answer):
        return False
    return isinstance(answer, ResponseError) and await nothing_is_written(driver)


async def nothing_is_written(driver: Driver) -> bool:
    return await driver.redis.keys(f"{driver.settings.key_prefix}*") == []


@EACH_CALL
async def test_null_is_refused_in_any_field(driver: Driver, call: Any) -> None:
    for path, _ in fields_in_json(call):
        assert await is_refused(driver, call, path, lambda inside, name: inside.update({name: None})), path


@EACH_CALL
async def test_another_type_is_refused_in_any_field(driver: Driver, call: Any) -> None:
    for path, _ in fields_in_json(call):

        def swap(inside: dict[str, Any], name: str) -> None:
            inside[name] = 1 if isinstance(inside[name], str) else "x"

        assert await is_refused(driver, call, path, swap), path


@EACH_CALL
async def test_a_field_that_has_to_be_there_is_missed(driver: Driver, call: Any) -> None:
    for path in [path for path, optional in fields_in_json(call) if not optional]:
        assert await is_refused(driver, call, path, lambda inside, name: inside.pop(name)), path


@EACH_CALL
async def test_an_optional_field_may_be_missing(driver: Driver, call: Any) -> None:
    for path in [path for path, optional in fields_in_json(call) if optional]:
        assert not await is_refused(driver, call, path, lambda inside, name: inside.pop(name)), path


async def test_what_is_no_json_is_refused(driver: Driver) -> None:
    packed = [Packed(name, ["no JSON", ""], lambda reply: reply) for name in CALLS]
    answers = await driver.scripts.try_many(packed)
    assert [
        name for name, answer in zip(CALLS, answers, strict=True) if not isinstance(answer, ResponseError)
    ] == []
    assert await nothing_is_written(driver)
