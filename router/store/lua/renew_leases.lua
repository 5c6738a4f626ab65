-- Renews the leases of everything one worker process has in flight, never past an attempt's own end.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: lease in ms
-- ARGV: model, job id and binding, for each job in turn
-- returns: 1 where the lease is held, 0 where it is lost, for each job in order
-- uses: time
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local now = clock(ARGV[1])
local held = {}
for i = 3, #ARGV, 3 do
  local model, id, binding = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local job = redis.call('HMGET', key.job(id), 'state', 'binding', 'attempt_ends')
  local mine = job[1] == 'running' and job[2] == binding
  if mine then
    redis.call('ZADD', key.running(model), 'XX', math.min(now + tonumber(ARGV[2]), tonumber(job[3])), id)
  end
  held[#held + 1] = mine and 1 or 0
end
return held
