-- Lets a batch be cancelled by whoever looks after it next.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id: the batch
--   cancellable: statuses from which it can be
-- returns: nothing where it is unknown, else
--   before, after: its status before, and now
-- uses: time, batch
local now = clock(args.now)
local id = args.id
local status = redis.call('HGET', key.batch(id), 'status')
if not status then return {} end
for _, cancellable in ipairs(args.cancellable) do
  if cancellable == status then
    redis.call('HSET', key.batch(id), 'status', 'cancelling', 'at:cancelling', now)
    call_for_look(id)
    return {'before', status, 'after', 'cancelling'}
  end
end
return {'before', status, 'after', status}
