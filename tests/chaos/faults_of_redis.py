"""Redis dies, forgets its last second, and stands still."""

from __future__ import annotations

import asyncio
import signal

from faults import fault
from trial import Trial


@fault(short=True)
async def redis_restarted_with_every_write_synced(trial: Trial) -> None:
    """Redis is killed, and later stopped, in mid-work: nothing is lost, nothing is paid again, and nobody dies."""
    await trial.submit(2000)
    for share, how in ((0.2, signal.SIGKILL), (0.6, signal.SIGTERM)):
        await trial.until_share_ended(share)
        trial.fleet.redis_host.end(how)
        await asyncio.sleep(1.0)
        trial.fleet.redis_host.start()
    await trial.until_share_ended(1)
    trial.everybody_lives()
    await trial.succeeded()
