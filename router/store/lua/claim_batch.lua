-- Gives the batch that has waited longest to the process that asks, for one lease. A repeat gives another one: the
-- first is given again when its lease has run out.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   token: of this claim
--   lease_ms: for how long it lasts
-- returns: the batch id, or '' where none is due
-- uses: time
local now = clock(args.now)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key.open_batches(), '-inf', now, 'LIMIT', 0, 10)) do
  if redis.call('EXISTS', key.batch(id)) == 1 then
    redis.call('ZADD', key.open_batches(), now + args.lease_ms, id)
    redis.call('HSET', key.batch(id), 'token', args.token)
    return id
  end
  redis.call('ZREM', key.open_batches(), id)
end
return ''
