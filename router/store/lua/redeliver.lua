-- Lets a delivery begin anew, with all its tries before it: one that is dead or delivered, or waits for its next try.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id: the delivery
-- returns: nothing where it is unknown, else
--   before, after: its state before, and now; one that is under way stays as it is
-- uses: time, delivery
local now = clock(args.now)
local id = args.id
local d = redis.call('HMGET', key.delivery(id), 'state', 'holder', 'seq')
if not d[1] then return {} end
if d[2] then return {'before', d[1], 'after', d[1]} end

redis.call('ZREM', key.deliveries(d[1]), id)
redis.call('HDEL', key.delivery(id), 'ended')
redis.call('HSET', key.delivery(id), 'state', 'waiting', 'tries', 0)
redis.call('PERSIST', key.delivery(id))
redis.call('ZADD', key.deliveries('waiting'), moment(now, tonumber(d[3])), id)
redis.call('PUBLISH', key.delivery_due(), '1')
return {'before', d[1], 'after', 'waiting'}
