-- One job's trouble is that job's alone. Scripts that look at many jobs do their work `alone` for each: a job without a
-- record leaves the index, one that causes an error is put aside, and the others go on.
-- What is put aside waits among the delayed; after the third fault in a row it ends as a dead letter, in quarantine.
local FAULT_WAITS = {1000, 10000} -- ms until a job is tried again after its first and its second fault
local SERVERS_OWN = {'OOM ', 'MISCONF ', 'READONLY ', 'NOREPLICAS ', 'NOPERM ', 'MASTERDOWN ', 'CLUSTERDOWN '}

-- A job whose record is gone, perhaps thrown away by Redis: nothing can be done for it. Whoever finds it first takes it
-- out of all indexes but its lane, which nobody knows any more; so it is noted once.
local function forget_lost(id, index, why)
  local known = 0
  for _, other in ipairs({key.intake(), key.delayed(), key.deadlines(), key.finished(), key.state('pending'),
    key.state('bound'), key.state('running')}) do
    known = known + redis.call('ZREM', other, id)
  end
  for _, model in ipairs(redis.call('SMEMBERS', key.models())) do
    if redis.call('ZREM', key.bound(model), id) == 1 then drop_reservations_of(model, id) end
    end_running(model, id)
  end
  redis.call('ZREM', index, id)
  redis.call('DEL', key.request(id), key.decision(id), key.history(id), key.streamed_text(id), results .. id)
  if known > 0 then note_trouble(id, 'lost', why or 'its record is gone', 0) end
end

-- Takes a job from where its state says it is.
local function withdraw(id, state, lane, model, binding)
  if state == 'pending' then
    leave(id, lane or '')
    redis.call('ZREM', key.delayed(), id)
  elseif model then
    redis.call('ZREM', key.bound(model), id)
    end_running(model, id)
    if state == 'bound' then drop_reservation(model, id .. '.' .. (binding or '')) end
  end
end

-- Counts a fault of a job and puts it aside, for good after the last one or where `how.for_good` says so.
local function put_aside(id, why, how)
  local job = redis.call('HMGET', key.job(id), 'state', 'lane', 'model', 'binding')
  local state = job[1]
  if not may('quarantine', state, 'failed') then return 'gone' end
  local faults = redis.call('HINCRBY', key.job(id), 'faults', 1)
  withdraw(id, state, job[2], job[3], job[4])
  local wait = FAULT_WAITS[faults]
  if how.for_good or not wait then
    finish('quarantine', id, state, 'failed', {now = how.now, ttl = how.dead_ms, kind = 'quarantined', message = why})
    note_trouble(id, 'quarantined', why, faults)
    return 'quarantined'
  end
  if state == 'bound' then move('release', id, 'bound', 'pending') end
  if state == 'running' then move('reap', id, 'running', 'pending') end
  redis.call('HSET', key.job(id), 'not_before', how.now + wait)
  redis.call('ZADD', key.delayed(), how.now + wait, id)
  note_trouble(id, 'fault', why, faults)
  return 'delayed'
end

local function words_of(failure)
  local words = type(failure) == 'table' and (failure.err or '') or tostring(failure)
  for _, refusal in ipairs(SERVERS_OWN) do
    if words:find(refusal, 1, true) then error(failure, 0) end
  end
  return words
end

-- Does `work` on one job of an index. Returns what it returns, nil where it failed; what Redis refuses to everybody
-- fails the whole script.
local function alone(index, id, how, work, ...)
  local well, answer = pcall(work, id, ...)
  if well then return answer end
  local why = how.doing .. ': ' .. words_of(answer)
  local counted, failure = pcall(put_aside, id, why, how)
  if not counted then
    words_of(failure)
    forget_lost(id, index, why)
  end
  redis.call('ZREM', index, id)
  return nil
end
