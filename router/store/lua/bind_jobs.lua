-- Gives jobs to models: re-checks slots, health, limits and what the vendor allows, writes the ledger and pushes the Celery message. A job
-- whose strategy chose a full model moves to the lane in which it waits for it. The strategies' memory is compared with
-- what this round started from, and set: where another dispatcher was faster, its jobs are decided again.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a dispatcher expects to show the second
--   token: of this round
--   dead_ms: for how long a dead letter is kept
--   release_ms: until a binding that nobody claims is given back
--   window: as a share of the announced slots
--   models: for each
--     name, concurrency, requests_per_minute, tokens_per_minute: its limits; 0 is none
--     smooth: whether what is allowed in a minute is spread over it
--     probes: that its breaker allows
--     template: of its Celery messages
--   cursors: what the strategies remember, for each
--     name, before, after: its value where the round started, and the new one
--   jobs: for each
--     id, lane: where it waits
--     model?: that it goes to
--     tokens?: estimated
--     decision?: its record as JSON; without it, the job keeps the one it has
--     cursor?: name of the one that chose
--     to?: lane to move to instead
-- returns: one of 'bound' | 'moved' | 'gone' | 'raced' | 'full' | 'limited' | 'closed' | 'faulty' for each job, in
--   order; a repeat with the same token returns the first answer
-- uses: time, keep_time, move, lane, running, reservation, capacity, allowance, breaker, suspicion, batch, delivery, finish, trouble, fault
local MOST_TOKENS = 1000000000
local now = kept_clock(args.now, args.expected)
local first = redis.call('GET', key.answer(args.token))
if first then return cjson.decode(first) end

local models = {}
for _, model in ipairs(args.models) do
  local name = model.name
  forget_old(name, now)
  local open, suspect = is_open(name, now)
  local free, half_open = free_slots(name, now, model.concurrency, args.window), breaker(name, now).state == 'half_open'
  if half_open then free = math.min(free, model.probes - probes_in_flight(name)) end
  if suspect then free = math.min(free, probe_due(name, now) and 1 - probes_in_flight(name) or 0) end
  models[name] = {
    free = free, open = open, suspect = suspect, probing = half_open or suspect,
    requests = model.requests_per_minute, tokens = model.tokens_per_minute, template = model.template,
    used_requests = redis.call('ZCARD', key.reservations(name)),
    used_tokens = tonumber(redis.call('HGET', key.reserved(name), 'total') or '0'),
    left = left_to_bind(name, now),
    pace = model.smooth and pace_of(name, now, model),
  }
end

local cursors = {}
for _, cursor in ipairs(args.cursors) do
  local held = redis.call('HGET', key.cursors(), cursor.name) or ''
  cursors[cursor.name] = {fresh = held == cursor.before, after = cursor.after}
end

local function refusal(job, model)
  local id, tokens = job.id, job.tokens
  if not redis.call('ZSCORE', key.lane(job.lane), id) then return 'gone' end
  local state = redis.call('HGET', key.job(id), 'state')
  if state ~= 'pending' then
    leave(id, job.lane)
    if not state then forget_lost(id, key.lane(job.lane)) end
    return 'gone'
  end
  if not tokens or tokens ~= tokens or tokens < 0 or tokens > MOST_TOKENS then return 'limited' end
  if job.cursor and not cursors[job.cursor].fresh then return 'raced' end
  if job.to then return nil end
  if not model or not model.open then return 'closed' end
  if model.free < 1 then return 'full' end
  if model.requests > 0 and model.used_requests >= model.requests then return 'limited' end
  if model.pace and is_paced(model.pace.requests, model.requests) then return 'limited' end
  if model.pace and is_paced(model.pace.tokens, model.tokens) then return 'limited' end
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
local function place(id, job)
  local name, tokens, to = job.model, job.tokens, job.to
  local model = models[name or '']
  local refused = refusal(job, model)
  if refused then return refused end
  redis.call('ZREM', key.lane(job.lane), id)
  touched[job.lane] = true
  if job.cursor then cursors[job.cursor].used = true end
  if job.decision then redis.call('SET', key.decision(id), job.decision) end
  if to then
    local order = redis.call('HMGET', key.job(id), 'priority', 'seq')
    redis.call('HSET', key.job(id), 'lane', to)
    redis.call('ZADD', key.lane(to), position(order[1], order[2]), id)
    touched[to] = true
  else
    local binding = redis.call('HINCRBY', key.job(id), 'binding', 1)
    move('bind', id, 'pending', 'bound')
    redis.call('HSET', key.job(id), 'model', name, 'bound_at', now)
    redis.call('SADD', key.models(), name)
    redis.call('ZADD', key.bound(name), now + args.release_ms, id)
    redis.call('HINCRBY', key.stats(name), 'served', 1)
    reserve(name, id .. '.' .. binding, tokens)
    if model.probing then redis.call('ZADD', key.probes(name), now, id .. '.' .. binding) end
    if model.suspect then note_probe(name, now) end
    push(name, model.template, id, binding)
    local pace = model.pace
    if pace then
      pace.requests = pace.requests + stretched(pace, 1, model.used_requests, model.requests)
      pace.tokens = pace.tokens + stretched(pace, tokens, model.used_tokens, model.tokens)
      keep_pace(name, pace, now)
    end
    model.free, model.used_requests = model.free - 1, model.used_requests + 1
    model.used_tokens = model.used_tokens + tokens
    if model.left.requests then model.left.requests = model.left.requests - 1 end
    if model.left.tokens then model.left.tokens = model.left.tokens - tokens end
  end
  return to and 'moved' or 'bound'
end

local how = {now = now, dead_ms = args.dead_ms, doing = 'binding it'}
for i, job in ipairs(args.jobs) do
  answers[i] = alone(key.lane(job.lane), job.id, how, place, job)
  if not answers[i] then answers[i], touched[job.lane] = 'faulty', true end
end
for lane in pairs(touched) do show_head(lane) end
for name, cursor in pairs(cursors) do
  if cursor.used then redis.call('HSET', key.cursors(), name, cursor.after) end
end
if #answers > 0 then redis.call('SET', key.answer(args.token), cjson.encode(answers), 'PX', 60000) end
return answers
