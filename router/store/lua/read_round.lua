-- Reads what one dispatcher round needs: the heads of the lanes and the state of every model.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: how many heads in all   ARGV[3]: how many lanes to skip
-- ARGV[4]: window, as a share of the announced slots   ARGV[5...]: model names
-- returns: {now, size of intake, next due time of a delayed job or '', lanes, 1 where more lanes follow, models,
--           cursors: name and value in turn}
--   lanes: {name, how many wait, id, place, facts, ...} for each, the foremost head first
--   models: {slots, workers, bound, running, served, cooled until, paused, down, requests in the last minute,
--            tokens in the last minute, when the oldest of these leaves the minute, latency in ms or '', when it was
--            measured, ms per output token or '', error rate, as of when, breaker: 'closed' | 'open' | 'half_open',
--            until when it is open, why, probes in flight, requests and until when, tokens and until when: what the
--            vendor still allows, or ''} for each, in the order asked
-- uses: time, reservation, capacity, allowance, breaker
local LANES_AT_MOST = 1000
local FEW = 16 -- heads of a lane that are read however full the models are
local now = clock(ARGV[1])
local skip = tonumber(ARGV[3])
local names = redis.call('ZRANGE', key.lanes(), skip, skip + LANES_AT_MOST - 1)
local more = redis.call('ZCARD', key.lanes()) > skip + #names and #names > 0
local most = math.max(2, math.floor(tonumber(ARGV[2]) / math.max(1, #names)))

local free, models = 0, {}
for i = 5, #ARGV do
  local model = ARGV[i]
  forget_old(model, now)
  local slots, workers = presence(model, now)
  local bound, running = depth(model)
  free = free + math.max(0, slots + math.floor(slots * tonumber(ARGV[4])) - bound - running)
  local health = redis.call('HMGET', key.model(model), 'cooled_until', 'paused', 'down')
  local oldest = redis.call('ZRANGE', key.reservations(model), 0, 0, 'WITHSCORES')
  local stats = redis.call('HMGET', key.stats(model), 'served', 'latency_ms', 'latency_at', 'ms_per_token',
    'error_rate', 'error_at')
  local guard = breaker(model, now)
  local left = left_to_bind(model, now)
  models[#models + 1] = {
    slots, workers, bound, running, stats[1] or '0',
    health[1] or '0', health[2] or '', health[3] or '',
    redis.call('ZCARD', key.reservations(model)),
    redis.call('HGET', key.reserved(model), 'total') or '0',
    oldest[2] or '0',
    stats[2] or '', stats[3] or '0', stats[4] or '', stats[5] or '0', stats[6] or '0',
    guard.state, guard.till, guard.why, guard.state == 'half_open' and probes_in_flight(model) or 0,
    left.requests or '', left.requests_until, left.tokens or '', left.tokens_until,
  }
end

local heads = math.min(most, math.max(FEW, free)) -- no more than can be bound; but jobs are also moved elsewhere
local lanes = {}
for i, name in ipairs(names) do
  local lane = {name, redis.call('ZCARD', key.lane(name))}
  local jobs = redis.call('ZRANGE', key.lane(name), 0, heads - 1, 'WITHSCORES')
  for j = 1, #jobs, 2 do
    lane[#lane + 1] = jobs[j]
    lane[#lane + 1] = jobs[j + 1]
    lane[#lane + 1] = redis.call('HGET', key.job(jobs[j]), 'facts') or ''
  end
  lanes[i] = lane
end

local due = redis.call('ZRANGE', key.delayed(), 0, 0, 'WITHSCORES')
return {now, redis.call('ZCARD', key.intake()), due[2] or '', lanes, more and 1 or 0, models,
  redis.call('HGETALL', key.cursors())}
