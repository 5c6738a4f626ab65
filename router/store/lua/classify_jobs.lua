-- Moves classified jobs from intake to their lanes; a job that has left intake meanwhile is passed over.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   dead_ms: for how long a dead letter is kept
--   jobs: for each
--     id, task_class, lane: its class or '', and the lane it goes to
--     step: that decided
-- returns: how many jobs were moved
-- uses: time, move, lane, running, reservation, batch, delivery, finish, trouble, fault
local how = {now = clock(args.now), dead_ms = args.dead_ms, doing = 'classifying it'}

local function classify(id, classified)
  if not redis.call('ZSCORE', key.intake(), id) then return 0 end
  local job = redis.call('HMGET', key.job(id), 'state', 'priority', 'seq')
  if not job[1] then
    forget_lost(id, key.intake())
    return 0
  end
  redis.call('ZREM', key.intake(), id)
  redis.call('HSET', key.job(id), 'lane', classified.lane, 'classified_by', classified.step)
  if classified.task_class ~= '' then redis.call('HSET', key.job(id), 'task_class', classified.task_class) end
  enter(id, classified.lane, job[2], job[3])
  return 1
end

local moved = 0
for _, classified in ipairs(args.jobs) do
  moved = moved + (alone(key.intake(), classified.id, how, classify, classified) or 0)
end
return moved
