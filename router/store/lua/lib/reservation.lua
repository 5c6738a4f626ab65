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
  if redis.call('ZCARD', log) == 0 then
    redis.call('DEL', key.reserved(model), key.pace(model))
  end
end

-- Pacing: calls are spread over the minute, but for a burst of a tenth of the limit. Requests and tokens have levels
-- that sink by the limit in a minute; a call may be bound while they are below the burst, and raises them.
-- It raises them by more than itself while what is left of the log has to last longer than the limit alone would need:
-- else a burst would leave nothing for the end of its minute. ModelState works out the same.
local BURST = 0.1
local MOST_STRETCH = 2

local function pace_of(model, now, limits)
  local held = redis.call('HMGET', key.pace(model), 'requests', 'tokens', 'at')
  local passed = now - (tonumber(held[3]) or now)
  local pace = {requests = 0, tokens = 0, lasts = MINUTE}
  if passed < 0 then return pace end -- the clock was set back: begin anew
  pace.requests = math.max(0, (tonumber(held[1]) or 0) - limits.requests_per_minute * passed / MINUTE)
  pace.tokens = math.max(0, (tonumber(held[2]) or 0) - limits.tokens_per_minute * passed / MINUTE)
  local oldest = tonumber(redis.call('ZRANGE', key.reservations(model), 0, 0, 'WITHSCORES')[2])
  if oldest then pace.lasts = math.min(MINUTE, oldest - now) end
  return pace
end

local function is_paced(level, limit)
  return limit > 0 and level >= math.max(1, limit * BURST)
end

local function stretched(pace, count, used, limit)
  local alone = MINUTE * math.max(1, limit - used) / math.max(1, limit)
  return count * math.max(1, math.min(MOST_STRETCH, pace.lasts / alone))
end

local function keep_pace(model, pace, now)
  redis.call('HSET', key.pace(model), 'requests', string.format('%.3f', pace.requests),
    'tokens', string.format('%.3f', pace.tokens), 'at', now)
end

local function lower_pace(model, requests, tokens)
  if redis.call('EXISTS', key.pace(model)) == 0 then return end
  redis.call('HINCRBYFLOAT', key.pace(model), 'requests', 0 - requests)
  redis.call('HINCRBYFLOAT', key.pace(model), 'tokens', 0 - tokens)
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
  lower_pace(model, 0, tonumber(before) - tokens)
end

-- Only an unclaimed reservation is dropped: a call that was begun may have been counted by the vendor.
local function drop_reservation(model, entry)
  local tokens = redis.call('HGET', key.reserved(model), entry)
  redis.call('ZREM', key.reservations(model), entry)
  if not tokens then return end
  redis.call('HDEL', key.reserved(model), entry)
  redis.call('HINCRBY', key.reserved(model), 'total', 0 - tonumber(tokens))
  redis.call('HINCRBY', key.reserved(model), 'unclaimed', 0 - tonumber(tokens))
  lower_pace(model, 1, tonumber(tokens))
end

-- Those of a job whose binding nobody knows any more.
local function drop_reservations_of(model, id)
  for _, entry in ipairs(redis.call('HKEYS', key.reserved(model))) do
    if entry:match('^(.*)%.%d+$') == id then drop_reservation(model, entry) end
  end
end
