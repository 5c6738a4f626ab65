-- Counts a fault of jobs that could not be classified, placed, bound or claimed, and puts them aside: for a while, or
-- after the third fault in a row for good, as dead letters. A job that is not where it failed any more is passed over:
-- another dispatcher was faster, and one fault that two of them met counts once.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   dead_ms: for how long a dead letter is kept
--   jobs: for each
--     id, message: what went wrong, in words
--     lane?: where it waits, '' for intake
--     binding?: under which it failed
--     for_good: true where it must not be tried again
-- returns: one of 'gone' | 'delayed' | 'quarantined' for each job, in order
-- uses: time, wake, move, lane, running, reservation, batch, delivery, finish, trouble, fault, whereabouts
local now = clock(args.now)

local function put(id, job)
  if job.lane and not redis.call('HGET', key.job(id), 'state') then
    leave(id, job.lane)
    forget_lost(id, key.intake())
    return 'delayed'
  end
  if not is_still_there(id, job) then return 'gone' end
  if job.lane then leave(id, job.lane) end
  return put_aside(id, job.message, {now = now, dead_ms = args.dead_ms, for_good = job.for_good})
end

local answers, changed = {}, false
local how = {now = now, dead_ms = args.dead_ms, for_good = true, doing = 'putting it aside'}
for i, job in ipairs(args.jobs) do
  local index = job.lane and job.lane ~= '' and key.lane(job.lane) or key.intake()
  answers[i] = alone(index, job.id, how, put, job) or 'quarantined'
  if job.lane and job.lane ~= '' then show_head(job.lane) end
  changed = changed or answers[i] ~= 'gone'
end
if changed then wake() end
return answers
