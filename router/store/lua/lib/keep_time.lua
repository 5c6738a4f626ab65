-- Keeps our clock: writes down what it shows, and by how much that is ahead of the host's. Every dispatcher does it in
-- every script of its own that looks at the time.
local SLEW = 0.01 -- share of the time by which our clock comes back to the host's

local function kept_clock(given, expected)
  if given then return given end
  local now, last, offset = read_clock()
  local right = math.max(now, last)
  if expected and math.abs(now - expected) > FAR then right = math.max(expected, last) end
  local stepped = right - now
  local slewed = math.min(math.abs(offset), math.floor((right - last) * SLEW))
  if stepped ~= 0 or last == 0 or offset == 0 then slewed = 0 end
  if offset < 0 then slewed = -slewed end
  redis.pcall('HSET', key.clock(), 'last', right, 'offset', offset + stepped - slewed) -- refused while memory is full
  return right
end
