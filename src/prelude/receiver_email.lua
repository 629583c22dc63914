-- email: a mail to one server (SMTP), with a text and HTML; what follows a group's first mail is a
-- reply to it. A recipient that the server put off (4xx) is tried again without the others.

local mime = require "moontide.mime"

local TLS = { "starttls", "tls", "optional", "none" }
local PORTS = { starttls = 587, tls = 465, optional = 25, none = 25 }
local LASTS = { Invalid = true, Denied = true, Limit = true }

local function url_of(s)
  if s.url then return s.url end
  local tls = s.tls or "starttls"
  return (tls == "tls" and "smtps://" or "smtp://") .. s.host .. ":" .. string.format("%d", s.port or PORTS[tls])
end

-- Whom it still has to reach.
local function recipients(s, notification, state)
  if not state or state.notification ~= notification.id or not state.pending then return s.to end
  local waiting, left = {}, {}
  for _, address in ipairs(state.pending) do waiting[address] = true end
  for _, each in ipairs(s.to) do
    if waiting[mime.address(each).address] then left[#left + 1] = each end
  end
  return #left > 0 and left or s.to
end

local function named(refused)
  local words = {}
  for i, each in ipairs(refused) do words[i] = each.address .. " (" .. each.line .. ")" end
  return table.concat(words, ", ")
end

local function failure_of(thrown)
  if type(thrown) ~= "table" then error(thrown, 0) end
  local text = tostring(thrown.message or thrown):gsub("^mail%.send: ", "")
  if thrown.refused and #thrown.refused > 0 then text = "no recipient was taken: " .. named(thrown.refused) end
  fail { text = text, permanent = LASTS[thrown.kind] or false }
end

local function send(s, message, notification, state, left)
  local thread, targets = mime.thread(state), recipients(s, notification, state)
  local data, id = mime.of(message, notification, s, thread)
  local to = {}
  for i, each in ipairs(targets) do to[i] = mime.address(each).address end
  local ok, answer = pcall(mail.send, {
    url = url_of(s), from = mime.address(s.from).address, to = to, data = data, username = s.username,
    password = s.password, tls = s.tls, timeout = s.timeout or math.max(1, math.min(40, left() - 2)),
  })
  if not ok then failure_of(answer) end
  local after = { root = thread and thread.root or id, last = id, over = message.status ~= "firing" }
  local pending, lost = json.array {}, {}
  for _, each in ipairs(answer.refused) do
    if each.status >= 500 then lost[#lost + 1] = each else pending[#pending + 1] = each.address end
  end
  if #pending > 0 then
    -- The thread stays as it was: the mail that is tried again is the same one.
    fail { text = "put off: " .. named(answer.refused),
           state = { root = state and state.root, last = state and state.last, over = state and state.over,
                     notification = notification.id, pending = pending } }
  end
  return { answer = answer.line, state = after, warning = #lost > 0 and "refused: " .. named(lost) or nil }
end

return receiver {
  type = "email",
  doc = "A mail by SMTP.",
  fields = {
    url = { "string", doc = "smtp://host:port or smtps://host:port; or host and port" },
    host = { "string", doc = "of the mail server" },
    port = { "number", doc = "default 587; with tls = \"tls\" 465; without TLS 25" },
    tls = { "string", choices = TLS, doc = 'default "starttls", which is then required; "tls": from the first byte' },
    username = { "string", doc = "of AUTH" },
    password = { "string", secret = true },
    from = { "string", required = true, doc = '"Tide <tide@example.com>"' },
    to = { "list", required = true, doc = "addresses" },
    reply_to = { "string", doc = "an address" },
    timeout = { "duration", doc = "of the whole conversation; default 40 s" },
  },
  check = function(s)
    if not s.url and not s.host then return "'host', or 'url', is missing" end
    if s.url and (s.host or s.port) then return "'url' and 'host' are two ways: only one is taken" end
    local whole = type(s.url) == "string" and s.url:find("^smtps://[^/@]+/?$") ~= nil
    if type(s.url) == "string" and not whole and not s.url:find("^smtp://[^/@]+/?$") then
      return "'url' must be smtp://host:port or smtps://host:port"
    end
    if s.url and s.tls and (s.tls == "tls") ~= whole then return "tls = \"tls\" belongs to smtps://, and only to it" end
    if type(s.host) == "string" and s.host:find("[^%w%.%-:%[%]]") then return "'host' is no host" end
    if s.port and (s.port % 1 ~= 0 or s.port < 1 or s.port > 65535) then return "'port' is 1 to 65535" end
    if s.password and not s.username then return "'username' is missing (of 'password')" end
    if s.username and not s.password then return "'password' is missing (of 'username')" end
    if s.password and s.tls == "optional" then return "a password is not sent where TLS is optional" end
    if #s.to > 100 then return "'to' has at most 100 addresses" end
    if s.timeout and time.duration(s.timeout) > 40 then return "'timeout' is at most 40 s" end
    return mime.problem(s)
  end,
  send = send,
}
