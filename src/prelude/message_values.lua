-- message_values: numbers with units, times, and a series as a line of blocks and as an SVG plot.
--
-- The plot is made for mail: no text within the SVG, no style sheet, no id. A mail program that drops <svg>
-- leaves the table around it (message_html.lua) with the labels of both axes and the values.

local clean = require "moontide.message_clean"
local values = {}

local floor, max, min, abs = math.floor, math.max, math.min, math.abs

-- ---- numbers ----

-- CloudWatch's names and those that policies use.
local UNITS = {
  Seconds = "s", Milliseconds = "ms", Microseconds = "µs", Percent = "%", percent = "%", Bytes = "bytes", None = "",
  Count = "", count = "", ["Count/Second"] = "/s", ["Bytes/Second"] = "bytes/s", none = "",
}
local BINARY = { { 2.0 ^ 40, "TiB" }, { 2.0 ^ 30, "GiB" }, { 2.0 ^ 20, "MiB" }, { 2.0 ^ 10, "KiB" } }

local function grouped(digits)
  local whole, rest = digits:match("^(%-?%d+)(.*)$")
  if not whole then return digits end
  local count
  repeat whole, count = whole:gsub("^(%-?%d+)(%d%d%d)", "%1,%2") until count == 0
  return whole .. rest
end

-- Four significant digits, no trailing zeros.
local function number(v)
  local size = abs(v)
  if size >= 1e15 or size > 0 and size < 1e-4 then return ("%.3g"):format(v) end
  local decimals = size >= 1000 and 0 or size >= 100 and 1 or size >= 10 and 2 or size >= 1 and 3 or 4
  local text = ("%." .. decimals .. "f"):format(v)
  if text:find("%.") then text = text:gsub("%.?0+$", "") end
  return grouped(text == "-0" and "0" or text)
end

function values.label(v, unit)
  unit = UNITS[unit] or unit or ""
  local base, per = unit:match("^(bytes)(.*)$")
  if base then
    for _, prefix in ipairs(BINARY) do
      if abs(v) >= prefix[1] then return number(v / prefix[1]) .. " " .. prefix[2] .. per end
    end
    return number(v) .. " B" .. per
  end
  if unit == "" then return number(v) end
  return number(v) .. (unit:sub(1, 1) == "/" and unit or " " .. unit)
end

-- ---- times ----

-- Zones without summer time, by their names in tzdata: seconds east of UTC.
local FIXED = { ["Asia/Seoul"] = 32400, ["Asia/Tokyo"] = 32400, ["Asia/Shanghai"] = 28800,
                ["Asia/Hong_Kong"] = 28800, ["Asia/Singapore"] = 28800, ["Asia/Kolkata"] = 19800, UTC = 0 }

-- Seconds east of UTC of a named zone or of "+09:00"; nil when it is not known here.
local function known_offset(zone)
  if FIXED[zone] then return FIXED[zone] end
  local sign, hours, minutes = zone:match("^([+-])(%d%d):?(%d%d)$")
  local offset = sign and (tonumber(hours) * 60 + tonumber(minutes)) * 60
  return sign == "-" and -offset or offset
end

local function offset_of(zone)
  return type(zone) == "string" and known_offset(zone) or 0
end

-- What is wrong with a zone, or nil.
function values.zone_problem(zone)
  if zone == nil or type(zone) == "string" and known_offset(zone) then return nil end
  return "time zone '" .. (clean.line(zone, 40) or type(zone)) .. "' is not known here: times are in UTC"
end

local function formatted(at_s, zone, format)
  local ok, text = pcall(time.format, floor(at_s) + offset_of(zone), format)
  return ok and text or nil
end

