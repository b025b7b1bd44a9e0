-- What wrk sends: one line of a file after the other, from where the last run has stopped. A line is a path, a blank and a
-- token; all lines are of the same length. Every row of the benchmark is measured with this script, so that what it costs
-- wrk (which runs on the other core) is the same everywhere.
--
-- wrk -s load.lua URL -- FILE OFFSET

local lines

function init(args)
    lines = assert(io.open(args[1], "rb"))
    lines:seek("set", tonumber(args[2]))
end

function request()
    local line = lines:read("*l")
    if not line then
        lines:seek("set", 0)
        line = lines:read("*l")
    end
    local blank = line:find(" ", 1, true)
    return "GET " .. line:sub(1, blank - 1) .. " HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer "
        .. line:sub(blank + 1) .. "\r\n\r\n"
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"micros":%d,"refused":%d,"broken":%d,"p99":%d}\n',
        summary.requests, summary.duration, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(99)
    ))
end
