-- Moves classified jobs from intake to their lanes; a job that has left intake meanwhile is passed over.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV: job id, task class or '', lane and the step that decided, for each job in turn
-- returns: how many jobs were moved
-- uses: lane
local moved = 0
for i = 1, #ARGV, 4 do
  local id, lane = ARGV[i], ARGV[i + 2]
  if redis.call('ZREM', key.intake(), id) == 1 then
    redis.call('HSET', key.job(id), 'lane', lane, 'classified_by', ARGV[i + 3])
    if ARGV[i + 1] ~= '' then redis.call('HSET', key.job(id), 'task_class', ARGV[i + 1]) end
    local job = redis.call('HMGET', key.job(id), 'priority', 'seq')
    enter(id, lane, job[1], job[2])
    moved = moved + 1
  end
end
return moved
