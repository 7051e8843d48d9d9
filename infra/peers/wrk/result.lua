-- What both scripts share: reading prepared requests, numbering the threads, and printing the result as one line of JSON.

local shared = {}
local threads = {}

-- The prepared requests of a file, one a line: a method, a path, a body and a version, separated by tabs. Bodies
-- and versions may be empty; they contain no tabs.
function shared.read(name)
   local requests = {}
   for line in io.lines(name) do
      local method, path, body, version = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$")
      body = body ~= "" and body or nil
      requests[#requests + 1] = { method = method, path = path, body = body, version = tonumber(version) }
   end
   return requests
end

-- wrk calls these in its main thread: `setup` for each thread before the load, `done` once after it.
function setup(thread)
   threads[#threads + 1] = thread
   thread:set("id", #threads)
end

function done(summary, latency, _)
   local conflicts = 0
   for _, thread in ipairs(threads) do
      conflicts = conflicts + (thread:get("conflicts") or 0)
   end
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"status":%d,"socket":%d,"timeout":%d,"conflicts":%d}\n',
      summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
      errors.status, errors.connect + errors.read + errors.write, errors.timeout, conflicts))
end

return shared
