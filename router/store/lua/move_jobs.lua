-- Lets waiting jobs of one lane name another class or model: they go to intake, from where a dispatcher places them anew,
-- with their old positions. One that waits for its time goes there when that has come. A job that is not in this lane any
-- more is passed over.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   dead_ms: for how long a dead letter is kept
--   lane: the one they are in
--   jobs: their ids
--   task_class?, model?: what they name instead; with neither, what they named before
-- returns: how many jobs were moved
-- uses: time, wake, move, lane, running, reservation, batch, delivery, finish, trouble, fault
local how = {now = clock(args.now), dead_ms = args.dead_ms, doing = 'moving it'}

local function name_anew(id)
  if args.task_class then
    if redis.call('HEXISTS', key.job(id), 'task_class') == 0 then redis.call('HDEL', key.job(id), 'pinned_model') end
    redis.call('HSET', key.job(id), 'task_class', args.task_class)
  elseif args.model then
    redis.call('HDEL', key.job(id), 'task_class')
    redis.call('HSET', key.job(id), 'pinned_model', args.model)
  end
end

local function move_one(id)
  local job = redis.call('HMGET', key.job(id), 'state', 'lane', 'priority', 'seq')
  if not job[1] then return forget_lost(id, key.lane(args.lane)) end
  if job[1] ~= 'pending' or job[2] ~= args.lane then return nil end
  local stood = redis.call('ZREM', key.lane(args.lane), id) == 1
  if not stood and not redis.call('ZSCORE', key.delayed(), id) then return nil end
  redis.call('HSET', key.job(id), 'lane', '')
  redis.call('DEL', key.decision(id))
  name_anew(id)
  if stood then enter(id, '', job[3], job[4]) end
  return true
end

local moved = 0
for _, id in ipairs(args.jobs) do
  if alone(key.lane(args.lane), id, how, move_one) then moved = moved + 1 end
end
show_head(args.lane)
if moved > 0 then wake() end
return moved
