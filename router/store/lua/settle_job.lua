-- Ends an attempt, fenced by its binding: the job succeeds, fails, or goes back to wait; statistics and health follow.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a worker expects to show the second
--   id, binding: of the job
--   token: of this settle
--   state: 'succeeded' | 'failed' | 'expired' | 'pending'
--   result: as JSON where it succeeded, else ''; beside the other fields, since it may be long
--   kind, message: of the error, or ''
--   attempt: its record, without its end
--   lane, wait_ms: where it waits again, and for how long it waits first
--   spends_attempt: false where the attempt does not count
--   tokens?, output_tokens: really used
--   latency_ms?, cost_micro_usd: of the call
--   cool_ms: to cool the model for
--   stop, key_print: 'paused' | 'down' | '', and the fingerprint of the key that was used
--   certain: false where the refusal may be this job's alone: then it takes several jobs in a row to close the model
--   refused: true where nothing was sent or done, which is counted instead of an attempt
--   fault?: true where the error is the model's own fault, false where it answered
--   breaker: of the model
--     window_ms, min_calls: over which it counts, and how many are enough; 0 calls is no breaker
--     error_ratio: of faults that opens it
--     open_ms, max_open_ms, probes: for how long it is open, and how many answers close it
--     suspect_after: faults in a row that make the model suspect; 0 for never
--   reported: what the vendor still allows
--     requests?, tokens?: of each
--       count, reset_ms: how many are left, until when
--   result_ms, dead_ms: for how long a result, and a dead letter, is kept
-- returns: the state the job is in now, or 'stale'; a repeat with the same token returns the first answer
-- uses: time, wake, move, lane, running, reservation, measure, allowance, breaker, suspicion, batch, delivery, finish
local now = clock(args.now, args.expected)
local id, binding, token = args.id, tostring(args.binding), args.token
local outcome, kind, message, wait = args.state, args.kind, args.message, args.wait_ms
local job = redis.call('HMGET', key.job(id), 'state', 'binding', 'model', 'deadline', 'settled:' .. binding, 'started',
  'counted', 'streamed')
if job[5] then
  local first, answer = job[5]:match('^(%S+) (%S+)$')
  return first == token and answer or 'stale'
end
if job[1] ~= 'running' or job[2] ~= binding then return 'stale' end
local model = job[3]
if outcome == 'pending' and now + wait >= tonumber(job[4]) then
  outcome, kind = 'expired', 'expired'
  message = 'the deadline comes before the next try; the last one: ' .. args.kind .. ': ' .. message
end
if outcome == 'pending' and job[8] == binding then
  -- whoever reads the stream has its first words, and another answer would not go on from them
  outcome, message = 'failed', 'the answer broke off after its first words: ' .. message
end

-- Notes that the model failed the job, which then prefers another; the last one stands last.
local function remember_failed(id, model)
  local kept = {}
  for name in (redis.call('HGET', key.job(id), 'failed_by') or ''):gmatch('[^,]+') do
    if name ~= model then kept[#kept + 1] = name end
  end
  kept[#kept + 1] = model
  redis.call('HSET', key.job(id), 'failed_by', table.concat(kept, ','))
end

local record, failed = args.attempt, nil
if args.fault ~= nil then failed = args.fault and 1 or 0 end

end_running(model, id)
redis.call('HSET', key.job(id), 'settled:' .. binding, token .. ' ' .. outcome)
record.ended, record.started = now / 1000, tonumber(job[6]) / 1000
redis.call('RPUSH', key.history(id), cjson.encode(record))
redis.call('DEL', key.decision(id)) -- it stands in the record
if not args.spends_attempt then redis.call('HINCRBY', key.job(id), 'attempts', -1) end
if args.refused then redis.call('HINCRBY', key.job(id), 'rate_limits', 1) end
if args.tokens then correct(model, id .. '.' .. binding, args.tokens) end

local stats = key.stats(model)
redis.call('HINCRBY', stats, args.kind == '' and 'succeeded' or 'error:' .. args.kind, 1)
redis.call('HINCRBY', stats, 'cost_micro_usd', args.cost_micro_usd)
if args.latency_ms then
  measure_latency(model, now, args.latency_ms, args.output_tokens, record.first_token_seconds)
end
if failed then measure_errors(model, now, failed) end
local probed = redis.call('ZREM', key.probes(model), id .. '.' .. binding) == 1
judge_breaker(model, now, probed, failed, args.breaker)
judge_suspicion(model, now, probed, failed, args.kind, tonumber(job[6]), args.breaker.suspect_after)
record_allowance(model, job[7], tonumber(job[6]), now, args.reported)

if args.cool_ms > 0 then
  local cooled = tonumber(redis.call('HGET', key.model(model), 'cooled_until') or '0')
  redis.call('HSET', key.model(model), 'cooled_until', math.max(cooled, now + args.cool_ms),
    'cooled_why', args.kind .. ': ' .. args.message)
end
if args.stop ~= '' then
  close_model(model, now, id, {stop = args.stop, why = args.kind .. ': ' .. args.message, key_print = args.key_print,
    certain = args.certain})
end

if outcome == 'succeeded' then
  finish('settle', id, 'running', outcome, {now = now, ttl = args.result_ms, result_json = args.result})
elseif outcome == 'pending' then
  move('settle', id, 'running', 'pending')
  redis.call('HDEL', key.job(id), 'claim', 'faults', 'deferred')
  redis.call('HSET', key.job(id), 'lane', args.lane)
  if failed == 1 then remember_failed(id, model) end
  if wait > 0 then
    redis.call('HSET', key.job(id), 'not_before', now + wait)
    redis.call('ZADD', key.delayed(), now + wait, id)
  else
    give_back(id)
  end
else
  finish('settle', id, 'running', outcome, {now = now, ttl = args.dead_ms, kind = kind, message = message})
end
wake()
return outcome
