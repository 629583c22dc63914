-- plot: values as a line in braille dots, for a terminal.
--
--   plot(values)                          prints a picture
--   plot { values = v, times = t, title = "p99", width = 60, height = 10, min = 0, max = 100 }
--   plot.text(...)                        the same as a string
--   plot.spark(values)                    one line of blocks: ▁▂▅█
--
-- Values are a list (holes are gaps), a series, or an answer of cloudwatch.fetch.

local BLOCKS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
-- The bit of a braille cell's dot, by row and column. Source: Unicode, block Braille Patterns.
local DOTS = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } }
local KNOWN = { values = true, times = true, title = true, width = true, height = true,
                min = true, max = true, last = true, reason = true }

local function is_number(v)
  return type(v) == "number" and v == v and v ~= math.huge and v ~= -math.huge
end

-- What was asked, as options with a list of values and their count.
local function options_of(what)
  if type(what) == "userdata" then what = { values = what:values() } end
  if type(what) ~= "table" then error("plot: a list of numbers or options expected", 3) end
  local o = {}
  if what.values == nil then
    o.values = what
  else
    for key, value in pairs(what) do
      if not KNOWN[key] then error("plot: unknown field '" .. tostring(key) .. "'", 3) end
      o[key] = value
    end
    if type(o.values) == "userdata" then o.values = o.values:values() end
  end
  o.count = 0
  for i in pairs(o.values) do
    if math.type(i) == "integer" and i > o.count then o.count = i end
  end
  return o
end

local function bounds(o)
  local low, high
  for i = 1, o.count do
    local v = o.values[i]
    if is_number(v) then
      if not low or v < low then low = v end
      if not high or v > high then high = v end
    end
  end
  return o.min or low, o.max or high
end

local function label(v)
  return string.format("%.4g", v)
end

-- The value at a dot column: the last one of its share, or between two when they are far apart.
local function value_at(o, x, columns)
  if o.count == 1 then return o.values[1] end
  local at = 1 + (o.count - 1) * x / (columns - 1)
  local i = math.min(math.floor(at), o.count - 1)
  local a, b = o.values[i], o.values[i + 1]
  if not is_number(a) or not is_number(b) then
    if at - i < 0.5 then return a else return b end
  end
  return a + (b - a) * (at - i)
end

local function draw(o, low, high, width, height)
  local cells, before = {}, nil
  for row = 1, height do cells[row] = {} end
  local function dot(x, y)
    local row, column = y // 4 + 1, x // 2 + 1
    cells[row][column] = (cells[row][column] or 0) | DOTS[y % 4 + 1][x % 2 + 1]
  end
  for x = 0, width * 2 - 1 do
    local v = value_at(o, x, width * 2)
    if is_number(v) then
      local share = high > low and (v - low) / (high - low) or 0.5
      share = math.max(0, math.min(1, share))
      local y = math.floor((1 - share) * (height * 4 - 1) + 0.5)
      local from, to = y, y
      if before and before < y then from = before + 1 elseif before and before > y then to = before - 1 end
      for each = math.min(from, to), math.max(from, to) do dot(x, each) end
      before = y
    else
      before = nil
    end
  end
  return cells
end

local function time_axis(o, indent, width)
  local first, last = o.times and o.times[1], o.times and o.times[#o.times]
  if not is_number(first) or not is_number(last) then return nil end
  local format = last - first >= 86400 and "!%m-%d %H:%M" or "!%H:%M"
  local a, b = os.date(format, math.floor(first)), os.date(format, math.floor(last))
  return string.rep(" ", indent) .. a .. string.rep(" ", math.max(1, width - #a - #b)) .. b
end

local plot = {}

function plot.text(what)
  local o = options_of(what)
  local width = math.tointeger(o.width or 60) or 60
  local height = math.tointeger(o.height or 8) or 8
  if width < 2 or width > 500 or height < 1 or height > 200 then
    error("plot: width is 2 to 500, height 1 to 200", 2)
  end
  local low, high = bounds(o)
  if not low or not high then return (o.title and o.title .. ": " or "") .. "no datapoints" end
  local cells = draw(o, low, high, width, height)
  local top, bottom = label(high), label(low)
  local indent = math.max(#top, #bottom)
  local lines = {}
  if o.title then lines[1] = string.rep(" ", indent + 2) .. o.title end
  for row = 1, height do
    local text = row == 1 and top or row == height and bottom or ""
    local line = { string.format("%" .. indent .. "s ", text), text ~= "" and "┤" or "│" }
    for column = 1, width do line[#line + 1] = utf8.char(0x2800 + (cells[row][column] or 0)) end
    lines[#lines + 1] = table.concat(line)
  end
  lines[#lines + 1] = time_axis(o, indent + 2, width)
  return table.concat(lines, "\n")
end

function plot.spark(what)
  local o = options_of(what)
  local low, high = bounds(o)
  local blocks = {}
  for i = 1, o.count do
    local v = o.values[i]
    if not is_number(v) then
      blocks[i] = " "
    else
      local share = high > low and (v - low) / (high - low) or 0.5
      share = math.max(0, math.min(1, share))
      blocks[i] = BLOCKS[math.floor(share * (#BLOCKS - 1) + 0.5) + 1]
    end
  end
  return table.concat(blocks)
end

return setmetatable(plot, { __call = function(_, what) print(plot.text(what)) end })
