-- One chat completion as an OpenAI client sends it: 13 header fields, a body of 85 bytes. Prints figures as JSON at the end.
-- From the environment: BENCH_FIELDS, lines of `Name: value` with the credentials (a line `---` begins the fields of the next
-- request: they are sent in turn; `{unique}` in a value becomes another number each time); BENCH_CLOSE=1 for a connection per
-- request; BENCH_REFUSED=1 where 4xx is the right answer.
local body = '{"model":"gpt-4.1-mini","messages":[{"role":"user","content":"Say hello to everyone"}]}'
body = body:gsub("everyone", string.rep("x", 8 + 85 - #body))

-- Host, Content-Length and two credentials come to these: 13 in all.
local usual = {
  ["Accept"] = "application/json",
  ["Accept-Encoding"] = "gzip, deflate",
  ["Content-Type"] = "application/json",
  ["User-Agent"] = "OpenAI/Python 2.0.0",
  ["X-Stainless-Lang"] = "python",
  ["X-Stainless-Package-Version"] = "2.0.0",
  ["X-Stainless-OS"] = "Linux",
  ["X-Stainless-Runtime"] = "CPython",
  ["X-Stainless-Runtime-Version"] = "3.11.7",
}
if os.getenv("BENCH_CLOSE") == "1" then usual["Connection"] = "close" end
local refused = os.getenv("BENCH_REFUSED") == "1"

local UNIQUE = "{unique}"
local prepared, turn, number = {}, 0, 0

local function prepare(lines)
  local fields = {}
  for name, value in pairs(usual) do fields[name] = value end
  for name, value in lines:gmatch("([^\n:]+): ([^\n]+)") do fields[name] = value end
  local text = wrk.format("POST", nil, fields, body)
  local at = text:find(UNIQUE, 1, true)
  prepared[#prepared + 1] = at and { text:sub(1, at - 1), text:sub(at + #UNIQUE) } or text
end

function init()
  for lines in ((os.getenv("BENCH_FIELDS") or "") .. "\n---\n"):gmatch("(.-)\n%-%-%-\n") do prepare(lines) end
end

function request()
  turn = turn % #prepared + 1
  local one = prepared[turn]
  if type(one) == "string" then return one end
  number = number + 1
  return one[1] .. string.format("%032d", number) .. one[2]
end

function done(summary, latency)
  local errors = summary.errors
  local status = refused and summary.requests - errors.status or errors.status
  print(string.format('{"rps": %.1f, "p50_ms": %.3f, "p99_ms": %.3f, "requests": %d, "failed": %d}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.requests, errors.connect + errors.read + errors.write + errors.timeout + status))
end
