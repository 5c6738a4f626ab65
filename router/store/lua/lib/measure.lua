-- Moving averages of a model: latency of whole calls, ms per output token, ms to the first words of a streamed answer,
-- and an error rate that fades by itself.
local NEWEST = 0.2 -- share of the newest call in an average
local ERRORS_HALVE = 60000 -- ms without calls in which an error rate halves

local function average(model, field, value)
  local before = tonumber(redis.call('HGET', key.stats(model), field) or value)
  redis.call('HSET', key.stats(model), field, string.format('%.3f', before + NEWEST * (value - before)))
end

local function measure_latency(model, now, ms, tokens, first_seconds)
  average(model, 'latency_ms', ms)
  redis.call('HSET', key.stats(model), 'latency_at', now)
  if tokens > 0 then average(model, 'ms_per_token', ms / tokens) end
  if first_seconds then average(model, 'first_token_ms', first_seconds * 1000) end
end

local function measure_errors(model, now, failed)
  local stats = redis.call('HMGET', key.stats(model), 'error_rate', 'error_at')
  local rate = tonumber(stats[1] or '0') * 0.5 ^ ((now - tonumber(stats[2] or now)) / ERRORS_HALVE)
  redis.call('HSET', key.stats(model), 'error_rate', string.format('%.6f', rate + NEWEST * (failed - rate)), 'error_at', now)
end
