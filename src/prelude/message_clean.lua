-- message_clean: texts of unknown origin made fit for a message: valid UTF-8, bounded, without control
-- characters, and escaped for where they go.
--
-- What is no text where one was expected is no fault: it counts as absent.

local clean = {}

local min = math.min

-- Unicode's embeddings, overrides and isolates (UAX #9): they would turn around what stands behind them.
local TURNS <const> = { "\u{202a}", "\u{202b}", "\u{202c}", "\u{202d}", "\u{202e}", "\u{2066}", "\u{2067}",
                        "\u{2068}", "\u{2069}" }
-- Line ends that are no \n: NEL, LINE SEPARATOR, PARAGRAPH SEPARATOR.
local LINE_ENDS <const> = { "\u{85}", "\u{2028}", "\u{2029}" }

local function valid(s)
  local parts, at = {}, 1
  while at <= #s do
    local ok, bad = utf8.len(s, at)
    if ok then
      parts[#parts + 1] = s:sub(at)
      break
    end
    parts[#parts + 1] = s:sub(at, bad - 1) .. "\u{fffd}"
    at = bad + 1
    while at <= #s and not utf8.len(s, at, at) and s:byte(at) & 0xc0 == 0x80 do at = at + 1 end
  end
  return table.concat(parts)
end

-- The first bytes of s, at most `bound`, cut at a character.
local function head(s, bound)
  if #s <= bound then return s end
  local last = bound
  while last > 0 and (s:byte(last + 1) or 0) & 0xc0 == 0x80 do last = last - 1 end
  return s:sub(1, last)
end

local function plain(s)
  if s:find("[\x80-\xff]") then
    if not utf8.len(s) then s = valid(s) end
    for _, each in ipairs(LINE_ENDS) do s = s:gsub(each, "\n") end
    for _, each in ipairs(TURNS) do s = s:gsub(each, "") end
    s = s:gsub("\xc2[\x80-\x9f]", "")
  end
  s = s:gsub("\r\n?", "\n")
  return (s:gsub("[%z\1-\8\11-\31\127]", ""))
end

function clean.size(bytes)
  if bytes >= 1024 * 1024 then return ("%.1f MiB"):format(bytes / (1024 * 1024)) end
  if bytes >= 1024 then return ("%.1f KiB"):format(bytes / 1024) end
  return ("%d B"):format(bytes)
end

-- A text of several lines, or nil. cut: a function from the size that was left out to its notice;
-- before: how many bytes somebody else has left out already.
function clean.text(value, bound, cut, before)
  if type(value) == "number" then value = tostring(value) end
  if type(value) ~= "string" then return nil end
  local s = plain(head(value, bound)):gsub("[ \t]+\n", "\n"):gsub("^%s+", ""):gsub("%s+$", "")
  local left_out = math.max(#value - bound, 0) + (math.type(before) == "integer" and before > 0 and before or 0)
  if left_out > 0 then s = s .. "… " .. (cut and cut(clean.size(left_out)) or "") end
  if s == "" then return nil end
  return s
end

-- One line, or nil; `bound` counts characters here: that is what a subject's reader sees.
function clean.line(value, bound)
  if type(value) == "number" or type(value) == "boolean" then value = tostring(value) end
  if type(value) ~= "string" then return nil end
  local s = plain(head(value, bound * 4)):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  if s == "" then return nil end
  if utf8.len(s) > bound then
    s = s:sub(1, utf8.offset(s, bound) - 1):gsub("\u{200d}$", "") .. "…"
  end
  return s
end

-- A finite number, or nil.
function clean.number(value)
  if type(value) ~= "number" or value ~= value or value == math.huge or value == -math.huge then return nil end
  return value
end

-- A table, whatever came.
function clean.list(value) return type(value) == "table" and value or {} end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
function clean.html(s) return (tostring(s):gsub("[&<>\"']", ENTITIES)) end

-- Slack's mrkdwn knows three entities; what it would take for a mark of its own stays as it was typed.
local SLACK = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }
function clean.slack(s) return (tostring(s):gsub("[&<>]", SLACK)) end

-- For within a URL, RFC 3986 section 2.3.
function clean.url_part(s)
  return (tostring(s):gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- An http or https URL without anything that would end it early, or nil.
function clean.url(value)
  if type(value) ~= "string" or #value > 2000 then return nil end
  return value:match("^https?://[^%s%c<>\"'`\\|]+$")
end

-- In one argument of a POSIX shell's command line.
function clean.shell(s)
  if s:find("^[%w_%-%./:=,@%%+]+$") then return s end
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

-- The first `bound` items of a list that are tables.
function clean.tables(value, bound)
  local list = {}
  for i = 1, min(#clean.list(value), bound * 4) do
    if #list == bound then break end
    if type(value[i]) == "table" then list[#list + 1] = value[i] end
  end
  return list
end

return clean
