-- Ends jobs that no model can ever do; a job that has left intake meanwhile is passed over.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   dead_ms: for how long a dead letter is kept
--   jobs: for each
--     id, task_class: its class or ''
--     kind, message: why
-- returns: how many jobs were ended
-- uses: time, wake, move, lane, running, reservation, batch, delivery, finish, trouble, fault
local now = clock(args.now)
local how = {now = now, dead_ms = args.dead_ms, doing = 'rejecting it'}

local function reject(id, job)
  if not redis.call('ZSCORE', key.intake(), id) then return 0 end
  if not redis.call('HGET', key.job(id), 'state') then
    forget_lost(id, key.intake())
    return 0
  end
  redis.call('ZREM', key.intake(), id)
  if job.task_class ~= '' then redis.call('HSET', key.job(id), 'task_class', job.task_class) end
  finish('reject', id, 'pending', 'failed', {now = now, ttl = args.dead_ms, kind = job.kind, message = job.message})
  return 1
end

local ended = 0
for _, job in ipairs(args.jobs) do
  ended = ended + (alone(key.intake(), job.id, how, reject, job) or 0)
end
if ended > 0 then wake() end
return ended
