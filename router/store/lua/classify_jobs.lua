-- Moves classified jobs from intake to their lanes; a job that has left intake meanwhile is passed over.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   jobs: for each
--     id, task_class, lane: its class or '', and the lane it goes to
--     step: that decided
-- returns: how many jobs were moved
-- uses: lane
local moved = 0
for _, classified in ipairs(args.jobs) do
  local id, lane = classified.id, classified.lane
  if redis.call('ZREM', key.intake(), id) == 1 then
    redis.call('HSET', key.job(id), 'lane', lane, 'classified_by', classified.step)
    if classified.task_class ~= '' then redis.call('HSET', key.job(id), 'task_class', classified.task_class) end
    local job = redis.call('HMGET', key.job(id), 'priority', 'seq')
    enter(id, lane, job[1], job[2])
    moved = moved + 1
  end
end
return moved
