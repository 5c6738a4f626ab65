-- Says that a dispatcher lives; forgets those that have not said so for a while.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a dispatcher expects to show the second
--   dispatcher: its name
--   presence_ms: until one is forgotten
-- returns: how many dispatchers live
-- uses: time, keep_time
local now = kept_clock(args.now, args.expected)
redis.call('ZREMRANGEBYSCORE', key.dispatchers(), '-inf', now - args.presence_ms)
redis.call('ZADD', key.dispatchers(), now, args.dispatcher)
return redis.call('ZCARD', key.dispatchers())
