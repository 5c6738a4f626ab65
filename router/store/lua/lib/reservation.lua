-- The sliding log of a model's requests and tokens. A reservation counts in full from its bind until its claim,
-- and then for one minute; `total` is the sum of the tokens in the log and starts anew whenever the log is empty.
local MINUTE = 60000
local UNCLAIMED = 9007199254740991

local function forget_old(model, now)
  local log = key.reservations(model)
  local old = redis.call('ZRANGEBYSCORE', log, '-inf', now, 'LIMIT', 0, 1000)
  for _, entry in ipairs(old) do
    local tokens = redis.call('HGET', key.reserved(model), entry)
    redis.call('ZREM', log, entry)
    redis.call('HDEL', key.reserved(model), entry)
    if tokens then redis.call('HINCRBY', key.reserved(model), 'total', -tonumber(tokens)) end
  end
  if redis.call('ZCARD', log) == 0 then redis.call('DEL', key.reserved(model)) end
end

local function reserve(model, entry, tokens)
  redis.call('ZADD', key.reservations(model), UNCLAIMED, entry)
  redis.call('HSET', key.reserved(model), entry, tokens)
  redis.call('HINCRBY', key.reserved(model), 'total', tokens)
end

local function start_minute(model, entry, now)
  redis.call('ZADD', key.reservations(model), 'XX', now + MINUTE, entry)
end

local function correct(model, entry, tokens)
  local before = redis.call('HGET', key.reserved(model), entry)
  if not before then return end
  redis.call('HSET', key.reserved(model), entry, tokens)
  redis.call('HINCRBY', key.reserved(model), 'total', tokens - tonumber(before))
end

local function drop_reservation(model, entry)
  local tokens = redis.call('HGET', key.reserved(model), entry)
  redis.call('ZREM', key.reservations(model), entry)
  if not tokens then return end
  redis.call('HDEL', key.reserved(model), entry)
  redis.call('HINCRBY', key.reserved(model), 'total', -tonumber(tokens))
end
