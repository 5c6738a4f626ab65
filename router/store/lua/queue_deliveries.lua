-- Moves the deliveries that are due into the queue of the senders, under a lease: a message that is lost, and a sender
-- that is, bring their delivery back. A receiver that has enough under way has its other deliveries parked.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   template: of the messages
--   lost_ms: until a message counts as lost
--   per_receiver: how many at a time for one receiver
--   queue_at_most: how many may wait in the queue
--   most: how many are looked at, at most
--   tries: that a delivery has
--   dead_ms: for how long a dead one is kept
-- returns:
--   looked_at: how many
--   next_due_ms?: until the next is due
-- uses: time, delivery, sending
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local PARKED = 60000 -- ms until a parked delivery is looked at again by itself
local now = clock(args.now)
local lease, each, waiting = args.lost_ms, args.per_receiver, key.deliveries('waiting')
local room = args.queue_at_most - redis.call('LLEN', key.webhooks())

-- A sender claimed it and never said what came of it: it was killed, perhaps with the request on its way.
local function lost(id, d)
  redis.call('HSET', key.delivery(id), 'try:' .. d.number, now .. ' {"error":"its sender was lost"}')
  local tries = redis.call('HINCRBY', key.delivery(id), 'tries', 1)
  free(id, d.receiver, now)
  if tries < args.tries then return false end
  close(id, d.seq, 'dead', now, args.dead_ms)
  return true
end

local function send(id, d)
  local number = redis.call('HINCRBY', key.delivery(id), 'number', 1)
  redis.call('HSET', key.delivery(id), 'holder', '')
  redis.call('ZREM', key.parked(d.receiver), id)
  redis.call('ZADD', key.sending(d.receiver), now + lease, id)
  redis.call('ZADD', waiting, moment(now + lease, d.seq), id)
  redis.call('LPUSH', key.webhooks(), (args.template:gsub('@JOB@', id):gsub('@BINDING@', tostring(number))))
  room = room - 1
end

local function park(id, d)
  redis.call('ZADD', waiting, moment(now + PARKED, d.seq), id)
  redis.call('ZADD', key.parked(d.receiver), d.seq, id)
end

local due = redis.call('ZRANGEBYSCORE', waiting, '-inf', moment(now, 999), 'LIMIT', 0, args.most)
local seen = 0
for _, id in ipairs(due) do
  if room < 1 then break end
  seen = seen + 1
  local found = redis.pcall('HMGET', key.delivery(id), 'seq', 'receiver', 'number', 'holder')
  local d = {seq = tonumber(found[1]), receiver = found[2], number = found[3]}
  if not (d.seq and d.receiver and d.number) then -- nothing is left of it, or nothing that could be sent
    redis.call('ZREM', waiting, id)
  elseif not (found[4] and found[4] ~= '' and lost(id, d)) then
    redis.call('ZREMRANGEBYSCORE', key.sending(d.receiver), '-inf', now)
    if redis.call('ZCARD', key.sending(d.receiver)) < each then send(id, d) else park(id, d) end
  end
end
local first = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')
local next_due = first[2] and math.max(0, math.ceil(tonumber(first[2]) / 1000 - now))
return {'looked_at', seen, 'next_due_ms', next_due or false}
