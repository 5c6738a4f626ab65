-- Puts delayed jobs whose time has come back into their lanes, with their old places.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a dispatcher expects to show the second
--   most: how many at most
--   dead_ms: for how long a dead letter is kept
-- returns: how many jobs left the delayed
-- uses: time, keep_time, move, lane, running, reservation, batch, delivery, finish, trouble, fault
local now = kept_clock(args.now, args.expected)
local how = {now = now, dead_ms = args.dead_ms, doing = 'putting it back'}

local function promote(id)
  local state = redis.call('HGET', key.job(id), 'state')
  if not state then return forget_lost(id, key.delayed()) end
  redis.call('ZREM', key.delayed(), id)
  redis.call('HDEL', key.job(id), 'not_before')
  if state == 'pending' then give_back(id) end
end

local due = redis.call('ZRANGEBYSCORE', key.delayed(), '-inf', now, 'LIMIT', 0, args.most)
for _, id in ipairs(due) do
  alone(key.delayed(), id, how, promote)
end
return #due
