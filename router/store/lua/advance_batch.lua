-- Notes how far a batch is, fenced by the token of its claim, and renews the lease.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id, token: the batch, and the token of the claim
--   step: of the claim, never used again: a repeat changes nothing
--   before, to?: the status it must be in, and the one it moves to
--   look_again_ms: until somebody looks again; until then the lease lasts
--   kept_ms?: for how long it is kept, where it has ended
--   refused: lines that were refused, each <offset>:<line>
--   fields: what is to be kept with it, by name
-- returns: the status it is in now, or 'stale' where another process has claimed it
-- uses: time, fields, batch, delivery
local now = clock(args.now)
local id, step = args.id, args.token .. ' ' .. args.step
local held = redis.call('HMGET', key.batch(id), 'token', 'status', 'step', 'webhook', 'tenant')
if held[1] ~= args.token then return 'stale' end
if held[3] == step or held[2] ~= args.before then return held[2] end
local status = args.to or held[2]

redis.call('HSET', key.batch(id), 'step', step, 'status', status, unpack(in_turn(args.fields)))
if status ~= held[2] then redis.call('HSET', key.batch(id), 'at:' .. status, now) end
for _, line in ipairs(args.refused) do redis.call('RPUSH', key.ends(id), line) end
if args.kept_ms then
  redis.call('ZREM', key.open_batches(), id)
  redis.call('PEXPIRE', key.batch(id), args.kept_ms)
  redis.call('PEXPIRE', key.ends(id), args.kept_ms)
  if held[4] then create_delivery(held[4], 'batch.' .. status, id, held[5], now) end
else
  redis.call('ZADD', key.open_batches(), now + args.look_again_ms, id)
  if status == 'in_progress' and all_ended(id) then call_for_look(id) end
end
return status
