-- The state of a job, and its moves: the only place that writes `state` after submit. Publishes each move to those who follow the job.
local function may(verb, before, after)
  local moves = MOVES[verb] and MOVES[verb][before]
  return moves ~= nil and moves[after] == true
end

-- Celery's clients read STARTED, with the model and the number of the attempt, while a call is in flight. No job takes
-- longer than this is kept: its end overwrites it.
local STARTED_MS = 31 * 86400 * 1000

local function show_to_celery(id, before, after, model, attempt)
  if after == 'running' then
    local info = cjson.encode({model = model, attempt = tonumber(attempt)})
    redis.call('SET', results .. id, '{"status":"STARTED","result":' .. info .. ',"traceback":null,"children":[],"task_id":"' ..
      id .. '"}', 'PX', STARTED_MS)
  elseif before == 'running' and after == 'pending' then
    redis.call('DEL', results .. id)
  end
end

local function move(verb, id, before, after)
  if not may(verb, before, after) then
    error('no move ' .. verb .. ' from ' .. tostring(before) .. ' to ' .. after)
  end
  local job = redis.call('HMGET', key.job(id), 'seq', 'model', 'attempts')
  redis.call('ZREM', key.state(before), id)
  redis.call('ZADD', key.state(after), tonumber(job[1]) or 0, id)
  redis.call('HSET', key.job(id), 'state', after)
  redis.call('PUBLISH', key.events(id), after)
  show_to_celery(id, before, after, job[2], job[3])
end
