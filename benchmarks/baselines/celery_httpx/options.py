"""What differs between the variants of the hand-made worker; it reaches the worker through its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from benchmarks.contender import results_url

PREFIX = "BASELINE_"


@dataclass(frozen=True)
class Options:
    """One variant. `visibility_seconds` 0 stands for Celery's default, an hour."""

    redis_url: str = ""
    llm_url: str = ""
    concurrency: int = 16
    pool: str = "threads"
    acks_late: bool = True
    visibility_seconds: int = 0
    often_restored: bool = False

    @property
    def results_url(self) -> str:
        """The database for results."""
        return results_url(self.redis_url)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a worker of this variant reads."""
        return {f"{PREFIX}{name.upper()}": _text(value) for name, value in asdict(self).items()}

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Return what `environment` wrote."""
        given = {name: environment[f"{PREFIX}{name.upper()}"] for name in cls.__dataclass_fields__}
        return cls(
            redis_url=given["redis_url"],
            llm_url=given["llm_url"],
            concurrency=int(given["concurrency"]),
            pool=given["pool"],
            acks_late=given["acks_late"] == "1",
            visibility_seconds=int(given["visibility_seconds"]),
            often_restored=given["often_restored"] == "1",
        )


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
