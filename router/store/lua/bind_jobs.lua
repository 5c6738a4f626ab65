-- Gives jobs to models: re-checks slots, health, limits and what the vendor allows, writes the ledger and pushes the Celery message. A job
-- whose strategy chose a full model moves to the lane in which it waits for it. The strategies' memory is compared with
-- what this round started from, and set: where another dispatcher was faster, its jobs are decided again.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: token of this round   ARGV[3]: ms until release
-- ARGV[4]: window, as a share of the announced slots   ARGV[5]: how many models follow
-- ARGV: model, concurrency limit, requests/min, tokens/min (0: none), probes of its breaker and message template,
--   for each model
-- ARGV: how many cursors follow, and name, value before and value after, for each cursor
-- ARGV: job id, lane, model, tokens, decision or '' to keep the one it has, cursor or '', lane to move to or '',
--   for each job, to the end
-- returns: one of 'bound' | 'moved' | 'gone' | 'raced' | 'full' | 'limited' | 'closed' for each job, in order;
--   a repeat with the same token returns the first answer
-- uses: time, move, lane, reservation, capacity, allowance, breaker
local MOST_TOKENS = 1000000000
local now = clock(ARGV[1])
local token, release_ms, window = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local first = redis.call('GET', key.answer(token))
if first then return cjson.decode(first) end

local models, at = {}, 6
for _ = 1, tonumber(ARGV[5]) do
  local name, limit = ARGV[at], tonumber(ARGV[at + 1])
  forget_old(name, now)
  local free, probing = free_slots(name, now, limit, window), breaker(name, now).state == 'half_open'
  if probing then free = math.min(free, tonumber(ARGV[at + 4]) - probes_in_flight(name)) end
  models[name] = {
    free = free, probing = probing,
    open = is_open(name, now),
    requests = tonumber(ARGV[at + 2]), tokens = tonumber(ARGV[at + 3]), template = ARGV[at + 5],
    used_requests = redis.call('ZCARD', key.reservations(name)),
    used_tokens = tonumber(redis.call('HGET', key.reserved(name), 'total') or '0'),
    left = left_to_bind(name, now),
  }
  at = at + 6
end

local cursors = {}
for i = at + 1, at + 3 * tonumber(ARGV[at]), 3 do
  local held = redis.call('HGET', key.cursors(), ARGV[i]) or ''
  cursors[ARGV[i]] = {fresh = held == ARGV[i + 1], after = ARGV[i + 2]}
end
at = at + 1 + 3 * tonumber(ARGV[at])

local function refusal(id, lane, model, tokens, cursor, to)
  if not redis.call('ZSCORE', key.lane(lane), id) then return 'gone' end
  if redis.call('HGET', key.job(id), 'state') ~= 'pending' then return 'gone' end
  if not tokens or tokens ~= tokens or tokens < 0 or tokens > MOST_TOKENS then return 'limited' end
  if cursor ~= '' and not cursors[cursor].fresh then return 'raced' end
  if to ~= '' then return nil end
  if not model or not model.open then return 'closed' end
  if model.free < 1 then return 'full' end
  if model.requests > 0 and model.used_requests >= model.requests then return 'limited' end
  -- a job larger than the whole minute's tokens may go when nothing else is in the minute
  if model.tokens > 0 and model.used_tokens > 0 and model.used_tokens + tokens > model.tokens then
    return 'limited'
  end
  if model.left.requests and model.left.requests < 1 then return 'limited' end
  if model.left.tokens and model.left.tokens < tokens then return 'limited' end
  return nil
end

local function push(name, template, id, binding)
  local message = template:gsub('@JOB@', id):gsub('@BINDING@', tostring(binding))
  redis.call('LPUSH', queues .. name, message)
end

local touched, answers = {}, {}
for i = at, #ARGV, 7 do
  local id, lane, name, tokens = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  local cursor, to = ARGV[i + 5], ARGV[i + 6]
  local model = models[name]
  local refused = refusal(id, lane, model, tokens, cursor, to)
  answers[#answers + 1] = refused or (to == '' and 'bound' or 'moved')
  if not refused then
    redis.call('ZREM', key.lane(lane), id)
    touched[lane] = true
    if cursor ~= '' then cursors[cursor].used = true end
    if ARGV[i + 4] ~= '' then redis.call('SET', key.decision(id), ARGV[i + 4]) end
  end
  if not refused and to ~= '' then
    local job = redis.call('HMGET', key.job(id), 'priority', 'seq')
    redis.call('HSET', key.job(id), 'lane', to)
    redis.call('ZADD', key.lane(to), position(job[1], job[2]), id)
    touched[to] = true
  elseif not refused then
    local binding = redis.call('HINCRBY', key.job(id), 'binding', 1)
    move('bind', id, 'pending', 'bound')
    redis.call('HSET', key.job(id), 'model', name, 'bound_at', now)
    redis.call('SADD', key.models(), name)
    redis.call('ZADD', key.bound(name), now + release_ms, id)
    redis.call('HINCRBY', key.stats(name), 'served', 1)
    reserve(name, id .. '.' .. binding, tokens)
    if model.probing then redis.call('ZADD', key.probes(name), now, id .. '.' .. binding) end
    push(name, model.template, id, binding)
    model.free, model.used_requests = model.free - 1, model.used_requests + 1
    model.used_tokens = model.used_tokens + tokens
    if model.left.requests then model.left.requests = model.left.requests - 1 end
    if model.left.tokens then model.left.tokens = model.left.tokens - tokens end
  end
end
for lane in pairs(touched) do show_head(lane) end
for name, cursor in pairs(cursors) do
  if cursor.used then redis.call('HSET', key.cursors(), name, cursor.after) end
end
if #answers > 0 then redis.call('SET', key.answer(token), cjson.encode(answers), 'PX', 60000) end
return answers
