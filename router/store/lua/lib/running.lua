-- The calls of a model that are in flight: when the lease of each ends, and when it began.
local function begin_running(model, id, now, lease_end)
  redis.call('ZADD', key.running(model), lease_end, id)
  redis.call('ZADD', key.started(model), now, id)
end

local function end_running(model, id)
  redis.call('ZREM', key.running(model), id)
  redis.call('ZREM', key.started(model), id)
end
