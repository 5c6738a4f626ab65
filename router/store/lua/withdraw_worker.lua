-- Takes a worker's slots away at once; its calls in flight go on under their leases.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: worker   ARGV[2...]: its models
-- returns: how many models lost this worker
-- uses: wake
local gone = 0
for i = 2, #ARGV do
  gone = gone + redis.call('HDEL', key.workers(ARGV[i]), ARGV[1])
end
if gone > 0 then wake() end
return gone
