-- What tests/support/serialize_tool.c does, through the module aws: parameters as Lua tables. Run by
-- serialize_requests.py as `moontide script serialize.lua`; the body is in hexadecimal.
local TOKEN = "00000000-0000-4000-8000-000000000000"
local clients = {}

local function answer(question)
  local key = question.model or question.service
  clients[key] = clients[key] or aws.client(question.service, { region = "us-east-1", model = question.model })
  local request = clients[key]:serialize(question.operation, question.params, { idempotency_token = TOKEN })
  local headers = json.array {}
  for name, value in pairs(request.headers) do
    headers[#headers + 1] = { name, value }
  end
  return {
    method = request.method,
    uri = request.uri,
    host_prefix = request.host_prefix or "",
    headers = headers,
    body_hex = request.body:gsub(".", function(c) return ("%02x"):format(c:byte()) end),
  }
end

for line in io.lines() do
  local ok, result = pcall(answer, json.decode(line))
  io.write(json.encode(ok and result or { error = tostring(result) }), "\n")
  io.flush()
end
