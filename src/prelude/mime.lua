-- mime: a message of RFC 5322 with a text and its HTML, of lines that every server takes.
--
--   local mime = require "moontide.mime"
--   mime.address("Tide <a@example.com>") -> { name, address } | nil, what is wrong
--   mime.id("n-1", "example.com")        -> "<n-1@example.com>": the same for the same name
--   mime.build { from, to, reply_to, subject, date, id, text, html, in_reply_to, references, headers } -> bytes
--
-- Everything is ASCII with CR LF; the dots of SMTP are whoever sends it's. The parts are encoded so
-- that "=_" occurs in none, so a boundary that begins with it is never found inside.

local LINE = 76 -- RFC 2045 section 6.7 and 6.8; RFC 2047 section 2
local WORD = 60 -- of a word, so that the name of a header goes before it
local SAMPLE = 4096 -- of a text says how all of it is encoded
local DAYS = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

local mime = {}

-- ---- addresses ----

local function is_ascii(text) return not text:find("[\128-\255]") end

local function address_problem(address)
  if address:find("[%c\127]") then return "contains a line break or control character" end
  if not is_ascii(address) then return "is not ASCII (a domain is written as xn--...)" end
  if address:find("[%s<>,;:()%[%]\\\"]") then return "contains a character that an address has not" end
  local name, domain = address:match("^(.+)@([^@]+)$")
  if not name or name:find("@", 1, true) then return "is no address (name@domain)" end
  if #name > 64 or #address > 254 then return "is too long" end
  if domain:find("^[.-]") or domain:find("[.-]$") or domain:find("..", 1, true) then
    return "is no address (name@domain)"
  end
end

local function shown(text) return (text:gsub("[%c\127]", "?")) end

function mime.address(text)
  if type(text) ~= "string" then return nil, "an address is a text, not a " .. type(text) end
  local name, address = text:match("^%s*(.-)%s*<([^<>]*)>%s*$")
  if not name then name, address = "", text end
  name = name:match('^"(.*)"$') or name
  local problem = name:find("[%c\127]") and "contains a line break or control character" or address_problem(address)
  if not problem and not utf8.len(name) then problem = "has a name that is not UTF-8" end
  if problem then return nil, "the address '" .. shown(text) .. "' " .. problem end
  return { name = name, address = address }
end

-- ---- headers ----

