-- Forgets ended jobs whose record has expired: takes their ids out of the indexes.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a dispatcher expects to show the second
--   most: how many at most
--   dead_ms: for how long a dead letter is kept
--   kinds: every error kind
-- returns: how many ids were taken out
-- uses: time, keep_time
local now = kept_clock(args.now, args.expected)
local old = redis.call('ZRANGEBYSCORE', key.finished(), '-inf', now, 'LIMIT', 0, args.most)
for _, id in ipairs(old) do
  redis.call('ZREM', key.finished(), id)
  for _, state in ipairs({'succeeded', 'failed', 'cancelled', 'expired'}) do
    redis.call('ZREM', key.state(state), id)
  end
end
for _, kind in ipairs(args.kinds) do
  redis.call('ZREMRANGEBYSCORE', key.dead(kind), '-inf', now - args.dead_ms)
end
return #old
