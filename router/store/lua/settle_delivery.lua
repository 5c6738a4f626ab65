-- Notes what came of a try, fenced by its number and its claim: delivered, dead, or waiting to be tried again.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?: ms; without it, our clock
--   id, number: the delivery, and the number of its message
--   token: of the claim
--   state: 'delivered' | 'dead' | 'waiting'
--   wait_ms: until the next try
--   record?: of the try as JSON, without its end; where nothing was sent, which does not count as a try, there is none
--   kept_ms: for how long an ended delivery is kept
-- returns: the state it is in now, or 'stale'; a repeat changes nothing
-- uses: time, delivery, sending
local now = clock(args.now)
local id, number, state = args.id, tostring(args.number), args.state
local d = redis.call('HMGET', key.delivery(id), 'state', 'number', 'holder', 'seq', 'receiver', 'try:' .. number)
if d[6] then return d[1] end
local held = d[3] == args.token or not args.record and d[3] == ''
if d[1] ~= 'waiting' or d[2] ~= number or not held then return 'stale' end

free(id, d[5], now)
if args.record then
  redis.call('HSET', key.delivery(id), 'try:' .. number, now .. ' ' .. args.record)
  redis.call('HINCRBY', key.delivery(id), 'tries', 1)
end
if state == 'waiting' then
  redis.call('ZADD', key.deliveries('waiting'), moment(now + args.wait_ms, tonumber(d[4])), id)
  redis.call('PUBLISH', key.delivery_due(), '1')
else
  close(id, tonumber(d[4]), state, now, args.kept_ms)
end
return state
