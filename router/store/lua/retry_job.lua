-- Lets a dead letter begin anew, in its old place: attempts, losses and deadline start afresh, its history stays.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id: the job
-- returns: nothing where it is unknown, else
--   before, after: its state before, and now; a job that is no dead letter stays as it is
-- uses: time, wake, move, lane, batch
local now = clock(args.now)
local id = args.id
local job = redis.call('HMGET', key.job(id), 'state', 'error_kind', 'may_take', 'priority', 'seq', 'batch')
local state = job[1]
if not state then return {} end
local whole = redis.call('EXISTS', key.request(id)) == 1
if not whole or not may('retry', state, 'pending') then return {'before', state, 'after', state} end

redis.call('ZREM', key.dead(job[2]), id)
redis.call('ZREM', key.finished(), id)
redis.call('DEL', results .. id, key.decision(id))
redis.call('HDEL', key.job(id), 'finished', 'error_kind', 'error_message', 'rate_limits', 'model', 'streamed', 'failed_by',
  'faults', 'deferred')
redis.call('PERSIST', key.job(id))
redis.call('PERSIST', key.request(id))
redis.call('PERSIST', key.history(id))
move('retry', id, state, 'pending')
if job[6] then uncount_end(job[6], state) end
redis.call('HINCRBY', key.job(id), 'binding', 1) -- its events are named by it, and there will be a second end
local deadline = now + tonumber(job[3])
redis.call('HSET', key.job(id), 'lane', '', 'attempts', 0, 'losses', 0, 'submitted', now, 'deadline', deadline)
redis.call('ZADD', key.deadlines(), deadline, id)
enter(id, '', job[4], job[5])
wake()
return {'before', state, 'after', 'pending'}
