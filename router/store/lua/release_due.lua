-- Gives unclaimed bindings of one model back to their lanes: those past their deadline, or all of them.
-- A message that still waits in the queue of busy workers is not late: its deadline moves on.
-- What was bound before the model's last claim tells of a lost message, not of workers that take no jobs: it goes back
-- without counting towards the cooling.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a dispatcher expects to show the second
--   model: its name
--   all_of_them: true for all but the probe of a suspect model, false for those that are due
--   release_ms: by which a deadline moves on
--   most: how many at most
--   unclaimed_that_cool: releases in a row of bindings that nobody claimed
--   cool_ms: for how long they cool the model
--   dead_ms: for how long a dead letter is kept
-- returns:
--   released, moved_on: how many were
-- uses: time, keep_time, wake, move, lane, running, reservation, capacity, batch, delivery, finish, trouble, fault
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local now = kept_clock(args.now, args.expected)
local model, all = args.model, args.all_of_them
local ids = redis.call('ZRANGEBYSCORE', key.bound(model), '-inf', all and '+inf' or now, 'LIMIT', 0, args.most)
if #ids == 0 then return {'released', 0, 'moved_on', 0} end

local waiting = {}
for _, message in ipairs(redis.call('LRANGE', queues .. model, 0, -1)) do
  local task = message:match('"id": ?"([A-Za-z0-9_-]+%.%d+)"')
  if task then waiting[task] = message end
end
local slots = presence(model, now)
local _, running = depth(model)
local busy = slots > 0 and running >= slots
local _, suspect = is_open(model, now)

local claimed = tonumber(redis.call('HGET', key.model(model), 'claimed') or '0')
local released, moved, ignored = 0, 0, 0
local how = {now = now, dead_ms = args.dead_ms, doing = 'giving its binding back'}

local function release(id)
  local job = redis.call('HMGET', key.job(id), 'binding', 'bound_at', 'state')
  if not job[3] then return forget_lost(id, key.bound(model)) end
  local task = id .. '.' .. (job[1] or '')
  if job[3] ~= 'bound' then -- its ledger is not this one: what its record says of it was damaged meanwhile
    redis.call('ZREM', key.bound(model), id)
    return drop_reservations_of(model, id)
  end
  local probe = all and suspect and redis.call('ZSCORE', key.probes(model), task)
  if probe then return nil end -- it is to be carried out, however the model does
  if waiting[task] and busy and not all then
    redis.call('ZADD', key.bound(model), now + args.release_ms, id)
    moved = moved + 1
    return nil
  end
  redis.call('ZREM', key.bound(model), id)
  if waiting[task] then redis.call('LREM', queues .. model, 1, waiting[task]) end
  drop_reservation(model, task)
  move('release', id, 'bound', 'pending')
  give_back(id)
  released = released + 1
  if (tonumber(job[2]) or 0) >= claimed then ignored = ignored + 1 end
end

for _, id in ipairs(ids) do
  alone(key.bound(model), id, how, release)
end

if ignored > 0 and not all then
  local unclaimed = redis.call('HINCRBY', key.model(model), 'unclaimed', ignored)
  if unclaimed >= args.unclaimed_that_cool then
    redis.call('HDEL', key.model(model), 'unclaimed')
    local cooled = tonumber(redis.call('HGET', key.model(model), 'cooled_until') or '0')
    redis.call('HSET', key.model(model), 'cooled_until', math.max(cooled, now + args.cool_ms),
      'cooled_why', 'its workers announce slots but do not claim their jobs')
  end
end
if released > 0 then wake() end
return {'released', released, 'moved_on', moved}
