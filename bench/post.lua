-- wrk script: POSTs events with fresh random ids, of 100 devices.
--   wrk ... -s post.lua URL -- READINGS     of each event; mix: one in half of the events, ten in the others
-- Ids are random, not counted, since an index takes them differently. Origins go up, 1 us apart.

local readings, mixed, seconds, n = 1, false, os.time(), 0
local head = 'POST /api/v3/event/bench/bench/%s/src HTTP/1.1\r\nHost: localhost\r\n' ..
    'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s'
local body = '{"apiVersion":"v3","event":{"apiVersion":"v3","id":"%s","deviceName":"%s","profileName":"bench",' ..
    '"sourceName":"src","origin":%s,"readings":[%s]}}'
local reading = '{"origin":%s,"deviceName":"%s","profileName":"bench","resourceName":"resource-%d",' ..
    '"valueType":"Int64","units":"W","value":"%d"}'

function init(args)
    mixed = args[1] == "mix"
    readings = mixed and 10 or tonumber(args[1] or "1")
    local random = io.open("/dev/urandom", "rb")
    local a, b, c = random:read(3):byte(1, 3)
    random:close()
    math.randomseed(a * 65536 + b * 256 + c)
end

local function uuid()
    local r = math.random
    return string.format("%08x-%04x-4%03x-a%03x-%06x%06x", r(0, 0xffffffff), r(0, 0xffff), r(0, 0xfff),
        r(0, 0xfff), r(0, 0xffffff), r(0, 0xffffff))
end

function request()
    n = n + 1
    local device = "device-" .. math.random(0, 99)
    local origin = string.format("%d%09d", seconds + math.floor(n / 1000000), n % 1000000 * 1000)
    local list, one = {}, mixed and n % 2 == 0
    for k = 1, one and 1 or readings do
        list[k] = string.format(reading, origin, device, one and math.random(10) or k, n)
    end
    local text = string.format(body, uuid(), device, origin, table.concat(list, ","))
    return string.format(head, device, #text, text)
end

-- One line for run.sh: requests a second, p50 and p99 in ms, failed requests.
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %.1f %.3f %.3f %d %d\n", summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        e.connect + e.read + e.write + e.status + e.timeout, summary.requests))
end
