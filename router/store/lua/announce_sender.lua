-- Says that a process which sends webhooks lives; forgets those that have not said so for a while.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: sender   ARGV[3]: ms until one is forgotten
-- returns: how many senders live
-- uses: time
local now = clock(ARGV[1])
redis.call('ZREMRANGEBYSCORE', key.senders(), '-inf', now - tonumber(ARGV[3]))
redis.call('ZADD', key.senders(), now, ARGV[2])
return redis.call('ZCARD', key.senders())
