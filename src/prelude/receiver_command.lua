-- command: a program of the operator's. It is given the notification and its words as JSON on standard
-- input, MOONTIDE_* and PATH as its environment, and 30 s.
--
-- Exit 0: taken. 75 (EX_TEMPFAIL of sysexits.h), a signal, or no time left: tried again. Any other: given up.

local TEMPORARY = 75

local function first_line(text) return cut(text:match("[^\r\n]+") or "", 200) end

local function environment_of(s, message, notification)
  local made = {
    MOONTIDE_STATUS = notification.status, MOONTIDE_ID = notification.id,
    MOONTIDE_RECEIVER = notification.receiver or "", MOONTIDE_SEVERITY = notification.severity or "",
    MOONTIDE_TITLE = cut(message.title, 1000), MOONTIDE_FIRING = tostring(notification.firing or 0),
    MOONTIDE_RESOLVED = tostring(notification.resolved or 0),
  }
  for name, value in pairs(s.environment or {}) do made[name] = tostring(value) end
  for name, value in pairs(made) do made[name] = value:gsub("\0", " ") end
  return made
end

return receiver {
  type = "command",
  doc = "A program of this machine.",
  fields = {
    argv = { "list", required = true, doc = "the program and its arguments; no shell reads them" },
    environment = { "table", secret = true, doc = "more of it, by name: its values are secrets" },
    timeout = { "duration", doc = "default and most 30 s" },
  },
  check = function(s)
    for _, word in ipairs(s.argv) do
      if type(word) ~= "string" then return "'argv' must be a list of texts" end
    end
    if s.timeout and time.duration(s.timeout) > 30 then return "'timeout' is at most 30 s" end
    for name in pairs(s.environment or {}) do
      if type(name) ~= "string" or name:find("[^%w_]") then return "'environment' has a name that is none" end
    end
  end,
  send = function(s, message, notification)
    local value = {}
    for name, each in pairs(notification) do value[name] = each end
    value.message = { title = message.title, summary = message.summary, text = message.text }
    local result = command.run { argv = s.argv, input = json.encode(value) .. "\n", timeout = s.timeout or 30,
                                 environment = environment_of(s, message, notification) }
    local said = first_line(result.output)
    if result.timed_out then fail { text = "did not end in time, and was killed" } end
    if result.signal ~= 0 then fail { text = "ended by signal " .. result.signal } end
    if result.status ~= 0 then
      local why = first_line(result.complaint)
      fail { text = "exit " .. result.status .. ": " .. (why ~= "" and why or said),
             permanent = result.status ~= TEMPORARY }
    end
    return { answer = said ~= "" and said or "exit 0" }
  end,
}
