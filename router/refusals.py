"""Tells which errors of Redis mean 'not now' and which show a bug of ours."""

from __future__ import annotations

import re

import redis.exceptions as failures

REFUSED = (failures.OutOfMemoryError, failures.ReadOnlyError, failures.MasterDownError)
CODES = r"OOM|READONLY|MISCONF|LOADING|MASTERDOWN|NOREPLICAS|UNBLOCKED|BUSY|TRYAGAIN|CLUSTERDOWN"
REFUSED_WRITE = re.compile(rf"(^|[\s-])({CODES}) ")
"""redis-py has classes for some refusals and cuts their code off; in Redis 6.2 a script's error wraps the code."""
DEMOTED = re.compile(r"(^|[\s-])(READONLY|MASTERDOWN|UNBLOCKED|NOREPLICAS) ")


def is_refusal(error: failures.ResponseError) -> bool:
    """Whether Redis can not do this now, and may do it later."""
    return isinstance(error, REFUSED) or bool(REFUSED_WRITE.search(str(error)))


def is_demotion(error: failures.ResponseError) -> bool:
    """Whether the server that answered so is no primary any more, or one whose replicas have gone to another."""
    classes = (failures.ReadOnlyError, failures.MasterDownError)
    return isinstance(error, classes) or bool(DEMOTED.search(str(error)))
