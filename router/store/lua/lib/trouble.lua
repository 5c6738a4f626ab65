-- What has happened to single jobs: noted here, and written into the log by whichever dispatcher looks first.
local TROUBLES_KEPT = 1000

local function note_trouble(id, what, why, times)
  redis.call('RPUSH', key.troubles(), cjson.encode({id = id, what = what, why = why, times = times}))
  redis.call('LTRIM', key.troubles(), -TROUBLES_KEPT, -1)
end
