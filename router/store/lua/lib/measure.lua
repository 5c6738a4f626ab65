-- Moving averages of a model: latency of whole calls, ms per output token, ms to the first words of a streamed answer,
-- and an error rate that fades by itself. The 95th percentile of the latency is followed by stochastic approximation
-- (H. Robbins, S. Monro, A Stochastic Approximation Method, 1951), in steps of a share of the average.
local NEWEST = 0.2 -- share of the newest call in an average
local PERCENTILE, STEP = 0.95, 0.25
local ERRORS_HALVE = 60000 -- ms without calls in which an error rate halves

local function average(before, value)
  before = tonumber(before or value)
  return string.format('%.3f', before + NEWEST * (value - before))
end

local function percentile(before, average_ms, ms)
  if not before then return ms end
  local step = STEP * average_ms * (ms > tonumber(before) and PERCENTILE or PERCENTILE - 1)
  return string.format('%.3f', math.max(1, before + step))
end

local function measure_latency(model, now, ms, tokens, first_seconds)
  local before = redis.call('HMGET', key.stats(model), 'latency_ms', 'ms_per_token', 'first_token_ms', 'p95_ms')
  local latency = average(before[1], ms)
  local fields = {'latency_ms', latency, 'latency_at', now, 'p95_ms', percentile(before[4], latency, ms)}
  if tokens > 0 then
    fields[#fields + 1] = 'ms_per_token'
    fields[#fields + 1] = average(before[2], ms / tokens)
  end
  if first_seconds then
    fields[#fields + 1] = 'first_token_ms'
    fields[#fields + 1] = average(before[3], first_seconds * 1000)
  end
  redis.call('HSET', key.stats(model), unpack(fields))
end

local function measure_errors(model, now, failed)
  local stats = redis.call('HMGET', key.stats(model), 'error_rate', 'error_at')
  local rate = tonumber(stats[1] or '0') * 0.5 ^ ((now - tonumber(stats[2] or now)) / ERRORS_HALVE)
  redis.call('HSET', key.stats(model), 'error_rate', string.format('%.6f', rate + NEWEST * (failed - rate)), 'error_at', now)
end
