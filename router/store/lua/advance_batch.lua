-- Notes how far a batch is, fenced by the token of its claim, and renews the lease.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: batch id   ARGV[3]: token of the claim
-- ARGV[4]: step of the claim, never used again: a repeat changes nothing   ARGV[5]: status it must be in
-- ARGV[6]: status it moves to, or ''   ARGV[7]: ms until somebody looks again; until then the lease lasts
-- ARGV[8]: ms that it is kept, '' where it has not ended   ARGV[9]: lines that were refused, <place>:<line> as JSON
-- ARGV[10...]: fields, name and value in turn
-- returns: {the status it is in now}; {'stale'} where another process has claimed it
-- uses: time, batch, delivery
local now = clock(ARGV[1])
local id, step = ARGV[2], ARGV[4]
local held = redis.call('HMGET', key.batch(id), 'token', 'status', 'step', 'webhook', 'tenant')
if held[1] ~= ARGV[3] then return {'stale'} end
if held[3] == ARGV[3] .. ' ' .. step or held[2] ~= ARGV[5] then return {held[2]} end
local status = ARGV[6] ~= '' and ARGV[6] or held[2]

redis.call('HSET', key.batch(id), 'step', ARGV[3] .. ' ' .. step, 'status', status, unpack(ARGV, 10))
if status ~= held[2] then redis.call('HSET', key.batch(id), 'at:' .. status, now) end
for _, line in ipairs(cjson.decode(ARGV[9])) do redis.call('RPUSH', key.ends(id), line) end
if ARGV[8] ~= '' then
  redis.call('ZREM', key.open_batches(), id)
  redis.call('PEXPIRE', key.batch(id), ARGV[8])
  redis.call('PEXPIRE', key.ends(id), ARGV[8])
  if held[4] then create_delivery(held[4], 'batch.' .. status, id, held[5], now) end
else
  redis.call('ZADD', key.open_batches(), now + tonumber(ARGV[7]), id)
  if status == 'in_progress' and all_ended(id) then call_for_look(id) end
end
return {status}
