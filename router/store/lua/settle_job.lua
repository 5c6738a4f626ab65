-- Ends an attempt, fenced by its binding: the job succeeds, fails, or goes back to wait; statistics and health follow.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: job id   ARGV[3]: binding   ARGV[4]: token of this settle
-- ARGV[5]: 'succeeded' | 'failed' | 'expired' | 'pending'
-- ARGV[6]: result as JSON where succeeded; else ''   ARGV[7]: error kind, or ''   ARGV[8]: error message
-- ARGV[9]: record of the attempt as JSON, without its end   ARGV[10]: lane to wait in   ARGV[11]: ms to wait first
-- ARGV[12]: 1 where the attempt does not count   ARGV[13]: tokens really used, or -1
-- ARGV[14]: latency of the call in ms, or -1   ARGV[15]: cost in millionths of a USD
-- ARGV[16]: ms to cool the model for   ARGV[17]: 'paused' | 'down' | ''   ARGV[18]: fingerprint of the key used
-- ARGV[19]: ms that a result is kept   ARGV[20]: 1 where the error is the model's own fault, 0 where it answered, else ''
-- ARGV[21]: output tokens, or 0
-- The model's breaker: ARGV[22]: ms of its window   ARGV[23]: least calls in it (0: no breaker)   ARGV[24]: ratio of
-- faults that opens it   ARGV[25]: ms open at first   ARGV[26]: ms open at most   ARGV[27]: probes that close it
-- ARGV[28]: ms that a dead letter is kept
-- ARGV[29]: what the vendor still allows, as JSON: {requests: [how many are left, ms until the reset], tokens: the same}
-- returns: {the state the job is in now} or {'stale'}; a repeat with the same token returns the first answer
-- uses: time, wake, move, lane, reservation, measure, allowance, breaker, batch, delivery, finish
local now = clock(ARGV[1])
local id, binding, token, outcome, kind = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[7]
local message, ttl = ARGV[8], tonumber(ARGV[19])
local job = redis.call('HMGET', key.job(id), 'state', 'binding', 'model', 'deadline', 'settled:' .. binding, 'started',
  'counted', 'streamed')
if job[5] then
  local first, answer = job[5]:match('^(%S+) (%S+)$')
  return {first == token and answer or 'stale'}
end
if job[1] ~= 'running' or job[2] ~= binding then return {'stale'} end
local model, wait = job[3], tonumber(ARGV[11])
if outcome == 'pending' and now + wait >= tonumber(job[4]) then
  outcome, kind = 'expired', 'expired'
  message = 'the deadline comes before the next try; the last one: ' .. ARGV[7] .. ': ' .. message
end
if outcome == 'pending' and job[8] == binding then
  -- whoever reads the stream has its first words, and another answer would not go on from them
  outcome, message = 'failed', 'the answer broke off after its first words: ' .. message
end

local record, allowed = cjson.decode(ARGV[9]), cjson.decode(ARGV[29])
for i = 11, 16 do assert(tonumber(ARGV[i]), 'ARGV[' .. i .. '] is no number') end
local rules = {window = tonumber(ARGV[22]), calls = tonumber(ARGV[23]), ratio = tonumber(ARGV[24]),
  open = tonumber(ARGV[25]), most = tonumber(ARGV[26]), probes = tonumber(ARGV[27])}

redis.call('ZREM', key.running(model), id)
redis.call('HSET', key.job(id), 'settled:' .. binding, token .. ' ' .. outcome)
record.ended, record.started = now / 1000, tonumber(job[6]) / 1000
redis.call('RPUSH', key.history(id), cjson.encode(record))
redis.call('DEL', key.decision(id)) -- it stands in the record
if ARGV[12] == '1' then redis.call('HINCRBY', key.job(id), 'attempts', -1) end
if ARGV[7] == 'rate_limited' then redis.call('HINCRBY', key.job(id), 'rate_limits', 1) end
if tonumber(ARGV[13]) >= 0 then correct(model, id .. '.' .. binding, tonumber(ARGV[13])) end

local stats = key.stats(model)
redis.call('HINCRBY', stats, ARGV[7] == '' and 'succeeded' or 'error:' .. ARGV[7], 1)
redis.call('HINCRBY', stats, 'cost_micro_usd', ARGV[15])
if tonumber(ARGV[14]) >= 0 then
  measure_latency(model, now, tonumber(ARGV[14]), tonumber(ARGV[21]), record.first_token_seconds)
end
if ARGV[20] ~= '' then measure_errors(model, now, tonumber(ARGV[20])) end
judge_breaker(model, now, id .. '.' .. binding, tonumber(ARGV[20]), rules)
record_allowance(model, job[7], tonumber(job[6]), now, allowed)

if tonumber(ARGV[16]) > 0 then
  local cooled = tonumber(redis.call('HGET', key.model(model), 'cooled_until') or '0')
  redis.call('HSET', key.model(model), 'cooled_until', math.max(cooled, now + tonumber(ARGV[16])),
    'cooled_why', ARGV[7] .. ': ' .. ARGV[8])
end
if ARGV[17] ~= '' then
  redis.call('HSET', key.model(model), ARGV[17], ARGV[7] .. ': ' .. ARGV[8], 'down_key', ARGV[18])
end

if outcome == 'succeeded' then
  finish('settle', id, 'running', outcome, {now = now, ttl = ttl, result_json = ARGV[6]})
elseif outcome == 'pending' then
  move('settle', id, 'running', 'pending')
  redis.call('HDEL', key.job(id), 'claim')
  redis.call('HSET', key.job(id), 'lane', ARGV[10])
  if wait > 0 then
    redis.call('HSET', key.job(id), 'not_before', now + wait)
    redis.call('ZADD', key.delayed(), now + wait, id)
  else
    give_back(id)
  end
else
  finish('settle', id, 'running', outcome, {now = now, ttl = tonumber(ARGV[28]), kind = kind, message = message})
end
wake()
return {outcome}
