-- Lets jobs whose payload is newer than what the workers of their models read wait, longer each time. One that is not
-- where it was seen any more is passed over.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   dead_ms: for how long a dead letter is kept
--   jobs: for each
--     id, why: in words
--     lane?: where it waits
--     binding?: under which it is held
--     decision?: its record as JSON, which says the same
-- returns: 1 where the job waits now, 0 where it was passed over, for each in order
-- uses: time, wake, move, lane, running, reservation, batch, delivery, finish, trouble, fault, whereabouts, defer
local now = clock(args.now)
local how = {now = now, dead_ms = args.dead_ms, doing = 'letting it wait'}

local function let_wait(id, job)
  if not is_still_there(id, job) then return 0 end
  local held = redis.call('HMGET', key.job(id), 'state', 'lane', 'model', 'binding')
  if job.lane then leave(id, job.lane) end
  withdraw(id, unpack(held))
  if held[1] == 'bound' then move('release', id, 'bound', 'pending') end
  if held[1] == 'running' then
    redis.call('HINCRBY', key.job(id), 'attempts', -1)
    move('reap', id, 'running', 'pending')
  end
  if job.decision then redis.call('SET', key.decision(id), job.decision) end
  if defer(id, now) == 1 then note_trouble(id, 'newer', job.why, 1) end
  return 1
end

local answers = {}
for i, job in ipairs(args.jobs) do
  answers[i] = alone(job.lane and key.lane(job.lane) or key.intake(), job.id, how, let_wait, job) or 0
end
if #answers > 0 then wake() end
return answers
