-- A job whose payload is newer than what the workers of its models read waits among the delayed, longer each time.
local FIRST_WAIT, LONGEST_WAIT = 1000, 30000 -- ms

local function schema_of(facts)
  return tonumber((facts or ''):match('^{"schema":(%d+)')) or 0
end

local function defer(id, now)
  local times = redis.call('HINCRBY', key.job(id), 'deferred', 1)
  local till = now + math.min(FIRST_WAIT * 2 ^ math.min(times - 1, 30), LONGEST_WAIT)
  redis.call('HSET', key.job(id), 'not_before', till)
  redis.call('ZADD', key.delayed(), till, id)
  return times
end
