-- What ends a try. A receiver, which is a host or a tenant's own webhook, is sent a few at a time; the others that are
-- due are parked until one of those is freed.
local function free(id, receiver, now)
  redis.call('HDEL', key.delivery(id), 'holder')
  redis.call('ZREM', key.sending(receiver), id)
  local parked = redis.call('ZPOPMIN', key.parked(receiver))
  if not parked[1] then return end
  redis.call('ZADD', key.deliveries('waiting'), 'XX', moment(now, tonumber(parked[2])), parked[1])
  redis.call('PUBLISH', key.delivery_due(), '1')
end

local function close(id, seq, state, now, ttl)
  local closed = key.deliveries(state)
  redis.call('ZREM', key.deliveries('waiting'), id)
  redis.call('HSET', key.delivery(id), 'state', state, 'ended', now)
  redis.call('PEXPIRE', key.delivery(id), ttl)
  redis.call('ZREMRANGEBYSCORE', closed, '-inf', moment(now - ttl, 0))
  redis.call('ZADD', closed, moment(now, seq), id)
end
