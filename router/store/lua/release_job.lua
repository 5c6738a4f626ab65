-- Gives one unclaimed binding back to its lane with its old place; no attempt is spent.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   id, binding: of the job
-- returns: 'released' or 'stale'
-- uses: wake, move, lane, reservation
local id, binding = args.id, tostring(args.binding)
local job = redis.call('HMGET', key.job(id), 'state', 'binding', 'model')
if job[1] ~= 'bound' or job[2] ~= binding then return 'stale' end
redis.call('ZREM', key.bound(job[3]), id)
drop_reservation(job[3], id .. '.' .. binding)
move('release', id, 'bound', 'pending')
give_back(id)
wake()
return 'released'
