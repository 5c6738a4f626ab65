"""Each custom_id of a file is seen once, however many lines there are."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.producer.file_run.disk_tables import CustomIdTable

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)


@in_a_folder
@given(ids=st.lists(st.text(max_size=3), max_size=200))
def test_a_custom_id_that_comes_again_is_seen(tmp_path: Path, ids: list[str]) -> None:
    known: set[str] = set()
    with closing(CustomIdTable(len(ids), tmp_path, lambda offset: ids[offset])) as seen:
        for offset, custom_id in enumerate(ids):
            assert seen.add(custom_id, offset) == (custom_id not in known)
            known.add(custom_id)


def test_equal_digests_are_only_a_reason_to_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class SameDigest:
        def __init__(self, *_: object, **__: object) -> None: ...

        def digest(self) -> bytes:
            return b"12345678"

    monkeypatch.setattr("pointsman.producer.file_run.disk_tables.blake2b", SameDigest)
    ids = ["a", "b", "a"]
    with closing(CustomIdTable(3, tmp_path, lambda offset: ids[offset])) as seen:
        assert [seen.add(custom_id, offset) for offset, custom_id in enumerate(ids)] == [True, True, False]
