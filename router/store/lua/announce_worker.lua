-- Says that a worker process lives and how many slots it has for each of its models.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: worker   ARGV[3]: ms until this is forgotten
-- ARGV[4]: version of the worker's configuration   ARGV: model, slots and fingerprint of its API key, in turn
-- returns: how many models are new to this worker
-- uses: time, wake
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local now = clock(ARGV[1])
local changed = 0
for i = 5, #ARGV, 3 do
  local model = ARGV[i]
  local fields = cjson.encode({slots = tonumber(ARGV[i + 1]), expires = now + tonumber(ARGV[3]), config = ARGV[4]})
  changed = changed + redis.call('HSET', key.workers(model), ARGV[2], fields)
  local down = redis.call('HMGET', key.model(model), 'down', 'down_key')
  if down[1] and down[2] ~= ARGV[i + 2] then -- the key that was refused has been changed
    redis.call('HDEL', key.model(model), 'down', 'down_key')
    changed = changed + 1
  end
end
if changed > 0 then wake() end
return changed
