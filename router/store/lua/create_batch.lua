-- Writes a batch and lets whoever looks after batches find it.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: batch id   ARGV[3]: tenant   ARGV[4]: fingerprint
-- ARGV[5]: <tenant>|batch:<idempotency key>, or ''   ARGV[6]: ms that it may take   ARGV[7]: ms that the key is kept
-- ARGV[8...]: further fields of the batch, name and value in turn
-- returns: {'accepted' | 'repeat' | 'conflict', batch id}; a repeat is the same request under the same id or key
-- uses: time, batch
local now = clock(ARGV[1])
local id, fingerprint = ARGV[2], ARGV[4]
local known = redis.call('HGET', key.batch(id), 'fingerprint')
if not known and ARGV[5] ~= '' then
  local first = redis.call('GET', key.idempotency(ARGV[5]))
  local print = first and redis.call('HGET', key.batch(first), 'fingerprint')
  if print then id, known = first, print end
end
if known then return {known == fingerprint and 'repeat' or 'conflict', id} end

redis.call('HSET', key.batch(id), 'status', 'validating', 'tenant', ARGV[3], 'fingerprint', fingerprint,
  'created', now, 'expires', now + tonumber(ARGV[6]), unpack(ARGV, 8))
if ARGV[5] ~= '' then redis.call('SET', key.idempotency(ARGV[5]), id, 'PX', ARGV[7]) end
redis.call('ZADD', key.batches(ARGV[3]), now, id)
redis.call('ZADD', key.batches(''), now, id)
redis.call('ZADD', key.open_batches(), now, id)
call_for_look(id)
return {'accepted', id}
