-- Deliveries: the ends that webhooks are notified of, each written by the script that makes the end.
-- A place in the index of a state: the millisecond, made unique by the delivery's number.
local function moment(ms, seq)
  return ms * 1000 + seq % 1000
end

-- `webhook` is a URL, or * for the tenant's own, and the events it is sent, none for all.
local function create_delivery(webhook, event, about, tenant, now)
  local target, events = webhook:match('^(%S+)(.*)$')
  local host = target and target:match('^%a+://([^/?]+)')
  if not host and (target or ''):sub(1, 1) ~= '*' then return end -- damaged: nobody could be notified
  if events ~= '' and not (events .. ' '):find(' ' .. event .. ' ', 1, true) then return end
  local receiver = target == '*' and '*' .. tenant or host:lower()
  local seq = redis.call('INCR', key.delivery_sequence())
  local id = string.format('msg_%012x%06x', now, seq)
  redis.call('HSET', key.delivery(id), 'state', 'waiting', 'seq', seq, 'event', event, 'about', about,
    'tenant', tenant, 'target', target, 'receiver', receiver, 'created', now, 'number', 0, 'tries', 0)
  redis.call('ZADD', key.deliveries('waiting'), moment(now, seq), id)
  redis.call('PUBLISH', key.delivery_due(), '1')
end
