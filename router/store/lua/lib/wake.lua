-- Tells every dispatcher that there may be something to bind.
local function wake()
  redis.call('PUBLISH', key.wake(), '1')
end
