-- Writes a batch and lets whoever looks after batches find it.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id, tenant, fingerprint: the batch, whose it is, and what was asked for
--   idempotency?: <tenant>|batch:<idempotency key>
--   idempotency_ms: for how long that key is kept
--   window_ms: that it may take
--   fields: what else is kept with it, by name
-- returns:
--   status: 'accepted' | 'repeat' | 'conflict'; a repeat is the same request under the same id or key
--   id: of the batch
-- uses: time, fields, batch
local now = clock(args.now)
local id, fingerprint = args.id, args.fingerprint
local known = redis.call('HGET', key.batch(id), 'fingerprint')
if not known and args.idempotency then
  local first = redis.call('GET', key.idempotency(args.idempotency))
  local print = first and redis.call('HGET', key.batch(first), 'fingerprint')
  if print then id, known = first, print end
end
if known then return {'status', known == fingerprint and 'repeat' or 'conflict', 'id', id} end

redis.call('HSET', key.batch(id), 'status', 'validating', 'tenant', args.tenant, 'fingerprint', fingerprint,
  'created', now, 'expires', now + args.window_ms, unpack(in_turn(args.fields)))
if args.idempotency then redis.call('SET', key.idempotency(args.idempotency), id, 'PX', args.idempotency_ms) end
redis.call('ZADD', key.batches(args.tenant), now, id)
redis.call('ZADD', key.batches(''), now, id)
redis.call('ZADD', key.open_batches(), now, id)
call_for_look(id)
return {'status', 'accepted', 'id', id}
