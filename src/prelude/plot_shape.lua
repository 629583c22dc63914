-- plot_shape: what the renderers of lines share: the axes of a picture, and each line as pieces that end at
-- gaps, reduced to what can be seen.

local axes = ...
local shape = {}

-- ---- the axes ----

-- NaN is nowhere.
local function widen(range, v, positive)
  if v ~= v or positive and v <= 0 then return end
  if not range.low or v < range.low then range.low = v end
  if not range.high or v > range.high then range.high = v end
end

-- A band counts only so far that it leaves half of the room to the data.
local function widen_by_bands(y, picture)
  local room = (y.high - y.low) / 2
  local bottom, top = y.low >= 0 and math.max(0, y.low - room) or y.low - room, y.high + room
  for _, line in ipairs(picture.series) do
    for _, name in ipairs { "lower", "upper" } do
      for _, v in ipairs(line.band and line.band[name] or {}) do
        if room > 0 and v == v then v = math.max(bottom, math.min(top, v)) end
        widen(y, v, picture.options.log)
      end
    end
  end
end

local function ranges(picture)
  local log, x, y = picture.options.log, {}, {}
  for _, line in ipairs(picture.series) do
    for i = 1, line.count do widen(y, line.y[i], log) end
    if line.count > 0 then
      widen(x, line.x[1])
      widen(x, line.x[line.count])
    end
    for _, mark in ipairs(line.marks) do
      widen(x, mark[1])
      widen(y, mark[2], log)
    end
  end
  if y.low then widen_by_bands(y, picture) end
  return x, y
end

-- x_count, y_count: about how many ticks. nil when there is nothing to draw.
function shape.axes(picture, x_count, y_count)
  local o, times = picture.options, false
  if o.log and (o.min and o.min <= 0 or o.max and o.max <= 0) then
    error("a logarithmic scale has no place for min and max of zero or less", 0)
  end
  if o.min and o.max and o.min >= o.max then error("min is not below max", 0) end
  local x, y = ranges(picture)
  if not y.low then return nil end
  if o.min and o.min >= y.high then y.high = o.max or o.min + math.max(1, math.abs(o.min)) end
  if o.max and o.max <= y.low then y.low = o.min or o.log and o.max / 10 or o.max - math.max(1, math.abs(o.max)) end
  for _, line in ipairs(picture.series) do times = times or line.times end
  return (times and axes.times or axes.positions)(x.low, x.high, x_count), axes.values(o, y.low, y.high, y_count)
end

-- ---- gaps ----

-- How far apart two datapoints may be and still be joined: where nearly all are equally far apart, a missing
-- one is a gap; where they come as they like, ten times the usual distance.
local function reach(line)
  if not line.times or line.count < 3 then return math.huge end
  local steps = {}
  for i = 2, line.count do steps[i - 1] = line.x[i] - line.x[i - 1] end
  table.sort(steps)
  local median = steps[(#steps + 1) // 2]
  local same = 0
  for _, step in ipairs(steps) do
    if math.abs(step - median) <= median * 0.01 then same = same + 1 end
  end
  return median * (same >= 0.8 * #steps and 1.5 or 10)
end

-- ---- reduction ----

-- A piece as its first, lowest, highest and last datapoint of every column, which draws the same. Source: Jugel
-- et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
local function reduce(piece, column)
  local out, i, count = {}, 1, #piece
  while i <= count do
    local here, first, low, high = column(piece[i][1]), i, i, i
    while i < count and column(piece[i + 1][1]) == here do
      i = i + 1
      if piece[i][2] < piece[low][2] then low = i end
      if piece[i][2] > piece[high][2] then high = i end
    end
    local before
    for _, each in ipairs { first, math.min(low, high), math.max(low, high), i } do
      if each ~= before then out[#out + 1] = piece[each] end
      before = each
    end
    i = i + 1
  end
  return out
end

-- Pieces of { x, y } in shares of the axes; y is any list beside line.x.
function shape.pieces(line, y, x_axis, y_axis, columns)
  local far, pieces, piece, before = line.reach or reach(line), {}, nil, nil
  line.reach = far
  for i = 1, line.count do
    local v = y[i]
    if v ~= v or y_axis.log and v <= 0 then
      piece = nil
    else
      if not piece or line.x[i] - before > far then
        piece = {}
        pieces[#pieces + 1] = piece
      end
      before = line.x[i]
      piece[#piece + 1] = { axes.share(x_axis, line.x[i]), axes.share(y_axis, v) }
    end
  end
  for i, each in ipairs(pieces) do
    if #each > columns then pieces[i] = reduce(each, function(x) return math.floor(x * columns) end) end
  end
  return pieces
end

-- Of a band: pieces of { x, lower, upper }, reduced to the widest of each column.
function shape.bands(line, x_axis, y_axis, columns)
  local far, pieces, piece, before, column = line.reach or reach(line), {}, nil, nil, nil
  line.reach = far
  local lower, upper = line.band.lower, line.band.upper
  for i = 1, line.count do
    local low, high = lower[i], upper[i]
    if low ~= low or high ~= high or y_axis.log and high <= 0 then
      piece = nil
    else
      local x = axes.share(x_axis, line.x[i])
      low, high = math.max(axes.share(y_axis, low), 0), math.min(axes.share(y_axis, high), 1)
      if not piece or line.x[i] - before > far then
        piece, column = {}, nil
        pieces[#pieces + 1] = piece
      end
      before = line.x[i]
      local here, last = math.floor(x * columns), piece[#piece]
      if here == column then
        last[2], last[3] = math.min(last[2], low), math.max(last[3], high)
      else
        piece[#piece + 1] = { x, low, high }
      end
      column = here
    end
  end
  return pieces
end

return shape
