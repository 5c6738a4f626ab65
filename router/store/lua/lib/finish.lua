-- Ends a job: state, result where Celery's Redis backend keeps it, waiters notified, indexes cleared, expiry set.
local function iso8601(ms)
  -- days to a civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days
  local seconds = math.floor(ms / 1000)
  local z = math.floor(seconds / 86400) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  local rest = seconds % 86400
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03d+00:00', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, ms % 1000)
end

local function failure_json(kind, message)
  return '{"exc_type":"JobFailed","exc_message":[' .. cjson.encode(kind) .. ',' .. cjson.encode(message) ..
    '],"exc_module":"pointsman.router.vocabulary.errors"}'
end

local LARGE_BYTES = 262144
local SUBSCRIBERS = 'NUMSUB'

-- Celery's clients need the whole result on its channel. Redis copies it to each replica even where nobody listens, and
-- cuts a subscriber off that is 32 MB behind: so our own parts get the id on a channel of their own, and a large result
-- is published only to a subscriber of this very job (who, once cut off, subscribes again and fetches it).
local function publish_result(id, meta)
  redis.call('PUBLISH', key.ended(id), id)
  local channel = results .. id
  if #meta <= LARGE_BYTES or redis.call('PUBSUB', SUBSCRIBERS, channel)[2] > 0 then
    redis.call('PUBLISH', channel, meta)
  end
end

local function store_result(id, status, result_json, now, ttl)
  local meta = '{"status":"' .. status .. '","result":' .. result_json .. ',"traceback":null,"children":[],' ..
    '"date_done":"' .. iso8601(now) .. '","task_id":"' .. id .. '"}'
  redis.call('SET', results .. id, meta, 'PX', ttl)
  publish_result(id, meta)
end

-- result_json: the answer of a succeeded job; otherwise kind and message say why it ended. What failed or expired is a
-- dead letter: it keeps its request, so that it can be tried again.
local function finish(verb, id, before, after, how)
  move(verb, id, before, after)
  local job = redis.call('HMGET', key.job(id), 'batch', 'offset', 'keep', 'streamed', 'webhook')
  local ttl = math.max(how.ttl, tonumber(job[3]) or 0)
  if job[1] then count_end(id, job[1], job[2], after) end
  if job[4] then redis.call('DEL', key.streamed_text(id)) end
  redis.call('ZREM', key.deadlines(), id)
  redis.call('ZREM', key.delayed(), id)
  redis.call('HDEL', key.job(id), 'claim', 'not_before')
  redis.call('PEXPIRE', key.decision(id), ttl)
  if not may('retry', after, 'pending') then
    redis.call('DEL', key.request(id))
  else
    redis.call('PEXPIRE', key.request(id), ttl)
    redis.call('ZADD', key.dead(how.kind), how.now, id)
  end
  redis.call('HSET', key.job(id), 'finished', how.now)
  if how.result_json then
    store_result(id, 'SUCCESS', how.result_json, how.now, ttl)
  else
    redis.call('HSET', key.job(id), 'error_kind', how.kind, 'error_message', how.message)
    local status = after == 'cancelled' and 'REVOKED' or 'FAILURE'
    store_result(id, status, failure_json(how.kind, how.message), how.now, ttl)
  end
  redis.call('ZADD', key.finished(), how.now + ttl, id)
  redis.call('PEXPIRE', key.job(id), ttl)
  redis.call('PEXPIRE', key.history(id), ttl)
  if job[5] then create_delivery(job[5], 'job.' .. after, id, redis.call('HGET', key.job(id), 'tenant'), how.now) end
end
