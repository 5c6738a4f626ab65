-- A model that may hang: faults in a row, a call that timed out with none answered since it began, or calls in flight for
-- far longer than usual make it suspect. It then gets one job at a time, a probe, ever more seldom, until an answer clears
-- it. A model that is down is probed in the same way.
local SUSPECT_PROBES = {first = 5000, most = 60000} -- ms between two probes: the first wait, doubled up to the most
local DOWN_PROBES = {first = 300000, most = 21600000}
local OVERDUE = 3 -- times the 95th percentile of the model's calls
local ENOUGH_CALLS = 20 -- answers after which that percentile is known
local REPLIES = {rate_limited = true, invalid_request = true, context_too_long = true, content_filtered = true}
local STRIKES = 3 -- jobs in a row whose refusal does not say that it is the key's or the account's

local function wait_for_probe(model, now, waits)
  local done = redis.call('HINCRBY', key.model(model), 'probes', 1) - 1
  redis.call('HSET', key.model(model), 'probe_at', now + math.min(waits.first * 2 ^ math.min(done, 30), waits.most))
end

local function probe_due(model, now)
  return (tonumber(redis.call('HGET', key.model(model), 'probe_at')) or 0) <= now
end

-- After a probe was bound: the next one comes later.
local function note_probe(model, now)
  local down = redis.call('HEXISTS', key.model(model), 'down') == 1
  wait_for_probe(model, now, down and DOWN_PROBES or SUSPECT_PROBES)
end

local function suspect(model, now, since, why)
  if redis.call('HEXISTS', key.model(model), 'down') == 1 then return end -- it has probes of its own
  if redis.call('HSETNX', key.model(model), 'suspect', why) == 0 then return end
  redis.call('HSET', key.model(model), 'suspect_since', since)
  wait_for_probe(model, now, SUSPECT_PROBES)
end

-- An answer ends all suspicion, unless its call began before: that one tells nothing of how the model is now. A model
-- that is down is opened by the answer of a probe alone.
local function clear_suspicion(model, probed, started)
  local health = redis.call('HMGET', key.model(model), 'faults', 'suspect_since', 'strikes', 'down')
  if not (health[1] or health[2] or health[3] or health[4]) then return end
  if not probed and (health[4] or started < (tonumber(health[2]) or 0)) then
    redis.call('HDEL', key.model(model), 'faults', 'strikes')
    return
  end
  redis.call('HDEL', key.model(model), 'faults', 'suspect', 'suspect_since', 'strikes', 'down', 'down_key', 'probe_at',
    'probes')
end

-- What the end of a call tells: `failed` as for the breaker, and whether it was a probe; `enough` faults in a row, 0 for
-- never, make a model suspect. A reply that refuses the request is an answer too, but not to whether the key is right.
local function judge_suspicion(model, now, probed, failed, kind, started, enough)
  if failed == 0 then
    clear_suspicion(model, probed, started)
  elseif REPLIES[kind] then
    if redis.call('HEXISTS', key.model(model), 'down') == 0 then clear_suspicion(model, probed, started) end
  elseif failed == 1 and enough > 0 then
    local faults = redis.call('HINCRBY', key.model(model), 'faults', 1)
    local answered = tonumber(redis.call('HGET', key.stats(model), 'latency_at') or '0')
    if kind == 'timeout' and answered < started then
      suspect(model, now, now, 'a call timed out, and none was answered since it began')
    elseif faults >= enough then
      suspect(model, now, now, faults .. ' faults in a row, the last one: ' .. kind)
    end
  end
end

-- Forgets calls that the ledger does not hold, which an older version has ended.
local function forget_ended(model, most_started)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key.started(model), '-inf', most_started, 'LIMIT', 0, 100)) do
    if not redis.call('ZSCORE', key.running(model), id) then redis.call('ZREM', key.started(model), id) end
  end
end

-- Makes a model suspect whose calls in flight take far too long: half of them, and not just one of many, while no call was
-- answered for as long. An answer to any of these ends it.
local function look_for_overdue(model, now, slots, running)
  if running == 0 then return end
  local stats = redis.call('HMGET', key.stats(model), 'p95_ms', 'succeeded', 'latency_at')
  if not stats[1] or tonumber(stats[2] or '0') < ENOUGH_CALLS then return end
  local most = OVERDUE * tonumber(stats[1])
  if (tonumber(stats[3]) or 0) > now - most then return end
  if redis.call('ZCOUNT', key.started(model), '-inf', now - most) == 0 then return end
  forget_ended(model, now - most)
  local overdue = redis.call('ZRANGEBYSCORE', key.started(model), '-inf', now - most, 'WITHSCORES')
  local count = #overdue / 2
  if count > 0 and count >= math.min(2, slots) and 2 * count >= running then
    suspect(model, now, overdue[2], string.format(
      '%d of %d calls in flight take longer than %.1f s, %d times its 95th percentile', count, running, most / 1000, OVERDUE))
  end
end

-- Closes a model for what a refusal says: at once where it is certain, else after refusals of different jobs in a row.
local function close_model(model, now, id, how)
  local fields = key.model(model)
  if not how.certain then
    local jobs = redis.call('HGET', fields, 'strikes') or ''
    local count = select(2, jobs:gsub('%S+', ''))
    if (' ' .. jobs .. ' '):find(' ' .. id .. ' ', 1, true) then return end
    redis.call('HSET', fields, 'strikes', jobs .. ' ' .. id)
    if count + 1 < STRIKES then return end
  end
  local known = redis.call('HEXISTS', fields, how.stop) == 1
  redis.call('HSET', fields, how.stop, how.why, 'down_key', how.key_print)
  if how.stop == 'down' and not known then
    redis.call('HDEL', fields, 'probes')
    wait_for_probe(model, now, DOWN_PROBES)
  end
end
