"""What the call of a script is: named fields that travel as one JSON object, and an answer of its own shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, TypeAdapter

Answer = TypeVar("Answer")
Argument = str | int | float | bytes

BESIDE = "beside"
Beside = Annotated[str, BESIDE]
"""A text that travels as it is, beside the JSON: Redis would spend more on unescaping it than on all the rest."""

LUA_TYPES: Mapping[type, str] = {bool: "boolean", int: "number", float: "number", str: "string"}


@dataclass(frozen=True, slots=True)
class Packed(Generic[Answer]):
    """A call as it travels: the script, its ARGV, and how its reply is read."""

    script: str
    arguments: Sequence[Argument]
    read: Callable[[Any], Answer]


class Call(Generic[Answer]):
    """The base of all calls: `SettleJob` is the call of settle_job.lua, which finds each field in `args`.

    None is left out, and absent in Lua. `Call[int]` is answered by a number; `Call[Accepted]` by a flat list of
    name and value in turn, with the names of that dataclass.
    """

    script: ClassVar[str]
    answer: ClassVar[Any]

    def __init_subclass__(cls) -> None:
        cls.script = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        (cls.answer,) = get_args(cls.__orig_bases__[0])  # type: ignore[attr-defined] # there in any generic class

    def pack(self) -> Packed[Answer]:
        """Return what is sent; raises PydanticSerializationError for a wrong type, or half a surrogate pair."""
        codec = _codec_of(self)
        as_json = codec.to_json(self, exclude=codec.exclude, exclude_none=True, warnings="error")
        return Packed(self.script, [as_json, *(getattr(self, name) for name in codec.beside)], codec.read)

    def read(self, reply: Any) -> Answer:
        """Return the answer in what Redis replied."""
        read: Answer = _codec_of(self).read(reply)
        return read


def in_turn(reply: Any) -> Any:
    """Return the mapping in a flat list of name and value in turn."""
    return dict(zip(reply[::2], reply[1::2], strict=True)) if isinstance(reply, list) else reply


@cache
def names_beside(call: Any) -> tuple[str, ...]:
    """Return the fields that travel beside the JSON, in order."""
    hints = get_type_hints(call, include_extras=True)
    return tuple(name for name, hint in hints.items() if BESIDE in getattr(hint, "__metadata__", ()))


@dataclass(frozen=True, slots=True)
class _Codec:
    """What a call is packed and its reply read with, made once: looking it up by its type hints takes longer."""

    to_json: Callable[..., bytes]
    exclude: set[str] | None
    beside: tuple[str, ...]
    read: Callable[[Any], Any]


def _codec_of(call: Call[Any]) -> _Codec:
    shape: Any = type(call)
    return _codec(shape)


@cache
def _codec(call: Any) -> _Codec:
    beside = names_beside(call)
    answer: Any = Annotated[call.answer, BeforeValidator(in_turn)] if is_dataclass(call.answer) else call.answer
    reader: TypeAdapter[Any] = TypeAdapter(answer)
    return _Codec(TypeAdapter(call).serializer.to_json, set(beside) or None, beside, reader.validate_python)


@cache
def reading_arguments(call: Any) -> str:
    """Return the Lua that reads a call into `args`, and refuses one whose fields are not what they should be.

    A field that is null is refused too: in Lua that is neither nil nor false.
    """
    beside = names_beside(call)
    read = ["local type, args = type, cjson.decode(ARGV[1])"]
    read += [f"args.{name} = ARGV[{at}]" for at, name in enumerate(beside, start=2)]
    return "\n".join([*read, *_checks(call, "args")]) + "\n"


def _checks(shape: type[Any], where: str) -> Iterator[str]:
    """Yield the Lua that checks each field of a dataclass, those of its parts and items too."""
    hints = get_type_hints(shape)
    for field in fields(shape):
        hint, optional = without_none(hints[field.name])
        path = f"{where}.{field.name}"
        yield from _check(hint, path, optional=optional)


def _check(hint: Any, path: str, *, optional: bool = False) -> Iterator[str]:
    kind = lua_type(hint)
    given = f"{path} ~= nil and " if optional else ""
    yield f"if {given}type({path}) ~= '{kind}' then error('{path} is no {kind}') end"
    if is_dataclass(hint):
        yield from [f"if {path} then", *_checks(hint, path), "end"]  # type: ignore[arg-type] # a class, no instance
    elif get_origin(hint) is Sequence:
        (item,) = get_args(hint)
        checks = _checks(item, "item") if is_dataclass(item) else _check(item, "item")  # type: ignore[arg-type] # a class, no instance
        yield from [f"for _, item in ipairs({path}) do", *checks, "end"]


def without_none(hint: Any) -> tuple[Any, bool]:
    """Return a hint without its None, and whether it had one."""
    parts = get_args(hint)
    if NoneType not in parts:
        return hint, False
    (rest,) = (part for part in parts if part is not NoneType)
    return rest, True


def lua_type(hint: Any) -> str:
    """Return what Lua calls the type of a value."""
    if get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return "string"
    return LUA_TYPES.get(hint, "table")
