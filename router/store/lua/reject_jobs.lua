-- Ends jobs that no model can ever do; a job that has left intake meanwhile is passed over.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, Redis's clock
--   dead_ms: for how long a dead letter is kept
--   jobs: for each
--     id, task_class: its class or ''
--     kind, message: why
-- returns: how many jobs were ended
-- uses: time, wake, move, batch, delivery, finish
local now = clock(args.now)
local ended = 0
for _, job in ipairs(args.jobs) do
  local id = job.id
  if redis.call('ZREM', key.intake(), id) == 1 then
    if job.task_class ~= '' then redis.call('HSET', key.job(id), 'task_class', job.task_class) end
    finish('reject', id, 'pending', 'failed',
      {now = now, ttl = args.dead_ms, kind = job.kind, message = job.message})
    ended = ended + 1
  end
end
if ended > 0 then wake() end
return ended
