-- Gives a sign of life of a process, and says how many calls it runs.
--
-- KEYS[1] has the processes by their last sign of life; each further key is that of a limit of calls at once.
-- ARGV[1] is packed: {process, what it was called before or '', how long one lives without a sign in us, counts by key}.
-- Returns, packed, the names of the processes alive.
--
-- Where nobody has given a sign for long, it is the server that was away, not they: each of those that were alive then
-- gets some time to come back, lest their calls be taken for ended.

local TTL_MS = 600000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local process, former, life, counts = unpack(cmsgpack.unpack(ARGV[1]))
local grace = life / 3

local latest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if latest and now - latest > 2 * life / 5 then
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], latest - life, '+inf')) do
    redis.call('ZADD', KEYS[1], 'GT', string.format('%.0f', now - life + grace), name)
  end
end
-- The server's clock may have been put back.
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')) do
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), name)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - life))
if former ~= '' then redis.call('ZREM', KEYS[1], former) end
redis.call('ZADD', KEYS[1], string.format('%.0f', now), process)
redis.call('PEXPIRE', KEYS[1], TTL_MS)

for i, count in ipairs(counts) do
  local key = KEYS[i + 1]
  if count > 0 then
    redis.call('HSET', key, process, count)
    redis.call('PEXPIRE', key, TTL_MS)
  else
    redis.call('HDEL', key, process)
  end
end
return cmsgpack.pack(redis.call('ZRANGE', KEYS[1], 0, -1))
