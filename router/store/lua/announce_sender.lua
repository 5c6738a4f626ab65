-- Says that a process which sends webhooks lives; forgets those that have not said so for a while.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   sender: its name
--   presence_ms: until one is forgotten
-- returns: how many senders live
-- uses: time
local now = clock(args.now)
redis.call('ZREMRANGEBYSCORE', key.senders(), '-inf', now - args.presence_ms)
redis.call('ZADD', key.senders(), now, args.sender)
return redis.call('ZCARD', key.senders())
