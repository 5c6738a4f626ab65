-- Forgets a job that has ended, and all that is kept of it; the lines of a batch belong to the batch and stay.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   id: the job
-- returns: 'unknown', 'open' for a job that has not ended, 'batch' for the line of one, or 'forgotten'
local id = args.id
local job = redis.call('HMGET', key.job(id), 'state', 'batch', 'error_kind')
if not job[1] then return 'unknown' end
if job[2] then return 'batch' end
if not redis.call('ZSCORE', key.finished(), id) then return 'open' end

redis.call('ZREM', key.finished(), id)
redis.call('ZREM', key.state(job[1]), id)
if job[3] then redis.call('ZREM', key.dead(job[3]), id) end
redis.call('DEL', key.job(id), key.request(id), key.decision(id), key.echo(id), key.history(id), results .. id)
return 'forgotten'
