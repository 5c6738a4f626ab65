-- What a model's vendor still allows: with a reply it says how many requests and tokens are left until when. A call
-- that was claimed up to a second before may not have reached the vendor by then, so it counts against what is left.
-- Everything is counted in calls ever begun, which only grows: what is left ends where their sum comes to a mark.

-- Counts a call that begins now. Returns the sums of what the vendor has counted for certain when it answers: this
-- call, and all that began before the last whole second.
local function begin_call(model, now, tokens)
  local calls, second = key.calls(model), math.floor(now / 1000)
  local sums = redis.call('HMGET', calls, 'requests', 'tokens', 'second', 'at_its_start', 'a_second_before')
  local all, certain = (sums[1] or '0') .. ' ' .. (sums[2] or '0'), sums[5]
  if second ~= tonumber(sums[3]) then
    certain = second == (tonumber(sums[3]) or 0) + 1 and sums[4] or all
    redis.call('HSET', calls, 'second', second, 'at_its_start', all, 'a_second_before', certain)
  end
  redis.call('HINCRBY', calls, 'requests', 1)
  redis.call('HINCRBY', calls, 'tokens', tokens)
  local requests, earlier = certain:match('^(%d+) (%d+)$')
  return string.format('%d %d', requests + 1, earlier + tokens)
end

-- Takes over what a reply said of `what`, a count and when it is reset, unless a later call has said more.
local function record_left(model, what, counted, claimed, now, left)
  local last_claimed = tonumber(redis.call('HGET', key.allowance(model), what .. '_claimed') or '0')
  if claimed < last_claimed then return end
  redis.call('HSET', key.allowance(model), what, counted + left.count, what .. '_until', now + left.reset_ms,
    what .. '_claimed', claimed)
end

local function record_allowance(model, counted, claimed, now, reported)
  local requests, tokens = (counted or ''):match('^(%d+) (%d+)$')
  if requests and reported.requests then record_left(model, 'requests', tonumber(requests), claimed, now, reported.requests) end
  if tokens and reported.tokens then record_left(model, 'tokens', tonumber(tokens), claimed, now, reported.tokens) end
end

-- How many calls, or tokens of calls, may still begin, and until when that holds; nil where nobody says so.
local function left_of(model, what, now)
  local reported = redis.call('HMGET', key.allowance(model), what, what .. '_until')
  local till = tonumber(reported[2]) or 0
  if till <= now then return nil, 0 end
  return tonumber(reported[1]) - tonumber(redis.call('HGET', key.calls(model), what) or '0'), till
end

-- The same for binding: less what is bound and will begin anyway.
local function left_to_bind(model, now)
  if redis.call('EXISTS', key.allowance(model)) == 0 then return {requests_until = 0, tokens_until = 0} end
  local requests, requests_until = left_of(model, 'requests', now)
  local tokens, tokens_until = left_of(model, 'tokens', now)
  if requests then requests = requests - redis.call('ZCARD', key.bound(model)) end
  if tokens then tokens = tokens - tonumber(redis.call('HGET', key.reserved(model), 'unclaimed') or '0') end
  return {requests = requests, requests_until = requests_until, tokens = tokens, tokens_until = tokens_until}
end

local function may_begin(model, now, tokens)
  local requests_left, tokens_left = left_of(model, 'requests', now), left_of(model, 'tokens', now)
  return (not requests_left or requests_left >= 1) and (not tokens_left or tokens_left >= tokens)
end
