-- Requests of one workload, numbered:
-- wrk -s requests.lua URL -- BEFORE AFTER DOCUMENTS CLIENTS HEADERS
-- `{n}` in AFTER is the request's number, where the document's does not tell requests apart.
math.randomseed(os.time())
local n = math.random(1, 1000000) * 1000
local before, after, rest, documents, clients, headers

function init(args)
  before, after, rest = args[1], args[2]:match("^(.-){n}(.*)$")
  if not after then after = args[2] end
  documents, clients, headers = tonumber(args[3]), tonumber(args[4]), args[5]
end

function request()
  n = n + 1
  local id = documents > 0 and n % documents or n
  local number = rest and n .. rest or ""
  local client = clients > 0 and "x-client: c" .. math.random(0, clients - 1) .. "\r\n" or ""
  return "GET " .. before .. id .. after .. number .. " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    .. headers .. client .. "\r\n"
end
