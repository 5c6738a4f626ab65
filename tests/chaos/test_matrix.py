"""Every fault against two dispatchers, four workers and three models: one verdict on all of them."""

from __future__ import annotations

import faults_of_messages
import faults_of_models
import faults_of_processes
import faults_of_redis
import faults_of_stops
import faults_of_the_api
import faults_of_the_clock
import pytest
from faults import FAULTS, Fault
from fleets import SEED, Fleets
from report import report
from trial import Trial
from verdict import judge

WHERE_FAULTS_ARE = (
    faults_of_messages, faults_of_models, faults_of_processes, faults_of_redis, faults_of_stops, faults_of_the_api,
    faults_of_the_clock,
)  # fmt: skip
"""Each of these puts its faults on the list."""

EVERY_FAULT = [
    pytest.param(fault, id=fault.name, marks=[] if fault.short else [pytest.mark.chaos])
    for fault in sorted(FAULTS, key=lambda fault: str(fault.shape))
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", EVERY_FAULT)
async def test_no_job_is_lost_and_no_call_is_paid_without_need(fault: Fault, fleets: Fleets) -> None:
    print(f"POINTSMAN_CHAOS_SEED={SEED}")
    try:
        async with Trial.on(fleets.of(fault.shape), fault.name, SEED) as trial:
            await fault.run(trial)
            report(await judge(trial))
    except BaseException:
        fleets.stop()  # what a failed fault has left behind is no ground for the next
        raise
