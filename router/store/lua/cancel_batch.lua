-- Lets a batch be cancelled by whoever looks after it next.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: batch id   ARGV[3...]: statuses from which it can be
-- returns: {'unknown'} or {the status before, the status now}
-- uses: time, batch
local now = clock(ARGV[1])
local id = ARGV[2]
local status = redis.call('HGET', key.batch(id), 'status')
if not status then return {'unknown'} end
for i = 3, #ARGV do
  if ARGV[i] == status then
    redis.call('HSET', key.batch(id), 'status', 'cancelling', 'at:cancelling', now)
    call_for_look(id)
    return {status, 'cancelling'}
  end
end
return {status, status}
