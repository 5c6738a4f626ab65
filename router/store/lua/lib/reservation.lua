-- The sliding log of a model's requests and tokens. A reservation counts in full from its bind until its claim,
-- and then for one minute; `total` is the sum of the tokens in the log, `unclaimed` that of the unclaimed ones, and both
-- start anew whenever the log is empty. The vendor counts from when the call reaches it, a little after the claim.
-- Tokens are taken away by `0 - n`: `-n` of none would be `-0`, which Redis does not take for a number.
local ARRIVES = 1000 -- ms after its claim by which a call has reached the vendor
local MINUTE = 60000 + ARRIVES
local UNCLAIMED = 9007199254740991

local function forget_old(model, now)
  local log = key.reservations(model)
  local old = redis.call('ZRANGEBYSCORE', log, '-inf', now, 'LIMIT', 0, 1000)
  for _, entry in ipairs(old) do
    local tokens = redis.call('HGET', key.reserved(model), entry)
    redis.call('ZREM', log, entry)
    redis.call('HDEL', key.reserved(model), entry)
    if tokens then redis.call('HINCRBY', key.reserved(model), 'total', 0 - tonumber(tokens)) end
  end
  if redis.call('ZCARD', log) == 0 then redis.call('DEL', key.reserved(model)) end
end

local function reserve(model, entry, tokens)
  redis.call('ZADD', key.reservations(model), UNCLAIMED, entry)
  redis.call('HSET', key.reserved(model), entry, tokens)
  redis.call('HINCRBY', key.reserved(model), 'total', tokens)
  redis.call('HINCRBY', key.reserved(model), 'unclaimed', tokens)
end

local function tokens_of(model, entry)
  return tonumber(redis.call('HGET', key.reserved(model), entry) or '0')
end

local function start_minute(model, entry, now)
  redis.call('ZADD', key.reservations(model), 'XX', now + MINUTE, entry)
  redis.call('HINCRBY', key.reserved(model), 'unclaimed', 0 - tokens_of(model, entry))
end

local function correct(model, entry, tokens)
  local before = redis.call('HGET', key.reserved(model), entry)
  if not before then return end
  redis.call('HSET', key.reserved(model), entry, tokens)
  redis.call('HINCRBY', key.reserved(model), 'total', tokens - tonumber(before))
end

-- Only an unclaimed reservation is dropped: a call that was begun may have been counted by the vendor.
local function drop_reservation(model, entry)
  local tokens = redis.call('HGET', key.reserved(model), entry)
  redis.call('ZREM', key.reservations(model), entry)
  if not tokens then return end
  redis.call('HDEL', key.reserved(model), entry)
  redis.call('HINCRBY', key.reserved(model), 'total', 0 - tonumber(tokens))
  redis.call('HINCRBY', key.reserved(model), 'unclaimed', 0 - tonumber(tokens))
end

-- Those of a job whose binding nobody knows any more.
local function drop_reservations_of(model, id)
  for _, entry in ipairs(redis.call('HKEYS', key.reserved(model))) do
    if entry:match('^(.*)%.%d+$') == id then drop_reservation(model, entry) end
  end
end
