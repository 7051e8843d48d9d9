-- Sends the prepared requests of a file, each time one at random. Argument: the file.

local shared = require("result")
local requests = {}

function init(arguments)
   math.randomseed(os.time() + id)
   for at, request in ipairs(shared.read(arguments[1])) do
      requests[at] = wrk.format(request.method, request.path, nil, request.body)
   end
end

function request()
   return requests[math.random(#requests)]
end
