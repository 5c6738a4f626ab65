-- Milliseconds since 1970 by Redis's own clock, or what the caller passed in.
local function clock(given)
  if given then return given end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
