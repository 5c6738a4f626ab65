-- Starts an attempt: checks the fence, starts the lease, returns what the worker has to know.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: job id   ARGV[3]: binding   ARGV[4]: token of this claim
-- ARGV[5]: worker   ARGV[6]: lease in ms   ARGV[7]: the model's timeout in ms   ARGV[8]: ms that a dead letter is kept
-- A job that reaches a worker while its model is cooled, or its vendor allows no more, goes back to its lane: its call
-- would only be refused too.
-- returns: {'claimed', request, attempt, ms left for the attempt, 1 where the deadline ends it, max attempts,
--           rate limits so far, lane, decision, now} or {'stale'}, {'closed'} or {'expired'};
--   a repeat with the same token returns 'claimed' again
-- uses: time, wake, move, lane, reservation, capacity, allowance, batch, delivery, finish
local SETTLE_GRACE = 5000 -- ms after its timeout in which an attempt may still be settled
local now = clock(ARGV[1])
local id, binding, token = ARGV[2], ARGV[3], ARGV[4]
local job = redis.call('HMGET', key.job(id), 'state', 'binding', 'claim', 'model', 'deadline', 'attempts')
local state, model, deadline = job[1], job[4], tonumber(job[5])

local repeated = state == 'running' and job[2] == binding and job[3] == token
if not repeated and (state ~= 'bound' or job[2] ~= binding) then return {'stale'} end

local timeout = math.min(tonumber(ARGV[7]), deadline - now)
if not repeated then
  redis.call('ZREM', key.bound(model), id)
  if timeout <= 0 then
    drop_reservation(model, id .. '.' .. binding)
    finish('expire', id, 'bound', 'expired',
      {now = now, ttl = tonumber(ARGV[8]), kind = 'expired', message = 'the deadline passed before a call could start'})
    wake()
    return {'expired'}
  end
  local tokens = tokens_of(model, id .. '.' .. binding)
  if not is_open(model, now) or not may_begin(model, now, tokens) then
    drop_reservation(model, id .. '.' .. binding)
    move('release', id, 'bound', 'pending')
    give_back(id)
    wake()
    return {'closed'}
  end
  local attempt_end = now + timeout + SETTLE_GRACE
  move('claim', id, 'bound', 'running')
  redis.call('ZADD', key.running(model), math.min(now + tonumber(ARGV[6]), attempt_end), id)
  redis.call('HSET', key.job(id), 'claim', token, 'worker', ARGV[5], 'started', now, 'attempt_ends', attempt_end)
  redis.call('HINCRBY', key.job(id), 'attempts', 1)
  redis.call('HDEL', key.model(model), 'unclaimed')
  redis.call('HSET', key.job(id), 'counted', begin_call(model, now, tokens))
  redis.call('HSET', key.model(model), 'claimed', now)
  start_minute(model, id .. '.' .. binding, now)
end
local more = redis.call('HMGET', key.job(id), 'attempts', 'max_attempts', 'rate_limits', 'lane')
local last = deadline - now <= tonumber(ARGV[7]) and 1 or 0
return {'claimed', redis.call('GET', key.request(id)), more[1], timeout, last, more[2], more[3] or '0', more[4],
  redis.call('GET', key.decision(id)), now}