-- The words of RFC 2047 that a text makes, each of whole characters.
local function encoded_words(text)
  local most = (WORD - #"=?UTF-8?B??=") // 4 * 3
  local words, from = {}, 1
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  while from <= #text do
    local to = math.min(from + most - 1, #text)
    while to < #text and text:byte(to + 1) & 0xC0 == 0x80 do to = to - 1 end
    words[#words + 1] = "=?UTF-8?B?" .. base64(text:sub(from, to)) .. "?="
    from = to + 1
  end
  return words
end

-- A header of words; lines are folded between them.
local function folded(name, words)
  local lines, line = {}, name .. ":"
  for _, word in ipairs(words) do
    if #line + 1 + #word > LINE and line ~= name .. ":" then
      lines[#lines + 1] = line
      line = ""
    end
    line = line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\r\n")
end

local function text_words(text)
  text = text:gsub("[%c\127]+", " ")
  local longest = 0
  for word in text:gmatch("%S+") do longest = math.max(longest, #word) end
  if not is_ascii(text) or text:find("=?", 1, true) or longest > WORD then return encoded_words(text) end
  local words = {}
  for word in text:gmatch("%S+") do words[#words + 1] = word end
  return words
end

local function mailbox_words(each)
  if each.name == "" then return { each.address } end
  local words = { '"' .. each.name:gsub('[\\"]', "\\%0") .. '"' }
  if not is_ascii(each.name) or each.name:find("=?", 1, true) or #each.name > WORD - 10 then
    words = encoded_words(each.name)
  end
  words[#words + 1] = "<" .. each.address .. ">"
  return words
end

local function mailboxes(name, list)
  local all = {}
  for i, each in ipairs(list) do
    local words = mailbox_words(each)
    if i < #list then words[#words] = words[#words] .. "," end
    table.move(words, 1, #words, #all + 1, all)
  end
  return folded(name, all)
end

local function date_of(seconds)
  local y, m, d, clock = time.iso(seconds // 1):match("^(%d+)-(%d+)-(%d+)T(%d+:%d+:%d+)")
  return string.format("%s, %02d %s %s %s +0000", DAYS[math.tointeger((seconds // 86400 + 4) % 7) + 1], tonumber(d),
                       MONTHS[tonumber(m)], y, clock)
end

function mime.id(name, domain)
  return "<" .. name:gsub("[^%w%.%-_]", function(c) return string.format("=%02X", c:byte()) end):sub(1, 180) .. "@"
    .. domain .. ">"
end

-- ---- parts ----

local HEX = {}
for i = 0, 255 do HEX[string.char(i)] = string.format("=%02X", i) end

-- RFC 2045 section 6.7.
local function quoted_printable(text)
  local out = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    line = line:gsub("[^\t\32-\60\62-\126]", HEX):gsub("[ \t]$", HEX)
    while #line > LINE do
      local at = LINE - 1
      if line:byte(at) == 61 then at = at - 1 elseif line:byte(at - 1) == 61 then at = at - 2 end
      out[#out + 1] = line:sub(1, at) .. "="
      line = line:sub(at + 1)
    end
    out[#out + 1] = line
  end
  return table.concat(out, "\r\n")
end

local function base64_lines(text)
  local out, n = {}, 0
  for from = 1, #text, LINE // 4 * 3 do
    n = n + 1
    out[n] = base64(text:sub(from, from + LINE // 4 * 3 - 1))
  end
  return table.concat(out, "\r\n")
end

local function part(kind, text)
  if text:find("\r", 1, true) then text = text:gsub("\r\n?", "\n") end
  local begin = text:sub(1, SAMPLE)
  local _, foreign = begin:gsub("[\128-\255]", "")
  local readable = foreign * 6 < #begin
  return "Content-Type: " .. kind .. "; charset=utf-8\r\nContent-Transfer-Encoding: "
    .. (readable and "quoted-printable" or "base64") .. "\r\n\r\n"
    .. (readable and quoted_printable(text) or base64_lines(text)) .. "\r\n"
end

-- ---- the whole ----

function mime.build(m)
  local boundary = "=_tide_" .. m.id:gsub("[^%w]", ""):sub(1, 40)
  local lines = {
    "Date: " .. date_of(m.date),
    mailboxes("From", { m.from }),
    mailboxes("To", m.to),
    folded("Subject", text_words(m.subject)),
    "Message-ID: " .. m.id,
  }
  if m.reply_to then lines[#lines + 1] = mailboxes("Reply-To", { m.reply_to }) end
  if m.in_reply_to then lines[#lines + 1] = "In-Reply-To: " .. m.in_reply_to end
  if m.references and #m.references > 0 then lines[#lines + 1] = folded("References", m.references) end
  for _, each in ipairs(m.headers or {}) do lines[#lines + 1] = folded(each[1], text_words(each[2])) end
  lines[#lines + 1] = "MIME-Version: 1.0"
  if not m.html or m.html == "" then
    return table.concat(lines, "\r\n") .. "\r\n" .. part("text/plain", m.text)
  end
  lines[#lines + 1] = 'Content-Type: multipart/alternative;\r\n boundary="' .. boundary .. '"'
  return table.concat({
    table.concat(lines, "\r\n"), "\r\n\r\n",
    "--", boundary, "\r\n", part("text/plain", m.text),
    "--", boundary, "\r\n", part("text/html", m.html),
    "--", boundary, "--\r\n",
  })
end

-- ---- a notification as a mail ----

local function escaped(text) return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })) end

-- Every address of the list; or nil and what is wrong.
function mime.addresses(list)
  local made = {}
  for i, each in ipairs(list) do
    local address, problem = mime.address(each)
    if not address then return nil, problem end
    made[i] = address
  end
  return made
end

-- What the mails of a group before this one left, for mime.of(); nil: this one begins a thread.
function mime.thread(state)
  if state and state.root and not state.over then return { root = state.root, last = state.last or state.root } end
end

-- The bytes and the id of a message. thread: what the group's last mail left, { root, last }.
function mime.of(message, notification, s, thread)
  local from, to = assert(mime.address(s.from)), mime.addresses(s.to)
  local domain = from.address:match("@(.+)$")
  local id = mime.id(notification.id, domain)
  local references
  if thread then references = thread.last ~= thread.root and { thread.root, thread.last } or { thread.root } end
  local list = tostring(notification.receiver or "alerts"):gsub("[^%w%-]", "-")
  local text = message.text ~= "" and message.text or message.title
  local html = message.html
  if not html or html == "" then
    html = "<!doctype html><html><body><pre>" .. escaped(text) .. "</pre></body></html>"
  end
  local headers = { { "List-Id", "<" .. list .. ".moontide." .. domain .. ">" }, { "Auto-Submitted", "auto-generated" },
                    { "X-Auto-Response-Suppress", "All" }, { "X-Moontide-Status", tostring(message.status) } }
  if message.severity then headers[#headers + 1] = { "X-Moontide-Severity", tostring(message.severity) } end
  return mime.build {
    from = from, to = to, reply_to = s.reply_to and mime.address(s.reply_to), subject = message.title,
    date = notification.at / 1000, id = id, text = text, html = html,
    in_reply_to = thread and thread.last, references = references, headers = headers,
  }, id
end

-- What is wrong with the addresses of settings, or nil.
function mime.problem(s)
  for _, name in ipairs { "from", "reply_to" } do
    if type(s[name]) == "string" then
      local address, problem = mime.address(s[name])
      if not address then return "'" .. name .. "': " .. problem end
    end
  end
  if type(s.to) == "table" and #s.to > 0 then
    local list, problem = mime.addresses(s.to)
    if not list then return "'to': " .. problem end
  end
end

return mime
