-- Keeps our clock: writes down what it shows, and by how much that is ahead of the host's. Every dispatcher does it in
-- every script of its own that looks at the time.
local STANDS_STILL = 1000 -- ms for which our clock may wait until the host's has come to where it is
local SLEW_EVERY = 1000 -- ms
local SLEW = 0.01 -- share of the time by which our clock comes back to the host's

-- Comes back to the host's clock, by steps so small that ours goes on all the while.
local function slew(now, offset)
  local since = now - (tonumber(redis.call('HGET', key.clock(), 'slewed_at')) or now)
  if since >= 0 and since < SLEW_EVERY then
    redis.pcall('HSETNX', key.clock(), 'slewed_at', now)
    return
  end
  local by = math.min(math.abs(offset), math.floor(math.max(0, math.min(since, 60000)) * SLEW))
  redis.pcall('HSET', key.clock(), 'slewed_at', now, 'offset', offset < 0 and offset + by or offset - by)
end

local function kept_clock(given, expected)
  if given then return given end
  local now, last, offset = read_clock()
  local right = math.max(now, last)
  if expected and math.abs(now - expected) > FAR then right = math.max(expected, last) end
  local stepped = math.abs(right - now) > STANDS_STILL and right - now or 0
  redis.pcall('HSET', key.clock(), 'last', right, 'offset', offset + stepped) -- refused while memory is full
  if offset ~= 0 then slew(right, offset + stepped) end
  return right
end
