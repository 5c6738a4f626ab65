-- Writes a job and puts its id into its lane, or into intake where it has no class yet.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id, fingerprint: of the request
--   idempotency?: <tenant>:<idempotency key>
--   idempotency_ms: for how long that key is kept
--   lane, priority: '' for intake, and 0-9
--   takes_ms, not_before?: for how long it may take, and when it may start
--   request: as a worker gets it; beside the other fields, since it may be long
--   tenant, facts, max_attempts, metadata?, task_class?, pinned_model?, webhook?: further fields of the job
--   keep_ms?: for how long its record is kept at least
--   batch?, offset?: that it belongs to, and its byte in the input
-- returns:
--   status: 'accepted' | 'repeat' | 'conflict' | 'closed'; a repeat is the same request under the same id or key, closed
--   is a batch that takes no more jobs
--   id: of the job
-- uses: time, wake, lane
local now = clock(args.now)
local id, fingerprint, idempotency = args.id, args.fingerprint, args.idempotency

local known = redis.call('HGET', key.job(id), 'fingerprint')
if not known and idempotency then
  local first = redis.call('GET', key.idempotency(idempotency))
  local fields = first and redis.call('HGET', key.job(first), 'fingerprint')
  if fields then id, known = first, fields end
end
if known then
  return {'status', known == fingerprint and 'repeat' or 'conflict', 'id', id}
end
if args.batch and redis.call('HGET', key.batch(args.batch), 'status') ~= 'in_progress' then
  return {'status', 'closed', 'id', id}
end

local start = math.max(now, args.not_before or 0)
local deadline = start + args.takes_ms
local seq = redis.call('INCR', key.sequence())
local more = {}
local function add(name, value)
  if value then more[#more + 1], more[#more + 2] = name, value end
end
add('metadata', args.metadata)
add('task_class', args.task_class)
add('pinned_model', args.pinned_model)
add('webhook', args.webhook)
add('keep', args.keep_ms)
add('batch', args.batch)
add('offset', args.offset)
redis.call('HSET', key.job(id),
  'state', 'pending', 'seq', seq, 'fingerprint', fingerprint, 'lane', args.lane, 'priority', args.priority,
  'submitted', now, 'deadline', deadline, 'may_take', args.takes_ms, 'tenant', args.tenant, 'facts', args.facts,
  'max_attempts', args.max_attempts, unpack(more))
redis.call('SET', key.request(id), args.request)
if idempotency then
  redis.call('SET', key.idempotency(idempotency), id, 'PX', start - now + args.idempotency_ms)
end
redis.call('ZADD', key.deadlines(), deadline, id)
redis.call('ZADD', key.state('pending'), seq, id)
if start > now then
  redis.call('HSET', key.job(id), 'not_before', start)
  redis.call('ZADD', key.delayed(), start, id)
else
  enter(id, args.lane, args.priority, seq)
end
wake()
return {'status', 'accepted', 'id', id}
