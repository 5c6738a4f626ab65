-- Notes what came of a try, fenced by its number and its claim: delivered, dead, or waiting to be tried again.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: delivery   ARGV[3]: number of the message
-- ARGV[4]: token of the claim   ARGV[5]: 'delivered' | 'dead' | 'waiting'   ARGV[6]: ms to wait
-- ARGV[7]: record of the try as JSON, without its end; '' where nothing was sent, which does not count as a try
-- ARGV[8]: ms that an ended delivery is kept
-- returns: {the state it is in now} or {'stale'}; a repeat changes nothing
-- uses: time, delivery, sending
local now = clock(ARGV[1])
local id, number, state = ARGV[2], ARGV[3], ARGV[5]
local d = redis.call('HMGET', key.delivery(id), 'state', 'number', 'holder', 'seq', 'receiver', 'try:' .. number)
if d[6] then return {d[1]} end
local held = d[3] == ARGV[4] or ARGV[7] == '' and d[3] == ''
if d[1] ~= 'waiting' or d[2] ~= number or not held then return {'stale'} end

free(id, d[5], now)
if ARGV[7] ~= '' then
  redis.call('HSET', key.delivery(id), 'try:' .. number, now .. ' ' .. ARGV[7])
  redis.call('HINCRBY', key.delivery(id), 'tries', 1)
end
if state == 'waiting' then
  redis.call('ZADD', key.deliveries('waiting'), moment(now + tonumber(ARGV[6]), tonumber(d[4])), id)
  redis.call('PUBLISH', key.delivery_due(), '1')
else
  close(id, tonumber(d[4]), state, now, tonumber(ARGV[8]))
end
return {state}
