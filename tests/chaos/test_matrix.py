"""Every fault against two dispatchers, four workers and three models: one verdict on all of them."""

from __future__ import annotations

import pytest

from tests.chaos.faults import api, clock, jobs, messages, models, processes, redis, stops
from tests.chaos.faults.registry import FAULTS, Fault
from tests.chaos.fleet.fleets import SEED, Fleets
from tests.chaos.report import report
from tests.chaos.trial import Trial
from tests.chaos.verdict import judge

pytestmark = pytest.mark.xdist_group("fleets")  # the tests share what is started once

WHERE_FAULTS_ARE = (api, clock, jobs, messages, models, processes, redis, stops)
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
