-- plot: pictures of numbers, for a terminal and as SVG.
--
--   plot(data, ... [, options])            prints: lines in braille dots, or the bars of a sketch
--   plot.lines { data, ..., options }      the same, of one table
--   plot.hist(data [, options])            the same with `hist`
--   plot.text(data, ... [, options])       the same as a string
--   plot.svg(file, data, ... [, options])  an SVG file; plot.svg_text(data, ...) its text
--   plot.spark(data [, options])           one line of blocks: ▁▂▅█
--   plot.label(value, unit)                a number as people write it: "1.5 GiB"
--   plot.terminal()                        { width, color, utf8 } of standard output
--
-- Data: a list of numbers (holes are gaps), a series, a vector, a sketch, { values, times, label, band, marks }, or
-- an answer of cloudwatch.fetch. Times are seconds since the epoch, and shown in UTC.
-- Options: title, width, height (columns and rows; of an SVG its units), min, max, unit ("s", "ms", "bytes",
-- "percent", "count", "bytes/s", or any word), log, times, labels, legend = false, band = { expected, lower,
-- upper }, marks = { number of a datapoint or { time, value }, ... }, ascii, color; hist = true and bins: bars of
-- how often values occur.

local core = ...

-- The parts, compiled when the first picture is drawn: most scripts draw none.
local axes, data, text, svg

local function load_axes() axes = axes or core.part("plot_axes") end

local function load_parts()
  if svg then return end
  load_axes()
  data = core.part("plot_data", core, axes)
  local shape = core.part("plot_shape", axes)
  text = core.part("plot_text", axes, shape)
  svg = core.part("plot_svg", axes, shape)
end

local plot = {}

-- What is wrong with the arguments is said at the line of the caller: never call this as a tail.
local function try(f, ...)
  load_parts()
  local ok, result = pcall(f, ...)
  if ok then return result end
  error(type(result) == "string" and "plot: " .. result or result, 3)
end

-- ---- sizes ----

local function size(value, default, low, high, name)
  value = math.floor(value or default)
  if value < low or value > high then error(("%s is %d to %d, not %d"):format(name, low, high, value), 0) end
  return value
end

local function for_terminal(picture, printed)
  local o = picture.options
  local width, color, utf8 = core.terminal()
  o.width = size(o.width, width, 2, 1000, "width")
  o.height = size(o.height, 12, 1, 200, "height")
  if o.ascii == nil then o.ascii = not utf8 end
  if o.color == nil then o.color = printed and color end
  return picture
end

local function for_svg(picture)
  local o = picture.options
  o.width = size(o.width, 720, 120, 10000, "width of an SVG")
  o.height = size(o.height, 300, 80, 10000, "height of an SVG")
  return picture
end

-- ---- the front ----

-- A sketch can only be bars; a list is, where that is asked for.
local function read(hist, ...)
  local count = select("#", ...)
  local last = select(math.max(count, 1), ...)
  if hist or data.is_sketch((...)) or type(last) == "table" and last.hist == true then
    return data.histogram({ ... }, count)
  end
  return data.lines({ ... }, count)
end

local function as_text(printed, hist, ...)
  local picture = for_terminal(read(hist, ...), printed)
  return (picture.bins and text.bars or text.lines)(picture)
end

local function as_svg(...)
  local picture = for_svg(read(false, ...))
  return (picture.bins and svg.bars or svg.lines)(picture)
end

function plot.text(...) return (try(as_text, false, false, ...)) end

function plot.lines(...) print(try(as_text, true, false, ...)) end

function plot.hist(...) print(try(as_text, true, true, ...)) end

function plot.svg_text(...) return (try(as_svg, ...)) end

local function write(path, content)
  local file, problem = io.open(path, "w")
  if not file then error(problem, 0) end
  local ok, failed = file:write(content)
  local closed, late = file:close() -- what could not be written may be told only now
  if not ok or not closed then error(path .. ": " .. tostring(failed or late), 0) end
end

function plot.svg(path, ...)
  if type(path) ~= "string" then error("plot.svg: the file's name was expected first", 2) end
  try(function(...) write(path, as_svg(...)) end, ...)
end

function plot.spark(...)
  return (try(function(...)
    local picture = data.lines({ ... }, select("#", ...))
    local _, _, utf8 = core.terminal()
    if picture.options.ascii == nil then picture.options.ascii = not utf8 end
    return text.spark(picture)
  end, ...))
end

function plot.terminal()
  local width, color, utf8 = core.terminal()
  return { width = width, color = color, utf8 = utf8 }
end

function plot.label(value, unit)
  if type(value) ~= "number" then error("plot.label: a number was expected", 2) end
  load_axes()
  return axes.label(value, unit)
end

return setmetatable(plot, { __call = function(_, ...) print(try(as_text, true, false, ...)) end })
