-- The script of wrk: it sends the lines of a file in order, from an offset. A line is a path and a
-- token, and for a bound token a DPoP proof, separated by spaces. The token `-` stands for none.
-- All lines have one length. HEADERS is the text that each request has after these headers. All
-- rows with HTTP/1.1 use this script. Its cost does not count, because wrk has another core.
--
-- wrk -s load.lua URL -- FILE OFFSET HEADERS

local lines, ending

function init(args)
    lines = assert(io.open(args[1], "rb"))
    lines:seek("set", tonumber(args[2]))
    ending = "\r\n" .. args[3] .. "\r\n"
end

function request()
    local line = lines:read("*l")
    if not line then
        lines:seek("set", 0)
        line = lines:read("*l")
    end
    local blank = line:find(" ", 1, true)
    local head = "GET " .. line:sub(1, blank - 1) .. " HTTP/1.1\r\nHost: api.example.com"
    local second = line:find(" ", blank + 1, true)
    if second then
        local token, proof = line:sub(blank + 1, second - 1), line:sub(second + 1)
        return head .. "\r\nAuthorization: DPoP " .. token .. "\r\nDPoP: " .. proof .. ending
    end
    local token = line:sub(blank + 1)
    if token == "-" then
        return head .. ending
    end
    return head .. "\r\nAuthorization: Bearer " .. token .. ending
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
