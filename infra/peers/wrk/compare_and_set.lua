-- Updates records of which each client has its own, in turn, and follows their versions. Each thread has one connection,
-- so that it is one client. A conflict is counted; nobody else writes these records, so there should be none.
--
-- Arguments: the file of prepared requests, in whose bodies `@` stands for the version; the number of clients; a text that
-- only an answer to a successful request contains (empty: each 200 is a success).

local shared = require("result")
local records = {}
local current = 1
local success

-- Global, because the main thread reads it.
conflicts = 0

function init(arguments)
   local clients = tonumber(arguments[2])
   success = arguments[3] or ""
   for at, record in ipairs(shared.read(arguments[1])) do
      if at % clients == id % clients then
         record.before, record.after = record.body:match("^(.-)@(.*)$")
         records[#records + 1] = record
      end
   end
end

function request()
   local record = records[current]
   local version = string.format("%.0f", record.version)
   return wrk.format(record.method, record.path, nil, record.before .. version .. record.after)
end

function response(status, _, body)
   local record = records[current]
   if status == 200 and body:find(success, 1, true) then
      record.version = record.version + 1
   elseif status == 200 or status == 400 or status == 409 or status == 412 then
      conflicts = conflicts + 1
   end
   current = current % #records + 1
end
