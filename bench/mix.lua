-- Chat completions as 64 clients of four kinds send them: a token each, a trace id of their own in each request, prompts of
-- every size. Prints figures as JSON at the end.
-- From the environment: MIX_TOKENS, a token a line; MIX_FIELD, the name of its field; MIX_KEY, the provider's key; MIX_SIZES,
-- sizes of bodies in bytes, taken in turn; MIX_OWN=1 where each thread (a connection, with as many threads as connections) is
-- one client, else any client's request goes out on any connection.
local kinds = {
  { -- OpenAI's client for Python
    ["Accept"] = "application/json", ["Accept-Encoding"] = "gzip, deflate", ["Connection"] = "keep-alive",
    ["User-Agent"] = "OpenAI/Python 2.0.0", ["X-Stainless-Lang"] = "python", ["X-Stainless-Package-Version"] = "2.0.0",
    ["X-Stainless-OS"] = "Linux", ["X-Stainless-Arch"] = "x64", ["X-Stainless-Runtime"] = "CPython",
    ["X-Stainless-Runtime-Version"] = "3.12.3", ["x-stainless-retry-count"] = "0", ["x-stainless-read-timeout"] = "600",
  },
  { -- OpenAI's client for Node
    ["accept"] = "application/json", ["accept-encoding"] = "gzip, deflate, br", ["accept-language"] = "*",
    ["user-agent"] = "OpenAI/JS 6.1.0", ["x-stainless-lang"] = "js", ["x-stainless-package-version"] = "6.1.0",
    ["x-stainless-os"] = "MacOS", ["x-stainless-arch"] = "arm64", ["x-stainless-runtime"] = "node",
    ["x-stainless-runtime-version"] = "v22.4.0", ["x-stainless-retry-count"] = "0", ["sec-fetch-mode"] = "cors",
  },
  { -- Vercel's AI SDK
    ["accept"] = "*/*", ["accept-encoding"] = "br, gzip, deflate", ["accept-language"] = "*", ["sec-fetch-mode"] = "cors",
    ["user-agent"] = "ai/5.0.60 ai-sdk/openai/2.0.42 runtime/node.js/22",
  },
  { -- httpx, as frameworks use it
    ["Accept"] = "*/*", ["Accept-Encoding"] = "gzip, deflate", ["Connection"] = "keep-alive",
    ["User-Agent"] = "python-httpx/0.28.1",
  },
}
local own = os.getenv("MIX_OWN") == "1"
local OPENING = '{"model":"gpt-4.1-mini","messages":[{"role":"user","content":"'
local CLOSING = '"}]}'
local tokens, sizes, heads, filler = {}, {}, {}, ""
local threads = 0

function setup(thread)
  thread:set("client", threads)
  threads = threads + 1
end

local function head_of(token, number)
  local lines = { "POST " .. wrk.path .. " HTTP/1.1", "Host: " .. wrk.headers["Host"] }
  for name, value in pairs(kinds[number % #kinds + 1]) do lines[#lines + 1] = name .. ": " .. value end
  lines[#lines + 1] = "Content-Type: application/json"
  lines[#lines + 1] = "Authorization: Bearer " .. os.getenv("MIX_KEY")
  lines[#lines + 1] = os.getenv("MIX_FIELD") .. ": Bearer " .. token
  return table.concat(lines, "\r\n") .. "\r\ntraceparent: 00-"
end

function init()
  math.randomseed(7 + (client or 0))
  for token in os.getenv("MIX_TOKENS"):gmatch("[^\n]+") do tokens[#tokens + 1] = token end
  for size in os.getenv("MIX_SIZES"):gmatch("%d+") do sizes[#sizes + 1] = tonumber(size) end
  for number, token in ipairs(tokens) do heads[number] = head_of(token, number) end
  local most = 0
  for _, size in ipairs(sizes) do most = math.max(most, size) end
  filler = string.rep("What does the log of the night say? ", math.ceil(most / 36))
end

local number = 0

function request()
  number = number + 1
  local at = own and client or math.random(#tokens)
  local size = sizes[math.random(#sizes)]
  local trace = string.format("%08x%08x%08x%08x-%08x%08x-01", number, math.random(2 ^ 31), math.random(2 ^ 31),
    math.random(2 ^ 31), math.random(2 ^ 31), number)
  local text = filler:sub(1, math.max(0, size - #OPENING - #CLOSING))
  return heads[at % #heads + 1] .. trace .. "\r\nContent-Length: " .. (#OPENING + #text + #CLOSING) .. "\r\n\r\n" ..
    OPENING .. text .. CLOSING
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"rps": %.1f, "p50_ms": %.3f, "p99_ms": %.3f, "requests": %d, "failed": %d}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.requests, errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
