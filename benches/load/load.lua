-- The script of wrk: it sends the lines of a file in order, from an offset. A line is a path and a
-- token, and for a bound token a DPoP proof, separated by spaces. All lines have the same length.
-- All rows of the benchmark use it. Its own cost does not count, because wrk has another core.
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
    local head = "GET " .. line:sub(1, blank - 1) .. " HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: "
    local second = line:find(" ", blank + 1, true)
    if not second then
        return head .. "Bearer " .. line:sub(blank + 1) .. "\r\n\r\n"
    end
    return head .. "DPoP " .. line:sub(blank + 1, second - 1) .. "\r\nDPoP: " .. line:sub(second + 1) .. "\r\n\r\n"
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"micros":%d,"rejected":%d,"failed":%d,"p99":%d}\n',
        summary.requests, summary.duration, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(99)
    ))
end
