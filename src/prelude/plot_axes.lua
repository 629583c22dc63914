-- plot_axes: nice numbers. Units and their prefixes, the ticks of an axis of values (linear, logarithmic)
-- and of one of times, and where on an axis a value lies.

local axes = {}

local floor, ceil, abs, log, huge = math.floor, math.ceil, math.abs, math.log, math.huge

-- ---- units ----

-- What a unit is counted in, and its prefixes: { size, text, used from }. Decimal ones are SI, those of
-- bytes IEC 80000-13.
local DURATION = { { 86400, "d", 172800 }, { 3600, "h", 7200 }, { 60, "min", 120 }, { 1, "s" }, { 1e-3, "ms" },
                   { 1e-6, "us" }, { 1e-9, "ns" } }
local BINARY = { { 2.0 ^ 50, "PiB" }, { 2.0 ^ 40, "TiB" }, { 2.0 ^ 30, "GiB" }, { 2.0 ^ 20, "MiB" },
                 { 1024.0, "KiB" }, { 1, "B" } }
local DECIMAL = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" }, { 1, "" } }
local KINDS = {
  s = { 1, DURATION }, ms = { 1e-3, DURATION }, us = { 1e-6, DURATION }, ns = { 1e-9, DURATION },
  bytes = { 1, BINARY }, count = { 1, DECIMAL }, percent = { 1, { { 1, "%" } } },
}
-- CloudWatch's own names, so that a metric's unit can be handed on.
local SPELLED = { seconds = "s", milliseconds = "ms", microseconds = "us", b = "bytes", none = "count",
                  ["%"] = "percent" }

-- The kind of a unit, and what is written after every label ("/s").
local function kind_of(unit)
  local name = (unit or "count"):lower()
  local base, per = name:match("^(.-)/(s)e?c?o?n?d?$")
  base = base or name
  local kind = KINDS[SPELLED[base] or base]
  if kind then return kind, per and "/" .. per or "" end
  return KINDS.count, " " .. unit -- requests, tasks: as it is
end

