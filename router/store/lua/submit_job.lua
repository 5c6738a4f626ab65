-- Writes a job and puts its id into its lane, or into intake where it has no class yet.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: job id   ARGV[3]: fingerprint of the request
-- ARGV[4]: <tenant>:<idempotency key>, or ''   ARGV[5]: ms that the idempotency key is kept
-- ARGV[6]: lane, or '' for intake   ARGV[7]: priority 0-9   ARGV[8]: ms that it may take   ARGV[9]: not before, or ''
-- ARGV[10]: request as a worker gets it   ARGV[11]: the batch it belongs to, or ''
-- ARGV[12...]: further fields of the job, name and value in turn
-- returns: {'accepted' | 'repeat' | 'conflict' | 'closed', job id}; a repeat is the same request under the same id or
-- key, closed is a batch that takes no more jobs
-- uses: time, wake, lane
local now = clock(ARGV[1])
local id, fingerprint, idempotency = ARGV[2], ARGV[3], ARGV[4]

local known = redis.call('HGET', key.job(id), 'fingerprint')
if not known and idempotency ~= '' then
  local first = redis.call('GET', key.idempotency(idempotency))
  local fields = first and redis.call('HGET', key.job(first), 'fingerprint')
  if fields then id, known = first, fields end
end
if known then
  return {known == fingerprint and 'repeat' or 'conflict', id}
end
if ARGV[11] ~= '' and redis.call('HGET', key.batch(ARGV[11]), 'status') ~= 'in_progress' then
  return {'closed', id}
end

local start = math.max(now, tonumber(ARGV[9]) or 0)
local deadline = start + tonumber(ARGV[8])
local seq = redis.call('INCR', key.sequence())
redis.call('HSET', key.job(id),
  'state', 'pending', 'seq', seq, 'fingerprint', fingerprint, 'lane', ARGV[6], 'priority', ARGV[7],
  'submitted', now, 'deadline', deadline, 'may_take', ARGV[8], unpack(ARGV, 12))
redis.call('SET', key.request(id), ARGV[10])
if ARGV[11] ~= '' then redis.call('HSET', key.job(id), 'batch', ARGV[11]) end
if idempotency ~= '' then
  redis.call('SET', key.idempotency(idempotency), id, 'PX', start - now + tonumber(ARGV[5]))
end
redis.call('ZADD', key.deadlines(), deadline, id)
redis.call('ZADD', key.state('pending'), seq, id)
if start > now then
  redis.call('HSET', key.job(id), 'not_before', start)
  redis.call('ZADD', key.delayed(), start, id)
else
  enter(id, ARGV[6], ARGV[7], seq)
end
wake()
return {'accepted', id}
