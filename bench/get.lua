-- wrk script: GETs a path; %d in it becomes the number of a device, another one each time.
--   wrk ... -s get.lua URL -- PATH

local path = "/api/v3/ping"

function init(args)
    path = args[1] or path
end

function request()
    return wrk.format("GET", (path:gsub("%%d", function() return tostring(math.random(0, 99)) end)))
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %.1f %.3f %.3f %d %d\n", summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        e.connect + e.read + e.write + e.status + e.timeout, summary.requests))
end
