-- Lanes: a job's place is (9 - priority) * 10^12 + its submit number, smallest first; a record that has lost one of the
-- two comes as one that never had it.
local INTAKE = 'intake'

local function position(priority, seq)
  return (9 - (tonumber(priority) or 5)) * 1000000000000 + (tonumber(seq) or 0)
end

local function show_head(lane)
  local head = redis.call('ZRANGE', key.lane(lane), 0, 0, 'WITHSCORES')
  if head[1] then
    redis.call('ZADD', key.lanes(), head[2], lane)
  else
    redis.call('ZREM', key.lanes(), lane)
  end
end

local function enter(id, lane, priority, seq)
  if lane == '' then
    redis.call('ZADD', key.intake(), position(priority, seq), id)
    return
  end
  redis.call('ZADD', key.lane(lane), position(priority, seq), id)
  show_head(lane)
end

local function leave(id, lane)
  if lane == '' then return redis.call('ZREM', key.intake(), id) end
  local removed = redis.call('ZREM', key.lane(lane), id)
  if removed == 1 then show_head(lane) end
  return removed
end

-- Puts a job back where it came from, with its old place.
local function give_back(id)
  local job = redis.call('HMGET', key.job(id), 'lane', 'priority', 'seq')
  enter(id, job[1] or '', job[2], job[3])
end
