-- Answers of services to Lua tables, for parse_answers.py: `moontide script parse.lua` reads a question a line,
-- { service, model, operation, status, headers, body_hex }, and prints { result } or { error = { ... } } as JSON.
local clients = {}

local function bytes(hex)
  return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function answer(question)
  local key = question.model or question.service
  clients[key] = clients[key] or aws.client(question.service, { model = question.model })
  return clients[key]:parse(question.operation, {
    status = question.status, headers = question.headers, body = bytes(question.body_hex),
  })
end

for line in io.lines() do
  local ok, result = pcall(answer, json.decode(line))
  if ok then
    result = { result = result }
  elseif type(result) == "table" then
    result = { error = { code = result.code, message = result.message, status = result.status,
                         request_id = result.request_id, fields = result.fields } }
  else
    result = { failure = tostring(result) }
  end
  io.write(json.encode(result), "\n")
  io.flush()
end
