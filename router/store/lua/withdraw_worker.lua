-- Takes a worker's slots away at once; its calls in flight go on under their leases.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   worker: its name
--   models: that it served
-- returns: how many models lost this worker
-- uses: wake
local gone = 0
for _, model in ipairs(args.models) do
  gone = gone + redis.call('HDEL', key.workers(model), args.worker)
end
if gone > 0 then wake() end
return gone
