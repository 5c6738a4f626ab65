"""Every kind of error has a status in the vendors' APIs."""

from __future__ import annotations

from pointsman.producer.vendor_apis.faults import FAULTS
from pointsman.router.vocabulary.errors import ErrorKind


def test_every_kind_of_error_has_a_status_over_there() -> None:
    assert set(FAULTS) == set(ErrorKind)
