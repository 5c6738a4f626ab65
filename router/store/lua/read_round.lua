-- Reads what one dispatcher round needs: the heads of the lanes and the state of every model.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a dispatcher expects to show the second
--   heads: how many in all
--   skip_lanes: how many to pass over
--   window: as a share of the announced slots
--   models: for each
--     name, guarded: false where nothing may make it suspect
-- returns:
--   now: ms
--   intake: its size
--   next_due?: when the next delayed job is due
--   lanes: the foremost head first, for each
--     name, waiting: how many wait
--     ids, positions, facts, failed_by: of its first jobs
--   more_lanes: 1 where more follow
--   models: as JSON, by name
--     slots, workers, bound, running, served?: what they announced, what is under way, and all that ever was
--     reads?: the newest payload that all its workers read
--     cooled_until?, paused?, down?, suspect?, probe_at?: its health, and when it may be probed again
--     requests, tokens?, oldest_leaves?: of the last minute, and when the oldest of these leaves it
--     paced_requests?, paced_tokens?, paced_at?: the levels that spread them over the minute, and as of when
--     latency_ms?, latency_at?, ms_per_token?, error_rate?, error_at?: as measured, and as of when
--     breaker, open_until, breaker_why, probes: 'closed' | 'open' | 'half_open'; probes in flight
--     requests_left?, requests_left_until, tokens_left?, tokens_left_until: what the vendor still allows
--   cursors: name and value in turn
-- uses: time, keep_time, reservation, capacity, allowance, breaker, suspicion
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local LANES_AT_MOST = 1000
local FEW = 16 -- heads of a lane that are read however full the models are
local now = kept_clock(args.now, args.expected)
local skip = args.skip_lanes
local names = redis.call('ZRANGE', key.lanes(), skip, skip + LANES_AT_MOST - 1)
local more = redis.call('ZCARD', key.lanes()) > skip + #names and #names > 0
local most = math.max(2, math.floor(args.heads / math.max(1, #names)))

local free, models = 0, {}
for _, one in ipairs(args.models) do
  local model = one.name
  forget_old(model, now)
  local slots, workers, reads = presence(model, now)
  local bound, running = depth(model)
  free = free + math.max(0, slots + math.floor(slots * args.window) - bound - running)
  if one.guarded then look_for_overdue(model, now, slots, running) end
  local health = redis.call('HMGET', key.model(model), 'cooled_until', 'paused', 'down', 'suspect', 'probe_at')
  if health[3] and not health[5] then -- closed by an older version, which did not probe
    wait_for_probe(model, now, DOWN_PROBES)
    health[5] = redis.call('HGET', key.model(model), 'probe_at')
  end
  local oldest = redis.call('ZRANGE', key.reservations(model), 0, 0, 'WITHSCORES')
  local pace = redis.call('HMGET', key.pace(model), 'requests', 'tokens', 'at')
  local stats = redis.call('HMGET', key.stats(model), 'served', 'latency_ms', 'latency_at', 'ms_per_token',
    'error_rate', 'error_at')
  local guard = breaker(model, now)
  local left = left_to_bind(model, now)
  models[model] = {
    slots = slots, workers = workers, reads = reads, bound = bound, running = running, served = stats[1] or nil,
    cooled_until = health[1] or nil, paused = health[2] or nil, down = health[3] or nil,
    suspect = health[4] or nil, probe_at = health[5] or nil,
    requests = redis.call('ZCARD', key.reservations(model)),
    tokens = redis.call('HGET', key.reserved(model), 'total') or nil,
    oldest_leaves = oldest[2],
    paced_requests = pace[1] or nil, paced_tokens = pace[2] or nil, paced_at = pace[3] or nil,
    latency_ms = stats[2] or nil, latency_at = stats[3] or nil, ms_per_token = stats[4] or nil,
    error_rate = stats[5] or nil, error_at = stats[6] or nil,
    breaker = guard.state, open_until = guard.till, breaker_why = guard.why,
    probes = (guard.state == 'half_open' or health[3] or health[4]) and probes_in_flight(model) or 0,
    requests_left = left.requests, requests_left_until = left.requests_until,
    tokens_left = left.tokens, tokens_left_until = left.tokens_until,
  }
end

local heads = math.min(most, math.max(FEW, free)) -- no more than can be bound; but jobs are also moved elsewhere
local lanes = {}
for i, name in ipairs(names) do
  local jobs = redis.call('ZRANGE', key.lane(name), 0, heads - 1, 'WITHSCORES')
  local ids, positions, facts, failed_by = {}, {}, {}, {}
  for j = 1, #jobs, 2 do
    local at = (j + 1) / 2
    local known = redis.pcall('HMGET', key.job(jobs[j]), 'facts', 'failed_by') -- what is no hash is that job's trouble
    ids[at], positions[at], facts[at] = jobs[j], jobs[j + 1], known.err and 'no hash' or known[1] or ''
    failed_by[at] = known[2] or ''
  end
  lanes[i] = {'name', name, 'waiting', redis.call('ZCARD', key.lane(name)), 'ids', ids, 'positions', positions,
    'facts', facts, 'failed_by', failed_by}
end

local due = redis.call('ZRANGE', key.delayed(), 0, 0, 'WITHSCORES')
return {'now', now, 'intake', redis.call('ZCARD', key.intake()), 'next_due', due[2] or false, 'lanes', lanes,
  'more_lanes', more and 1 or 0, 'models', cjson.encode(models), 'cursors', redis.call('HGETALL', key.cursors())}
