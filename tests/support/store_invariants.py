"""What must hold in Redis between any two steps, whatever the steps were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import DEAD, TERMINAL, JobState
from tests.support.store_driver import Driver

FIELDS = ("state", "lane", "model", "seq", "not_before", "binding", "error_kind")

Fields = Mapping[str, str | None]
HeldJob = Mapping[str, Mapping[str, float]]
"""Key name as PATTERNS has it, with its value behind a colon -> member -> score."""


class Invariants:
    """Checks one driver's keys; remembers every lane it has seen, so that a forgotten one is found."""

    def __init__(self, driver: Driver) -> None:
        self._driver, self._lanes = driver, set[str]()

    async def check(self, job_ids: Sequence[str]) -> None:
        """Fail with the first thing that is not as it must be."""
        jobs = await self._read_jobs(job_ids)
        self._lanes |= {fields["lane"] for fields in jobs.values() if fields["lane"]}
        held = await self._read_zsets()
        each_job_is_where_its_state_says(jobs, held)
        state_indexes_agree(jobs, held)
        lane_index_names_the_heads_of_all_lanes_that_are_not_empty(held)
        live = {job_id for job_id, fields in jobs.items() if JobState(fields["state"]) not in TERMINAL}
        assert set(held["deadlines"]) == live
        assert set(held["finished"]) <= set(jobs) - live
        dead_letters_are_indexed_by_their_kind(jobs, held)
        for model in self._driver.catalog.models:
            await self._reservations_add_up(model, jobs, held)

    async def _read_jobs(self, job_ids: Sequence[str]) -> dict[str, Fields]:
        pipeline = self._driver.redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.hmget(self._driver.keys.key("job", job_id), FIELDS)
        rows = await pipeline.execute()
        return {job_id: dict(zip(FIELDS, row, strict=True)) for job_id, row in zip(job_ids, rows, strict=True)}

    async def _read_zsets(self) -> HeldJob:
        names = [(name, "") for name in ("intake", "delayed", "lanes", "deadlines", "finished")]
        names += [("lane", lane) for lane in sorted(self._lanes)]
        names += [("state", state) for state in JobState]
        names += [("dead", kind) for kind in ErrorKind]
        for model in self._driver.catalog.models:
            names += [(name, model) for name in ("bound", "running", "reservations")]
        pipeline = self._driver.redis.pipeline(transaction=False)
        for name, value in names:
            pipeline.zrange(self._driver.keys.key(name, value), 0, -1, withscores=True)
        rows = await pipeline.execute()
        labels = [f"{name}:{value}" if value else name for name, value in names]
        return {label: dict(row) for label, row in zip(labels, rows, strict=True)}

    async def _reservations_add_up(self, model: str, jobs: Mapping[str, Fields], held: HeldJob) -> None:
        reserved = await self._driver.redis.hgetall(self._driver.keys.key("reserved", model))
        tokens = {entry: int(count) for entry, count in reserved.items()}
        total, unclaimed = tokens.pop("total", 0), tokens.pop("unclaimed", 0)
        assert all(count >= 0 for count in tokens.values()), f"{model}: {tokens}"
        assert total == sum(tokens.values()), f"{model}: {total} is not the sum of {tokens}"
        assert set(held[f"reservations:{model}"]) == set(tokens), model
        bound = {f"{job_id}.{jobs[job_id]['binding']}" for job_id in held[f"bound:{model}"]}
        assert bound <= set(tokens), "an unclaimed binding holds its reservation"
        assert unclaimed == sum(tokens[entry] for entry in bound), f"{model}: {unclaimed} tokens are unclaimed"


def each_job_is_where_its_state_says(jobs: Mapping[str, Fields], held: HeldJob) -> None:
    """A job is in its lane, in intake, delayed, in one ledger of its model, or ended and nowhere."""
    found: dict[str, list[str]] = {}
    for name, members in held.items():
        if name.split(":")[0] in ("intake", "delayed", "lane", "bound", "running"):
            for job_id in members:
                found.setdefault(job_id, []).append(name)
    for job_id, fields in jobs.items():
        assert found.pop(job_id, []) == _expected_keys(fields), f"{job_id}: {fields}"
    assert not found, f"held although nobody submitted them: {found}"


def _expected_keys(fields: Fields) -> list[str]:
    state = JobState(fields["state"])
    if state in TERMINAL:
        return []
    if state in (JobState.BOUND, JobState.RUNNING):
        return [f"{state}:{fields['model']}"]
    if fields["not_before"] is not None:
        return ["delayed"]
    return [f"lane:{fields['lane']}"] if fields["lane"] else ["intake"]


def dead_letters_are_indexed_by_their_kind(jobs: Mapping[str, Fields], held: HeldJob) -> None:
    """The indexes of dead letters hold what failed or expired, by kind, and nothing else."""
    found = {job_id: kind for kind in ErrorKind for job_id in held[f"dead:{kind}"]}
    assert found == {job_id: fields["error_kind"] for job_id, fields in jobs.items() if fields["state"] in DEAD}


def state_indexes_agree(jobs: Mapping[str, Fields], held: HeldJob) -> None:
    """Every index of a state holds the jobs of that state, by their submit numbers."""
    for state in JobState:
        wanted = {job_id: int(fields["seq"] or 0) for job_id, fields in jobs.items() if fields["state"] == state}
        assert held[f"state:{state}"] == wanted, f"the index of {state}"


def lane_index_names_the_heads_of_all_lanes_that_are_not_empty(held: HeldJob) -> None:
    """The index of lanes knows the place of each lane's first job, and no lane without one."""
    lanes = {name.removeprefix("lane:"): members for name, members in held.items() if name.startswith("lane:")}
    assert held["lanes"] == {name: min(members.values()) for name, members in lanes.items() if members}
