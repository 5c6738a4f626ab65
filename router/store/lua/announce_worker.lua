-- Says that a worker process lives and how many slots it has for each of its models.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a worker expects to show the second
--   worker: its name
--   presence_ms: until this is forgotten
--   config: version of the worker's configuration
--   schema: the newest payload that it can read
--   offers: for each of its models
--     model, slots: how many calls at a time
--     key_print: fingerprint of its API key
-- returns:
--   now: ms
--   changed: how many models are new to this worker, or were opened by its key
-- uses: time, wake
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local now = clock(args.now, args.expected)
local changed = 0
for _, offer in ipairs(args.offers) do
  local model = offer.model
  local fields = cjson.encode({slots = offer.slots, expires = now + args.presence_ms, config = args.config, schema = args.schema})
  changed = changed + redis.call('HSET', key.workers(model), args.worker, fields)
  local down = redis.call('HMGET', key.model(model), 'down', 'down_key')
  if down[1] and down[1]:find('^auth') and down[2] ~= offer.key_print then -- the key that was refused has been changed
    redis.call('HDEL', key.model(model), 'down', 'down_key', 'strikes', 'faults', 'suspect', 'suspect_since', 'probe_at',
      'probes')
    changed = changed + 1
  end
end
if changed > 0 then wake() end
return {'now', now, 'changed', changed}
