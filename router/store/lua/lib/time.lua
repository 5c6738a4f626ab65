-- Milliseconds since 1970 by a clock of our own: that of Redis's host and an offset, so that a step of the host's clock is
-- none of ours. It never goes backwards. `given` is what a test passed in; `expected` is what a process expects it to show
-- by its own monotonic clock, which tells a step of the host's clock from time that has passed.
local FAR = 10000 -- ms between what was expected and what is, from which on the host's clock was set

local function read_clock()
  local time = redis.call('TIME')
  local kept = redis.call('HMGET', key.clock(), 'offset', 'last')
  local offset = tonumber(kept[1]) or 0
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + offset, tonumber(kept[2]) or 0, offset
end

local function clock(given, expected)
  if given then return given end
  local now, last = read_clock()
  if expected and math.abs(now - expected) > FAR then now = expected end
  return math.max(now, last)
end
