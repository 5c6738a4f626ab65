-- The breaker of a model: faults of its own over a rolling window open it; when that time is over it is half-open, and
-- a few probes decide. A probe is an entry of a small set that is checked against its job, so that none can be lost.
local PARTS = 10 -- of the window; the oldest is forgotten as a whole

local function breaker(model, now)
  local found = redis.call('HMGET', key.breaker(model), 'open_until', 'opens', 'why')
  local till = tonumber(found[1])
  return {state = not till and 'closed' or till > now and 'open' or 'half_open', till = till or 0,
    opens = tonumber(found[2] or '0'), why = found[3] or ''}
end

local function probes_in_flight(model)
  local live = 0
  for _, entry in ipairs(redis.call('ZRANGE', key.probes(model), 0, -1)) do
    local id, binding = entry:match('^(.*)%.(%d+)$')
    local job = redis.pcall('HMGET', key.job(id or ''), 'state', 'binding')
    if (job[1] == 'bound' or job[1] == 'running') and job[2] == binding then
      live = live + 1
    else
      redis.call('ZREM', key.probes(model), entry)
    end
  end
  return live
end

local function count_outcome(model, now, failed, window)
  local outcomes, calls, faults = key.outcomes(model), 0, 0
  local part = math.floor(now * PARTS / window)
  redis.call('HINCRBY', outcomes, part .. ':calls', 1)
  redis.call('HINCRBY', outcomes, part .. ':faults', failed)
  redis.call('PEXPIRE', outcomes, 2 * window)
  local counts = redis.call('HGETALL', outcomes)
  for i = 1, #counts, 2 do
    local at, what = counts[i]:match('^(%d+):(%a+)$')
    if tonumber(at) <= part - PARTS or tonumber(at) > part then -- too old, or counted with another window
      redis.call('HDEL', outcomes, counts[i])
    elseif what == 'calls' then
      calls = calls + counts[i + 1]
    else
      faults = faults + counts[i + 1]
    end
  end
  return calls, faults
end

local function open_breaker(model, now, opens, why, rules)
  local length = math.min(rules.open_ms * 2 ^ math.min(opens - 1, 30), rules.max_open_ms)
  redis.call('DEL', key.probes(model), key.outcomes(model))
  redis.call('HSET', key.breaker(model), 'open_until', math.floor(now + length), 'opens', opens, 'why', why, 'probed', 0)
end

-- What the end of a call tells: `failed` is 1 for a fault of the model's own, 0 for an answer, nil for neither.
local function judge_breaker(model, now, probed, failed, rules)
  if rules.min_calls == 0 then -- switched off, perhaps while it was open
    redis.call('DEL', key.breaker(model), key.probes(model), key.outcomes(model))
    return
  end
  local before = breaker(model, now)
  if before.state == 'closed' then
    if not failed then return end
    local calls, faults = count_outcome(model, now, failed, rules.window_ms)
    if calls >= rules.min_calls and faults >= rules.error_ratio * calls then
      open_breaker(model, now, 1, faults .. ' of ' .. calls .. ' calls failed', rules)
    end
    return
  end
  if not probed or not failed then return end -- a call from before it opened tells nothing new
  if failed == 1 then
    open_breaker(model, now, before.opens + 1, 'a probe failed', rules)
  elseif redis.call('HINCRBY', key.breaker(model), 'probed', 1) >= rules.probes then
    redis.call('DEL', key.breaker(model), key.probes(model))
  end
end
