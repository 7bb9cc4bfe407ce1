-- wrk -s uploads.lua URL -- FILE SIZE: sends the requests of SIZE bytes each that FILE holds, from its start again at
-- its end, and tells what came of it as one line of JSON.

local requests, size
local counted = {}

function setup(thread)
   table.insert(counted, thread)
end

function init(arguments)
   requests, size = assert(io.open(arguments[1], "rb")), tonumber(arguments[2])
   refused = 0
end

function request()
   local next = requests:read(size)
   if not next then
      requests:seek("set")
      next = requests:read(size)
   end
   return next
end

function response(status)
   if status ~= 200 then
      refused = refused + 1
   end
end

function done(summary, latency)
   local refused, errors = 0, summary.errors
   for _, thread in ipairs(counted) do
      refused = refused + thread:get("refused")
   end
   io.write(string.format('\n{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d}\n', summary.requests,
      summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      refused + errors.connect + errors.read + errors.write + errors.timeout))
end
