-- Puts delayed jobs whose time has come back into their lanes, with their old places.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, Redis's clock
--   most: how many at most
-- returns: how many jobs were put back
-- uses: time, lane
local now = clock(args.now)
local due = redis.call('ZRANGEBYSCORE', key.delayed(), '-inf', now, 'LIMIT', 0, args.most)
for _, id in ipairs(due) do
  redis.call('ZREM', key.delayed(), id)
  redis.call('HDEL', key.job(id), 'not_before')
  give_back(id)
end
return #due
