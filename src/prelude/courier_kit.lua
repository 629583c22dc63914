-- courier_kit: how receivers read an answer, and say that they failed.
--
--   fail { text, permanent, retry_after, state }  ends send; a text alone may be given
--   accept(answer, { html = true })  the body of a good answer; throws what any other one means
--   accept_json(answer)              the same, decoded
--   each_alert(notification, state, left, f)  f(alert) for each alert that was not taken yet
--   cut(text, bytes)                 at most so many, at a character, with a notice
--   escape_markdown(text), iso(ms)

local core = ... -- hmac, base64
local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10,
                 Nov = 11, Dec = 12 }
-- Asking again would not help. Source: RFC 9110 section 15.5.
local PERMANENT = { [400] = true, [401] = true, [403] = true, [404] = true, [405] = true, [410] = true,
                    [413] = true, [414] = true, [415] = true, [422] = true }
local CONCURRENT = 4
local WAIT_MAX = 24 * 3600
local LEAST_LEFT = 12 -- seconds: with fewer, nothing more is begun

local kit = {}
local failure_type = { __tostring = function(f) return f.text end }

function _G.fail(what)
  if type(what) ~= "table" then what = { text = tostring(what) } end
  error(setmetatable({ text = tostring(what.text), permanent = what.permanent, retry_after = what.retry_after,
                       state = what.state, code = what.code }, failure_type), 0)
end

-- ---- texts ----

-- At most `bytes` of a text, cut at a character, and what is gone is said.
function kit.cut(text, bytes)
  if #text <= bytes then return text end
  local notice = "… (cut, " .. #text .. " bytes)"
  local at = bytes - #notice
  if at < 1 then notice, at = "…", bytes - 3 end
  if at < 1 then return "" end
  while at > 0 and (text:byte(at + 1) or 0) & 0xC0 == 0x80 do at = at - 1 end
  return text:sub(1, at) .. notice
end
_G.cut = kit.cut

-- The same in characters.
function _G.cut_characters(text, most)
  local count = utf8.len(text, 1, -1, true)
  if not count then return kit.cut(text, most) end
  if count <= most then return text end
  local notice = "… (cut, " .. count .. " characters)"
  if most < 80 then notice = "…" end
  local keep = most - utf8.len(notice)
  return text:sub(1, utf8.offset(text, keep + 1) - 1) .. notice
end

-- One line that can be shown.
function kit.line(text)
  text = tostring(text)
  if #text > 400 then text = kit.cut(text, 400) end
  text = text:gsub("[%c\127]+", " ")
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  return text
end

function _G.escape_markdown(text) return (tostring(text):gsub("[\\*_~|>`#%[%]]", "\\%0")) end

function _G.iso(ms) return time.iso(ms / 1000) end
_G.hmac, _G.base64 = core.hmac, core.base64

-- ---- times ----

local function days_from_civil(y, m, d) -- Source: H. Hinnant, chrono-compatible low-level date algorithms
  if m <= 2 then y = y - 1 end
  local era = y // 400
  local yoe = y - era * 400
  local doy = (153 * (m + (m > 2 and -3 or 9)) + 2) // 5 + d - 1
  return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468
end

-- IMF-fixdate. Source: RFC 9110 section 5.6.7.
local function http_date(text)
  local d, mon, y, h, min, s = tostring(text):match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  if not d or not MONTHS[mon] then return nil end
  return days_from_civil(tonumber(y), MONTHS[mon], tonumber(d)) * 86400 + tonumber(h) * 3600 + tonumber(min) * 60
    + tonumber(s)
end

-- Seconds; nil when the answer does not say. A date counts from the answer's own, as clocks differ.
function kit.retry_after(headers)
  local said = headers["retry-after"]
  if not said then return nil end
  local seconds = tonumber(said)
  if not seconds then
    local at = http_date(said)
    if not at then return nil end
    seconds = at - (http_date(headers.date) or time.now())
  end
  if seconds ~= seconds then return nil end
  return seconds < 0 and 0 or seconds > WAIT_MAX and WAIT_MAX or seconds
end

-- ---- answers ----

local function is_html(answer)
  return (answer.headers["content-type"] or ""):lower():find("text/html", 1, true) ~= nil
    or answer.body:sub(1, 256):lower():find("^%s*<!doctype html") ~= nil
    or answer.body:sub(1, 256):lower():find("^%s*<html") ~= nil
end

-- What an answer says of itself, in few words.
local function excerpt(answer)
  if is_html(answer) then return "a page of HTML" end
  local ok, body = pcall(json.decode, answer.body:sub(1, 65536))
  if ok and type(body) == "table" then
    for _, name in ipairs { "error", "message", "error_description", "detail", "title", "errors" } do
      local said = body[name]
      if type(said) == "table" then said = said.message or said[1] end
      if type(said) == "string" then return kit.cut(said, 120) end
    end
    return ""
  end
  return kit.cut((answer.body:sub(1, 512):match("^%s*([^\r\n]*)") or ""), 120)
end
kit.excerpt = excerpt

