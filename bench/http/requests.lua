-- Requests of one workload, numbered: wrk -s requests.lua URL -- BEFORE AFTER DOCUMENTS CLIENTS
local n = math.random(1, 1000000) * 1000
local before, after, documents, clients

function init(args)
  before, after, documents, clients = args[1], args[2], tonumber(args[3]), tonumber(args[4])
end

function request()
  n = n + 1
  local id = documents > 0 and n % documents or n
  local client = clients > 0 and "x-client: c" .. n % clients .. "\r\n" or ""
  return "GET " .. before .. id .. after .. " HTTP/1.1\r\nHost: 127.0.0.1\r\n" .. client .. "\r\n"
end