-- ISO 8601 with the offset, or nil.
function values.iso(at_ms, zone)
  at_ms = clean.number(at_ms)
  local text = at_ms and formatted(at_ms / 1000, zone, "%Y-%m-%dT%H:%M:%S")
  if not text then return nil end
  local offset = offset_of(zone)
  if offset == 0 then return text .. "Z" end
  return ("%s%s%02d:%02d"):format(text, offset < 0 and "-" or "+", abs(offset) // 3600, abs(offset) // 60 % 60)
end

local function zone_label(zone)
  local offset = offset_of(zone)
  if offset == 0 then return "UTC" end
  return ("UTC%s%02d:%02d"):format(offset < 0 and "-" or "+", abs(offset) // 3600, abs(offset) // 60 % 60)
end

-- ---- series ----

local POINTS_MAX <const> = 120
local BLOCKS <const> = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }

-- A series of a notification with what is said of it, or nil: name, unit, points (false: a gap), count, last,
-- low, high, from and to (seconds; nil without times).
function values.series(raw)
  if type(raw) ~= "table" or type(raw.values) ~= "table" then return nil end
  local s = { name = clean.line(raw.name, 80) or "", unit = clean.line(raw.unit, 20), points = {} }
  local size = #raw.values
  local first = max(1, size - POINTS_MAX + 1)
  for i = first, size do
    local v = clean.number(raw.values[i])
    s.points[#s.points + 1] = v or false
    if v then
      s.last, s.low, s.high = v, min(s.low or v, v), max(s.high or v, v)
    end
  end
  local start, period = clean.number(raw.start), clean.number(raw.period)
  if start and period and period > 0 and #s.points > 0 then
    s.from, s.to = start + (first - 1) * period, start + (size - 1) * period
  end
  return s
end

-- At most `count` blocks, each the last value of its share of the points.
function values.spark(s, count)
  local blocks, size = {}, #s.points
  count = min(count, size)
  for i = 1, count do
    local v = s.points[i * size // count]
    local share = v and (s.high > s.low and (v - s.low) / (s.high - s.low) or 0.5)
    blocks[#blocks + 1] = share and BLOCKS[floor(share * (#BLOCKS - 1) + 0.5) + 1] or " "
  end
  return (table.concat(blocks):gsub("^ +", ""):gsub(" +$", ""))
end

-- The limit that a description names, when it is of the size of the series: "(limit 1000 ms)".
local SAID <const> = { "limit%s+(%d[%d,%.]*)%s*(%%?)", "threshold%s+(%d[%d,%.]*)%s*(%%?)",
                       "at least%s+(%d[%d,%.]*)%s*(%%?)", "at most%s+(%d[%d,%.]*)%s*(%%?)",
                       "한도%s+(%d[%d,%.]*)%s*(%%?)", "임계값%s+(%d[%d,%.]*)%s*(%%?)",
                       "(%d[%d,%.]*)%s*(%%?)%s*이상" }
function values.limit(description, s)
  if not description or not s.last then return nil end
  for _, pattern in ipairs(SAID) do
    local digits, percent = description:match(pattern)
    local limit = digits and tonumber((digits:gsub(",", ""):gsub("%.$", "")))
    if limit then
      if percent == "%" and s.high <= 1 and limit > 1 then limit = limit / 100 end
      local size = max(abs(s.high), abs(s.low))
      if limit <= size * 4 and limit * 4 >= size then return limit end
    end
  end
end

-- ---- the plot ----

local WIDTH <const>, HEIGHT <const> = 480, 132

-- 1, 2 or 5 times a power of ten, so that `count` steps hold the range.
local function step_of(range, count)
  local raw = range / count
  local power = 10.0 ^ floor(math.log(raw, 10) + 1e-9)
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * power >= raw * (1 - 1e-9) then return factor * power end
  end
  return 10 * power
end

local function axis_of(s, limit)
  local low, high = s.low, s.high
  if limit then low, high = min(low, limit), max(high, limit) end
  if low >= 0 and low < high / 2 then low = 0 end
  if low == high then low, high = low - max(abs(low) * 0.1, 0.5), high + max(abs(high) * 0.1, 0.5) end
  local step = step_of(high - low, 3)
  local axis = { low = floor(low / step + 1e-6) * step, high = math.ceil(high / step - 1e-6) * step, ticks = {} }
  for i = 0, floor((axis.high - axis.low) / step + 0.5) do axis.ticks[i + 1] = axis.low + i * step end
  return axis
end

local function path_of(s, x, y)
  local parts, pen = {}, "M"
  for i, v in ipairs(s.points) do
    if v then
      parts[#parts + 1] = ("%s%.1f %.1f"):format(pen, x(i), y(v))
      -- A datapoint between two gaps is a dot, by its round ends.
      if pen == "M" and not s.points[i + 1] then parts[#parts + 1] = "h.1" end
      pen = "L"
    else
      pen = "M"
    end
  end
  return table.concat(parts)
end

-- { svg, labels (of values, from the top), times = { from, zone, to } or nil, height }, or nil when there is nothing
-- to draw.
function values.plot(s, limit, zone)
  if not s.last or not clean.number(s.high - s.low) or abs(s.high) > 1e300 or abs(s.low) > 1e300 then return nil end
  local axis, size = axis_of(s, limit), #s.points
  local function x(i) return size > 1 and 4 + (i - 1) / (size - 1) * (WIDTH - 8) or WIDTH / 2 end
  local edge = HEIGHT / #axis.ticks / 2 -- labels are rows of equal height, each in the middle of its own
  local function y(v) return edge + (axis.high - v) / (axis.high - axis.low) * (HEIGHT - 2 * edge) end
  local out = { ('<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-hidden="true" viewBox="0 0 %d %d" '
    .. 'width="100%%" height="%d" preserveAspectRatio="none" style="display:block">'):format(WIDTH, HEIGHT, HEIGHT) }
  local labels = {}
  for i = #axis.ticks, 1, -1 do
    labels[#labels + 1] = values.label(axis.ticks[i], s.unit)
    out[#out + 1] = ('<path d="M0 %.1fH%d" stroke="#8b949e" stroke-opacity=".3" '
      .. 'vector-effect="non-scaling-stroke"/>'):format(y(axis.ticks[i]), WIDTH)
  end
  if limit then
    out[#out + 1] = ('<path d="M0 %.1fH%d" stroke="#e5534b" stroke-width="1.5" stroke-dasharray="6 4" '
                     .. 'vector-effect="non-scaling-stroke"/>'):format(y(limit), WIDTH)
  end
  out[#out + 1] = ('<path d="%s" fill="none" stroke="#2f81d7" stroke-width="2" stroke-linejoin="round" '
                   .. 'stroke-linecap="round" vector-effect="non-scaling-stroke"/></svg>'):format(path_of(s, x, y))
  local plot = { svg = table.concat(out), labels = labels, height = HEIGHT }
  if s.from then
    local format = s.to - s.from >= 86400 and "%m-%d %H:%M" or "%H:%M"
    plot.times = { formatted(s.from, zone, format) or "", zone_label(zone), formatted(s.to, zone, format) or "" }
  end
  return plot
end

return values
