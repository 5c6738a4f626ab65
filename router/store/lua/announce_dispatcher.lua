-- Says that a dispatcher lives; forgets those that have not said so for a while.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, Redis's clock
--   dispatcher: its name
--   presence_ms: until one is forgotten
-- returns: how many dispatchers live
-- uses: time
local now = clock(args.now)
redis.call('ZREMRANGEBYSCORE', key.dispatchers(), '-inf', now - args.presence_ms)
redis.call('ZADD', key.dispatchers(), now, args.dispatcher)
return redis.call('ZCARD', key.dispatchers())
