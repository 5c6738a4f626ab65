-- Renews the leases of everything one worker process has in flight, never past an attempt's own end.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a worker expects to show the second
--   lease_ms: for how long it lasts
--   jobs: for each
--     model, job_id, binding: of the job
-- returns: 1 where the lease is held, 0 where it is lost, for each job in order
-- uses: time
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local now = clock(args.now, args.expected)
local held = {}
for i, one in ipairs(args.jobs) do
  local id = one.job_id
  local job = redis.call('HMGET', key.job(id), 'state', 'binding', 'attempt_ends')
  local mine = job[1] == 'running' and job[2] == tostring(one.binding)
  if mine then
    redis.call('ZADD', key.running(one.model), 'XX', math.min(now + args.lease_ms, tonumber(job[3])), id)
  end
  held[i] = mine and 1 or 0
end
return held