-- Throws what an answer that was not wanted means.
function _G.refuse(answer, more)
  local status = answer.status
  local text = status .. ((more or excerpt(answer)) ~= "" and " " .. (more or excerpt(answer)) or "")
  if status >= 300 and status < 400 then
    fail { text = status .. " is a redirect, which is not followed", permanent = true }
  end
  fail { text = text, permanent = PERMANENT[status] or false, retry_after = kit.retry_after(answer.headers) }
end

function _G.accept(answer, options)
  if answer.status < 200 or answer.status > 299 then refuse(answer) end
  if is_html(answer) and not (options and options.html) then
    fail { text = answer.status .. " with a page of HTML, which is no answer of this service" }
  end
  return answer.body
end

function _G.accept_json(answer)
  local body = accept(answer)
  local ok, value = pcall(json.decode, body)
  if not ok or type(value) ~= "table" then fail { text = answer.status .. " without JSON, which was expected" } end
  return value
end

-- POSTs a table as JSON.
function _G.post_json(url, value, headers)
  local all = { ["content-type"] = "application/json; charset=utf-8" }
  for name, text in pairs(headers or {}) do all[name:lower()] = text end
  return http.request { method = "POST", url = url, body = json.encode(value), headers = all, timeout = 15,
                        max_bytes = 1024 * 1024 }
end

-- What was thrown, as { text, permanent, retry_after, state }.
function kit.judge(thrown)
  if type(thrown) ~= "table" then return { text = tostring(thrown), permanent = false } end
  if getmetatable(thrown) == failure_type then return thrown end
  if thrown.text and rawget(thrown, "kind") == nil and thrown.code == nil then
    return { text = tostring(thrown.text), permanent = thrown.permanent, retry_after = thrown.retry_after,
             state = thrown.state }
  end
  local permanent = thrown.kind == "Invalid" and not thrown.status
  if thrown.status then
    permanent = PERMANENT[thrown.status] and not thrown.retryable and thrown.kind ~= "Throttled"
      and thrown.kind ~= "Expired" and thrown.kind ~= "Skew" and thrown.kind ~= "Credentials"
  end
  return { text = tostring(thrown), permanent = permanent or false, retry_after = thrown.retry_after }
end

-- ---- messages ----

-- The two of a fact or a link, whichever way it is written.
function _G.pair(each) return each[1] or each.name, tostring(each[2] or each.value or each.url or "") end

-- What an alert of a message recommends, and what was decided, as lines.
function _G.advice_of(alert, escape)
  local lines = {}
  if alert.recommendation and alert.recommendation ~= "" then lines[1] = escape(alert.recommendation) end
  for _, action in ipairs(alert.actions or {}) do
    local text = action.text or action[1]
    local impact, effort = action.impact or action[2], action.effort or action[3]
    lines[#lines + 1] = "• " .. escape(tostring(text))
      .. (impact and effort and escape(" (" .. impact .. " / " .. effort .. ")") or "")
  end
  for _, decision in ipairs(alert.decisions or {}) do
    local text = type(decision) == "table" and (decision.text or decision[1]) or decision
    if text and text ~= "" then lines[#lines + 1] = "→ " .. escape(tostring(text)) end
  end
  return lines
end

-- ---- one request an alert ----

-- Calls f(alert) for those alerts of a notification that were not taken at an earlier attempt,
-- several at once. Fails when one fails; the state of the failure names those that were taken.
-- Answers how many there are, and a warning when the notification does not list all.
function _G.each_alert(notification, state, left, f)
  local taken, waiting = {}, {}
  if state and state.notification == notification.id then
    for _, id in ipairs(state.taken or {}) do taken[id] = true end
  end
  for _, alert in ipairs(notification.alerts) do
    if not taken[alert.id] then waiting[#waiting + 1] = alert end
  end
  local nth, may_pass, lasting = 0, nil, nil
  local function work()
    while nth < #waiting and not may_pass do
      if left() < LEAST_LEFT then
        may_pass = may_pass or { text = "not all in one attempt" }
        break
      end
      nth = nth + 1
      local alert = waiting[nth]
      local ok, thrown = pcall(f, alert)
      if ok then
        taken[alert.id] = true
      else
        local failure = kit.judge(thrown)
        if failure.permanent then lasting = lasting or failure else may_pass = may_pass or failure end
      end
    end
    return true
  end
  local workers = {}
  for i = 1, math.min(CONCURRENT, #waiting) do workers[i] = work end
  if #workers == 1 then work() elseif #workers > 1 then async.all(workers) end
  local failure, done = may_pass or lasting, json.array {}
  if failure then
    for _, alert in ipairs(notification.alerts) do
      if taken[alert.id] then done[#done + 1] = alert.id end
    end
    fail { text = failure.text .. " (" .. #done .. " of " .. #notification.alerts .. " alerts were taken)",
           permanent = failure.permanent, retry_after = failure.retry_after,
           state = { notification = notification.id, taken = done } }
  end
  local more = notification.more or 0
  return #notification.alerts, more > 0
    and more .. ' alerts are not listed in this notification, and were not sent: group_by { "..." }' or nil
end

return kit
