-- Gives a delivery to a sender for one lease, where the number of its message is the current one and nobody has it.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: delivery   ARGV[3]: number of the message
-- ARGV[4]: token of this claim   ARGV[5]: ms that the lease lasts
-- returns: {'claimed', event, what it is about, tenant, target, ms when it was created, tries so far} or {'stale'};
--   a repeat with the same token returns 'claimed' again
-- uses: time, delivery
local now = clock(ARGV[1])
local id, token = ARGV[2], ARGV[4]
local d = redis.call('HMGET', key.delivery(id), 'state', 'number', 'holder', 'seq', 'receiver',
  'event', 'about', 'tenant', 'target', 'created', 'tries')
if d[1] ~= 'waiting' or d[2] ~= ARGV[3] or not (d[3] == '' or d[3] == token) then return {'stale'} end

redis.call('ZREM', key.parked(d[5]), id) -- a removal first, so that a Redis with its memory full lets the script pass
local till = now + tonumber(ARGV[5])
redis.call('HSET', key.delivery(id), 'holder', token)
redis.call('ZADD', key.sending(d[5]), till, id)
redis.call('ZADD', key.deliveries('waiting'), moment(till, tonumber(d[4])), id)
return {'claimed', d[6], d[7], d[8], d[9], d[10], d[11]}