-- Zero is written in the unit that was given.
local function prefix_for(kind, size)
  size = size * kind[1]
  for _, prefix in ipairs(kind[2]) do
    if size == 0 and prefix[1] == kind[1] or size > 0 and size >= (prefix[3] or prefix[1]) * (1 - 1e-9) then
      return prefix
    end
  end
  return kind[2][#kind[2]]
end

-- How a value reads: "250 ms", "1.5 GiB", "12k", "35 %".
local function write(number, text, after)
  if text == "" then return number .. after end
  if #text == 1 and text:find("[kMGT]") then return (number == "0" and number or number .. text) .. after end
  return number .. " " .. text .. after
end

local function plain(v, decimals)
  local text = ("%." .. decimals .. "f"):format(v)
  return text:find("^%-0%.?0*$") and text:sub(2) or text
end

local function significant(v)
  if v == 0 then return "0" end
  if abs(v) >= 1e15 or abs(v) < 1e-4 then return ("%.3g"):format(v) end
  local digits = floor(log(abs(v), 10))
  local text = plain(v, math.max(0, 2 - digits))
  return text:find("%.") and text:gsub("%.?0+$", "") or text
end

-- One value by itself, to three digits. In `tens` a duration is not counted in minutes: 200 s, not 3.33 min.
function axes.label(v, unit, tens)
  local kind, after = kind_of(unit)
  local prefix = prefix_for(kind, tens and kind[2] == DURATION and math.min(abs(v), 1 / kind[1]) or abs(v))
  return (write(significant(v * (kind[1] / prefix[1])), prefix[2], after))
end

-- ---- an axis of values ----

-- 1, 2 or 5 times a power of ten.
local function nice_step(range, count)
  local raw = range / count
  local power = 10.0 ^ floor(log(raw, 10) + 1e-9)
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * power >= raw * (1 - 1e-9) then return factor * power end
  end
  return 10 * power
end

local function linear(o, low, high, count)
  if o.min == nil and low > 0 and low < high / 2 then low = 0 end -- near enough to show how far from nothing
  if low == high then
    local room = low == 0 and 1 or abs(low) * 0.1
    low, high = o.min or low - room, o.max or high + room
  end
  local kind, after = kind_of(o.unit)
  local prefix = prefix_for(kind, math.max(abs(low), abs(high)))
  local factor = kind[1] / prefix[1]
  local step = nice_step((high - low) * factor, count)
  local first, last = floor(low * factor / step + 1e-6), ceil(high * factor / step - 1e-6)
  local axis = { low = o.min or first * step / factor, high = o.max or last * step / factor, ticks = {} }
  local decimals = math.max(0, -floor(log(step, 10) + 1e-9))
  for i = first, last do
    local v = i * step / factor
    if v >= axis.low - step / factor * 1e-6 and v <= axis.high + step / factor * 1e-6 then
      local number = i == 0 and "0" or abs(i * step) >= 1e15 and ("%.4g"):format(i * step) or plain(i * step, decimals)
      axis.ticks[#axis.ticks + 1] = { v, write(number, prefix[2], after) }
    end
  end
  return axis
end

-- What is round within a power of ten, the coarsest first; the last is series E12 of IEC 60063.
local ROUND = { { 1 }, { 1, 2, 5 }, { 1, 1.5, 2, 3, 5, 7 },
                { 1, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2 } }

-- Round values from below `low` to above `high`: by tens, or for bytes powers of two; `every` of them, `fine` of
-- ROUND.
local function round_values(low, high, binary, every, fine)
  local list, base = {}, binary and 2.0 or 10.0
  local first, last = floor(log(low, base) + 1e-9), ceil(log(high, base) - 1e-9)
  first = first // every * every
  for power = first, last + every - 1, every do
    for _, factor in ipairs(binary and ROUND[1] or ROUND[fine]) do
      local v = factor * base ^ power
      if list[#list] and list[#list] >= high * (1 - 1e-9) then return list end
      if #list == 1 and v <= low * (1 + 1e-9) then list[1] = nil end -- it was too far below
      list[#list + 1] = v
    end
  end
  return list
end

-- At most about `count` of them, and two at least.
function axes.logarithmic_values(low, high, unit, count)
  local binary = kind_of(unit) == KINDS.bytes
  for fine = binary and 1 or #ROUND, 1, -1 do
    local list = round_values(low, high, binary, 1, fine)
    if #list <= count * 1.25 + 1 then return list end
  end
  for _, every in ipairs { 2, 3, 5, 10, 20, 50, 100, 200, 700 } do
    local list = round_values(low, high, binary, every, 1)
    if #list <= count + 1 then return list end
  end
  return { low, high }
end

local function logarithmic(o, low, high, count)
  if low == high then low, high = o.min or low / 2, o.max or high * 2 end
  local ends = round_values(low, high, false, 1, 2)
  local axis = { low = o.min or ends[1], high = o.max or ends[#ends], log = true, ticks = {} }
  for _, v in ipairs(axes.logarithmic_values(axis.low, axis.high, o.unit, count + 1)) do
    if v >= axis.low * (1 - 1e-9) and v <= axis.high * (1 + 1e-9) then
      axis.ticks[#axis.ticks + 1] = { v, axes.label(v, o.unit, true) }
    end
  end
  return axis
end

-- low, high: of the data; o: min, max, unit, log. About `count` ticks.
function axes.values(o, low, high, count)
  low, high = o.min or low, o.max or high
  if o.log then return logarithmic(o, low, high, math.max(2, count)) end
  return linear(o, low, high, math.max(1, count))
end

-- Where v lies between the axis' ends: 0 to 1, or beyond.
function axes.share(axis, v)
  if axis.log then
    if v <= 0 then return -huge end
    return log(v / axis.low) / log(axis.high / axis.low)
  end
  return (v - axis.low) / (axis.high - axis.low)
end

-- ---- an axis of times ----

local STEPS = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800,
                345600, 604800, 1209600 }

local function clock_label(at, step)
  if step >= 86400 then return os.date("!%b %d", at) end
  if at % 86400 == 0 then return os.date("!%b %d", at) end
  return os.date(step < 60 and "!%H:%M:%S" or "!%H:%M", at)
end

-- Days since 1970-01-01 of the first of a month. Source: H. Hinnant, "chrono-Compatible Low-Level Date
-- Algorithms", days_from_civil.
local function first_of_month(year, month)
  if month <= 2 then year = year - 1 end
  local of_era = (153 * (month + (month > 2 and -3 or 9)) + 2) // 5
  return 365 * year + year // 4 - year // 100 + year // 400 + of_era - 719468
end

local function month_ticks(low, high, count)
  local months = (high - low) / 2629746
  local every = 240
  for _, step in ipairs { 1, 2, 3, 6, 12, 24, 60, 120 } do
    if months / step <= count then
      every = step
      break
    end
  end
  local ticks = {}
  local date = os.date("!*t", floor(low))
  local month = (date.year * 12 + date.month - 1) // every * every
  while true do
    local at = first_of_month(month // 12, month % 12 + 1) * 86400
    if at > high then return ticks end
    if at >= low then ticks[#ticks + 1] = { at, os.date(every % 12 == 0 and "!%Y" or "!%Y-%m", at) } end
    month = month + every
  end
end

function axes.times(low, high, count)
  local axis = { low = low, high = high, time = true, ticks = {} }
  if low == high then
    axis.low, axis.high, axis.ticks[1] = low - 1, high + 1, { low, clock_label(floor(low), 1) }
    return axis
  end
  for _, step in ipairs(STEPS) do
    if (high - low) / step <= count then
      for at = ceil(low / step) * step, high, step do
        axis.ticks[#axis.ticks + 1] = { at, clock_label(floor(at), step) }
      end
      return axis
    end
  end
  axis.ticks = month_ticks(low, high, count)
  return axis
end

-- What counts datapoints, where there are no times.
function axes.positions(low, high, count)
  local axis = { low = low, high = high, ticks = {} }
  if low == high then return { low = low - 1, high = high + 1, ticks = { { low, plain(low, 0) } } } end
  local step = math.max(1, nice_step(high - low, count))
  for i = ceil(axis.low / step), floor(axis.high / step) do
    axis.ticks[#axis.ticks + 1] = { i * step, plain(i * step, 0) }
  end
  return axis
end

return axes
