-- Cancels a job wherever it is; a running call is stopped over pub/sub.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id: the job
--   result_ms: for how long a result is kept
--   reason: who or what cancelled it, in words
-- returns: nothing where it is unknown, else
--   before, after: its state before, and now; a job that has ended stays as it is
-- uses: time, wake, move, lane, running, reservation, batch, delivery, finish
local now = clock(args.now)
local id = args.id
local job = redis.call('HMGET', key.job(id), 'state', 'lane', 'model', 'binding', 'attempts', 'worker', 'started')
local state, model = job[1], job[3] or ''
if not state then return {} end
if not may('cancel', state, 'cancelled') then return {'before', state, 'after', state} end

if state == 'pending' then
  leave(id, job[2] or '')
elseif state == 'bound' then
  redis.call('ZREM', key.bound(model), id)
  drop_reservation(model, id .. '.' .. (job[4] or ''))
else
  end_running(model, id)
  redis.call('HINCRBY', key.stats(model), 'error:cancelled', 1)
  redis.call('RPUSH', key.history(id), cjson.encode({
    number = tonumber(job[5]) or 0, binding = tonumber(job[4]) or 0, model = model, worker = job[6] or '',
    started = (tonumber(job[7]) or now) / 1000, ended = now / 1000, kind = 'cancelled', reason = args.reason,
  }))
  redis.call('PUBLISH', key.cancelled(), id)
end
finish('cancel', id, state, 'cancelled',
  {now = now, ttl = args.result_ms, kind = 'cancelled', message = args.reason})
wake()
return {'before', state, 'after', 'cancelled'}
