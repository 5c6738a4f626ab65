"""Takes a multipart upload apart as it comes in: the file goes to disk, never whole into memory.

TooLarge   the file is larger than allowed
"""

from __future__ import annotations

from collections.abc import Callable

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from pointsman.router.vocabulary.errors import PointsmanError

FIELDS_AT_MOST_BYTES = 65_536
FILE_FIELD = "file"
NAME_AT_MOST = 512


class TooLarge(PointsmanError):
    """Raised when a file is larger than allowed; `most` is in bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(f"the file is larger than {most} bytes")


def boundary_of(content_type: str) -> bytes:
    """Return what separates the parts of a multipart body; raises ValueError where it is none."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ValueError("send multipart/form-data with the parts 'file' and 'purpose'")
    return options[b"boundary"]


class Upload:
    """Parses one body; `write` gets the file's content, `fields` has the rest. `most` says what a file may have."""

    def __init__(
        self, boundary: bytes, write: Callable[[bytes], None], most: Callable[[dict[str, str]], int]
    ) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.size = 0
        self._write, self._most = write, most
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._name, self._text = "", bytearray()
        self._kept = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def feed(self, data: bytes) -> None:
        """Take a piece of the body; raises ValueError where it is malformed, TooLarge where it is too much."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise ValueError(f"the multipart body is malformed: {error}") from error

    def end(self) -> None:
        """Raise ValueError where the body broke off, TooLarge where the fields allow less than came."""
        if not self._ended:
            raise ValueError("the multipart body breaks off before its end")
        self._check_size()

    def _begin(self) -> None:
        self._disposition, self._name, self._text = b"", "", bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        self._kept += len(self._name) + 1
        if self._name == FILE_FIELD:
            if self.filename is not None:
                raise ValueError("there are two parts called 'file'")
            self.filename = options.get(b"filename", b"upload").decode(errors="replace")[:NAME_AT_MOST]

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE_FIELD:
            self.size += end - start
            self._check_size()
            self._write(data[start:end])
            return
        self._kept += end - start
        if self._kept > FIELDS_AT_MOST_BYTES:
            raise ValueError("the fields beside the file are too long")
        self._text += data[start:end]

    def _on_part_end(self) -> None:
        if self._name != FILE_FIELD:
            self.fields[self._name] = self._text.decode(errors="replace")

    def _on_end(self) -> None:
        self._ended = True

    def _check_size(self) -> None:
        most = self._most(self.fields)
        if self.size > most:
            raise TooLarge(most)
