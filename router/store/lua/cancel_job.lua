-- Cancels a job wherever it is; a running call is stopped over pub/sub.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: job id   ARGV[3]: ms that a result is kept
-- ARGV[4]: who or what cancelled it, in words
-- returns: {'unknown'} or {the state before, the state now}; a job that has ended stays as it is
-- uses: time, wake, move, lane, reservation, batch, delivery, finish
local now = clock(ARGV[1])
local id = ARGV[2]
local job = redis.call('HMGET', key.job(id), 'state', 'lane', 'model', 'binding', 'attempts', 'worker', 'started')
local state, model = job[1], job[3]
if not state then return {'unknown'} end
if not may('cancel', state, 'cancelled') then return {state, state} end

if state == 'pending' then
  leave(id, job[2] or '')
elseif state == 'bound' then
  redis.call('ZREM', key.bound(model), id)
  drop_reservation(model, id .. '.' .. job[4])
else
  redis.call('ZREM', key.running(model), id)
  redis.call('HINCRBY', key.stats(model), 'error:cancelled', 1)
  redis.call('RPUSH', key.history(id), cjson.encode({
    number = tonumber(job[5]), binding = tonumber(job[4]), model = model, worker = job[6] or '',
    started = tonumber(job[7]) / 1000, ended = now / 1000, kind = 'cancelled', reason = ARGV[4],
  }))
  redis.call('PUBLISH', key.cancelled(), id)
end
finish('cancel', id, state, 'cancelled',
  {now = now, ttl = tonumber(ARGV[3]), kind = 'cancelled', message = ARGV[4]})
wake()
return {state, 'cancelled'}
