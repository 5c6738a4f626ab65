-- Ends the jobs whose deadline has passed. A running one is left to its worker, or to reap, and looked at later;
-- only where no ledger holds it any more, which should not be, it ends here.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a dispatcher expects to show the second
--   most: how many at most
--   dead_ms: for how long a dead letter is kept
-- returns: how many jobs expired
-- uses: time, keep_time, wake, move, lane, running, reservation, batch, delivery, finish, trouble, fault
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local LATER = 10000
local now = kept_clock(args.now, args.expected)
local how = {now = now, dead_ms = args.dead_ms, for_good = true, doing = 'ending it at its deadline'}

local function expire(id)
  local job = redis.call('HMGET', key.job(id), 'state', 'lane', 'model', 'binding')
  if not job[1] then return forget_lost(id, key.deadlines()) end
  local held = job[1] == 'running' and job[3] and redis.call('ZSCORE', key.running(job[3]), id)
  if held or not may('expire', job[1], 'expired') then
    redis.call('ZADD', key.deadlines(), now + LATER, id)
    return nil
  end
  withdraw(id, job[1], job[2], job[3], job[4])
  finish('expire', id, job[1], 'expired', {now = now, ttl = args.dead_ms, kind = 'expired',
    message = 'the deadline passed while the job waited'})
  return true
end

local expired = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key.deadlines(), '-inf', now, 'LIMIT', 0, args.most)) do
  if alone(key.deadlines(), id, how, expire) then expired = expired + 1 end
end
if expired > 0 then wake() end
return expired
