-- Starts an attempt: checks the fence, starts the lease, returns what the worker has to know.
-- A job that reaches a worker while its model is cooled or suspect, or its vendor allows no more, goes back to its lane:
-- its call would only fail too. Probes of a suspect model are carried out.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a worker expects to show the second
--   id, binding: of the job
--   token: of this claim
--   worker: its name
--   schema: the newest payload that it can read
--   lease_ms: for how long it lasts
--   timeout_ms: of the model
--   dead_ms: for how long a dead letter is kept
-- returns: the status alone where it is 'stale', 'closed', 'newer' or 'expired', else
--   status: 'claimed', also for a repeat with the same token
--   request: as the worker gets it
--   attempt, max_attempts, rate_limits: which attempt this is, how many there may be, how often one was refused so far
--   timeout_ms, at_deadline: what is left for the attempt, and 1 where the deadline ends it
--   lane, decision: where it waited, and the last decision as JSON
--   failed_by: the models that failed it, separated by commas, the last one last
-- uses: time, wake, move, lane, running, reservation, capacity, allowance, batch, delivery, finish, defer
local SETTLE_GRACE = 5000 -- ms after its timeout in which an attempt may still be settled
local now = clock(args.now, args.expected)
local id, binding, token = args.id, tostring(args.binding), args.token
local job = redis.call('HMGET', key.job(id), 'state', 'binding', 'claim', 'model', 'deadline', 'attempts', 'facts')
local state, model, deadline = job[1], job[4], tonumber(job[5])

local repeated = state == 'running' and job[2] == binding and job[3] == token
if not repeated and (state ~= 'bound' or job[2] ~= binding) then return {'status', 'stale'} end

local timeout = math.min(args.timeout_ms, deadline - now)
if not repeated then
  redis.call('ZREM', key.bound(model), id)
  if timeout <= 0 then
    drop_reservation(model, id .. '.' .. binding)
    finish('expire', id, 'bound', 'expired',
      {now = now, ttl = args.dead_ms, kind = 'expired', message = 'the deadline passed before a call could start'})
    wake()
    return {'status', 'expired'}
  end
  local tokens = tokens_of(model, id .. '.' .. binding)
  local entry = id .. '.' .. binding
  if not takes(model, now, entry) or not may_begin(model, now, tokens) then
    drop_reservation(model, entry)
    move('release', id, 'bound', 'pending')
    give_back(id)
    wake()
    return {'status', 'closed'}
  end
  if schema_of(job[7]) > args.schema then
    drop_reservation(model, entry)
    move('release', id, 'bound', 'pending')
    defer(id, now)
    wake()
    return {'status', 'newer'}
  end
  local attempt_end = now + timeout + SETTLE_GRACE
  redis.call('HINCRBY', key.job(id), 'attempts', 1)
  move('claim', id, 'bound', 'running')
  begin_running(model, id, now, math.min(now + args.lease_ms, attempt_end))
  redis.call('HSET', key.job(id), 'claim', token, 'worker', args.worker, 'started', now, 'attempt_ends', attempt_end)
  redis.call('HDEL', key.model(model), 'unclaimed')
  redis.call('HSET', key.job(id), 'counted', begin_call(model, now, tokens))
  redis.call('HSET', key.model(model), 'claimed', now)
  start_minute(model, id .. '.' .. binding, now)
end
local more = redis.call('HMGET', key.job(id), 'attempts', 'max_attempts', 'rate_limits', 'lane', 'failed_by')
local last = deadline - now <= args.timeout_ms and 1 or 0
return {'status', 'claimed', 'request', redis.call('GET', key.request(id)), 'attempt', more[1], 'timeout_ms', timeout,
  'at_deadline', last, 'max_attempts', more[2], 'rate_limits', more[3] or '0', 'lane', more[4],
  'failed_by', more[5] or '', 'decision', redis.call('GET', key.decision(id))}
