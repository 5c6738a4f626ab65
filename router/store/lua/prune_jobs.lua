-- Forgets ended jobs whose record has expired: takes their ids out of the indexes.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: how many at most   ARGV[3]: ms that a dead letter is kept
-- ARGV[4...]: every error kind
-- returns: how many ids were taken out
-- uses: time
local now = clock(ARGV[1])
local old = redis.call('ZRANGEBYSCORE', key.finished(), '-inf', now, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(old) do
  redis.call('ZREM', key.finished(), id)
  for _, state in ipairs({'succeeded', 'failed', 'cancelled', 'expired'}) do
    redis.call('ZREM', key.state(state), id)
  end
end
for i = 4, #ARGV do
  redis.call('ZREMRANGEBYSCORE', key.dead(ARGV[i]), '-inf', now - tonumber(ARGV[3]))
end
return #old
