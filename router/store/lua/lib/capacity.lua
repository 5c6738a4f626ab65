-- What a model can take now: the slots its live workers announced, its limits, its ledger, its health.
local FIRST_SCHEMA = 2 -- what workers read that announce nothing of it: they are older than the announcement

-- Slots and number of its live workers, and the newest payload that all of them read: any may get the next message.
local function presence(model, now)
  local slots, count, reads = 0, 0, nil
  local entries = redis.call('HGETALL', key.workers(model))
  for i = 1, #entries, 2 do
    local read, worker = pcall(cjson.decode, entries[i + 1])
    local live = read and type(worker) == 'table' and (tonumber(worker.expires) or 0) > now
    if live and tonumber(worker.slots) then
      slots, count = slots + tonumber(worker.slots), count + 1
      reads = math.min(reads or math.huge, tonumber(worker.schema) or FIRST_SCHEMA)
    else
      redis.call('HDEL', key.workers(model), entries[i])
    end
  end
  return slots, count, reads
end

local function depth(model)
  local bound = redis.call('ZCARD', key.bound(model))
  local running = redis.call('ZCARD', key.running(model))
  return bound, running
end

-- Free slots: min(limit, announced + window) less the depth; `limit` 0 means none, the window is a share of the slots.
local function free_slots(model, now, limit, window)
  local announced = presence(model, now)
  if announced == 0 then return 0 end
  local most = announced + math.floor(announced * window)
  if limit > 0 and limit < most then most = limit end
  local bound, running = depth(model)
  return most - bound - running
end

-- Whether jobs may go to the model now, and whether only as probes, one at a time: it is suspect, or was down for long.
local function is_open(model, now)
  local health = redis.call('HMGET', key.model(model), 'cooled_until', 'paused', 'down', 'suspect', 'probe_at')
  if health[2] or (tonumber(health[1]) or 0) > now then return false, false end
  if health[3] then return (tonumber(health[5]) or math.huge) <= now, true end
  local open_until = tonumber(redis.call('HGET', key.breaker(model), 'open_until'))
  return (open_until or 0) <= now, health[4] ~= false and not open_until
end

-- Whether a job that was bound may be carried out: by a suspect model only a probe.
local function takes(model, now, entry)
  local open, probed = is_open(model, now)
  if not probed then return open end
  return redis.call('ZSCORE', key.probes(model), entry) ~= false
end
