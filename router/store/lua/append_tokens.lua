-- Adds pieces of text to what running jobs have said so far, and tells whoever follows them.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   pieces: for each
--     job_id, binding: of the job
--     offset: bytes of UTF-8 that went before it
--     text: the piece
-- returns: 1 where the piece is there now, 0 where the binding is stale or a piece before it is missing, for each in
-- order; a repeat, which may have grown, adds and tells only what is not there yet
local function add(id, binding, offset, text)
  local job = redis.call('HMGET', key.job(id), 'state', 'binding', 'streamed')
  if job[1] ~= 'running' or job[2] ~= binding then return 0 end
  if job[3] ~= binding then
    if offset ~= 0 then return 0 end
    redis.call('SET', key.streamed_text(id), '')
    redis.call('HSET', key.job(id), 'streamed', binding)
  end
  local there = redis.call('STRLEN', key.streamed_text(id))
  if there < offset then return 0 end
  text = text:sub(there - offset + 1)
  if text ~= '' then
    redis.call('APPEND', key.streamed_text(id), text)
    redis.call('PUBLISH', key.events(id), '{"binding":' .. binding .. ',"offset":' .. there .. ',"text":' ..
      cjson.encode(text) .. '}')
  end
  return 1
end

local kept = {}
for i, piece in ipairs(args.pieces) do
  kept[i] = add(piece.job_id, tostring(piece.binding), piece.offset, piece.text)
end
return kept
