-- decide.call: any operation that the configuration's `allow` names. It cannot be read, so nothing
-- tells afterwards whether it was done: each is sent once.

local function name_of(wanted) return wanted.service .. ":" .. wanted.operation end

local function problem_of(wanted, at)
  if not allowed(name_of(wanted)) then
    return "`allow` in moontide.lua does not name " .. name_of(wanted)
  end
  -- What the model does not know throws here, before anything is sent.
  local ok, failure = pcall(function()
    at:client(wanted.service, { retries = 0 }):serialize(wanted.operation, wanted.params or {})
  end)
  if not ok then return tostring(failure) end
end

return kind {
  name = "call",
  doc = "One call of an operation that the configuration's `allow` names.",
  event = "call",
  resource = "{service}:{operation}/{idempotency_key|params}",
  fields = {
    { name = "service", type = "string", required = true, doc = 'as in aws.client: "sqs"' },
    { name = "operation", type = "string", required = true, doc = 'as AWS and `allow` spell it: "SetQueueAttributes"' },
    { name = "params", type = "table", doc = "its parameters, as AWS spells them" },
    { name = "idempotency_key", type = "string", doc = "names this call; two of one key are the same call" },
  },

  diff = function(wanted)
    return { { field = "call", to = wanted.params or {} } }
  end,

  check = function(wanted, _, _, at)
    local problem = problem_of(wanted, at)
    return {
      infeasible = problem,
      notes = not problem and { "what it changes cannot be read, nor taken back" } or nil,
    }
  end,

  apply = function(wanted, _, _, at)
    local problem = problem_of(wanted, at)
    if problem then error(problem, 0) end
    local client = at:client(wanted.service, { retries = 0 })
    client[wanted.operation](client, wanted.params)
  end,
}
