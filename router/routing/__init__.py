"""Where a job goes: classify, place, decide, plan. Pure: no clock, no Redis, no network."""
