-- Gives a delivery to a sender for one lease, where the number of its message is the current one and nobody has it.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id, number: the delivery, and the number of its message
--   token: of this claim
--   lease_ms: for how long it lasts
-- returns: the status alone where it is 'stale', else
--   status: 'claimed', also for a repeat with the same token
--   event, about, tenant, target: what is to be told, and to whom
--   created: ms
--   tries: so far
-- uses: time, delivery
local now = clock(args.now)
local id, token = args.id, args.token
local d = redis.call('HMGET', key.delivery(id), 'state', 'number', 'holder', 'seq', 'receiver',
  'event', 'about', 'tenant', 'target', 'created', 'tries')
if d[1] ~= 'waiting' or d[2] ~= tostring(args.number) or not (d[3] == '' or d[3] == token) then return {'status', 'stale'} end

redis.call('ZREM', key.parked(d[5]), id) -- a removal first, so that a Redis with its memory full lets the script pass
local till = now + args.lease_ms
redis.call('HSET', key.delivery(id), 'holder', token)
redis.call('ZADD', key.sending(d[5]), till, id)
redis.call('ZADD', key.deliveries('waiting'), moment(till, tonumber(d[4])), id)
return {'status', 'claimed', 'event', d[6], 'about', d[7], 'tenant', d[8], 'target', d[9], 'created', d[10],
  'tries', d[11]}
