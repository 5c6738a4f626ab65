-- The state of a job, and its moves: the only place that writes `state` after submit. Publishes each move to those who follow the job.
local function may(verb, before, after)
  local moves = MOVES[verb] and MOVES[verb][before]
  return moves ~= nil and moves[after] == true
end

local function move(verb, id, before, after)
  if not may(verb, before, after) then
    error('no move ' .. verb .. ' from ' .. tostring(before) .. ' to ' .. after)
  end
  local seq = redis.call('HGET', key.job(id), 'seq')
  redis.call('ZREM', key.state(before), id)
  redis.call('ZADD', key.state(after), tonumber(seq) or 0, id)
  redis.call('HSET', key.job(id), 'state', after)
  redis.call('PUBLISH', key.events(id), after)
end
