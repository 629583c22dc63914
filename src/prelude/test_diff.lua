-- test_diff: whether two values are the same all the way down, where they differ first, and both
-- sides of it for a person.
local core = ...
local ipairs, next, rawequal, rawlen, tostring, type = ipairs, next, rawequal, rawlen, tostring, type
local concat, sort = table.concat, table.sort
local find, format, gmatch, gsub, sub = string.find, string.format, string.gmatch, string.gsub, string.sub
local mathtype = math.type

local DIFFERENCES_MAX <const>, LINE_MAX <const>, DEPTH_MAX <const> = 10, 160, 60
local diff = {}

local RED, GREEN, DIM, OFF = "", "", "", ""
if core.color then RED, GREEN, DIM, OFF = "\27[31m", "\27[32m", "\27[2m", "\27[0m" end

-- ---- values in words ----

local function quoted(text)
  return (gsub(format("%q", text), "\\\n", "\\n"))
end

local function by_key(a, b)
  local ta, tb = type(a), type(b)
  if ta ~= tb then return ta < tb end
  if ta == "number" or ta == "string" then return a < b end
  return tostring(a) < tostring(b)
end

local function sorted_keys(t)
  local keys = {}
  for key in next, t do keys[#keys + 1] = key end
  sort(keys, by_key)
  return keys
end

local function key_text(key)
  if type(key) == "string" and find(key, "^[%a_][%w_]*$") then return key end
  return "[" .. (type(key) == "string" and quoted(key) or tostring(key)) .. "]"
end

local function number_text(n)
  if mathtype(n) == "integer" then return format("%d", n) end
  local text = format("%.14g", n)
  if tonumber(text) ~= n then text = format("%.17g", n) end
  return text
end

local function show(value, depth, seen)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "number" then return number_text(value) end
  if kind ~= "table" then return value == core.null and "json.null" or tostring(value) end
  if seen[value] then return "<cycle>" end
  if depth > 8 then return "{...}" end
  seen[value] = true
  local parts, length = {}, rawlen(value)
  for i = 1, length do parts[i] = show(rawget(value, i), depth + 1, seen) end
  for _, key in ipairs(sorted_keys(value)) do
    if not (mathtype(key) == "integer" and key >= 1 and key <= length) then
      parts[#parts + 1] = key_text(key) .. " = " .. show(rawget(value, key), depth + 1, seen)
    end
    if #parts > 200 then
      parts[#parts + 1] = "..."
      break
    end
  end
  seen[value] = nil
  return #parts > 0 and "{ " .. concat(parts, ", ") .. " }" or "{}"
end

-- One line; cut when it is long.
function diff.show(value, max)
  local text = show(value, 1, {})
  max = max or LINE_MAX
  if #text > max then text = sub(text, 1, max) .. " ..." end
  return text
end

-- Many lines, for snapshots: stable, and easy to read in a review.
local function pretty(value, indent, out)
  if type(value) ~= "table" then
    out[#out + 1] = show(value, 1, {})
    return
  end
  local keys = sorted_keys(value)
  if #keys == 0 then
    out[#out + 1] = "{}"
    return
  end
  if #indent > DEPTH_MAX then
    out[#out + 1] = "{...}"
    return
  end
  out[#out + 1] = "{\n"
  local inner, length = indent .. "  ", rawlen(value)
  for _, key in ipairs(keys) do
    out[#out + 1] = inner
    if not (mathtype(key) == "integer" and key >= 1 and key <= length) then out[#out + 1] = key_text(key) .. " = " end
    pretty(rawget(value, key), inner, out)
    out[#out + 1] = ",\n"
  end
  out[#out + 1] = indent .. "}"
end

function diff.pretty(value)
  local out = {}
  pretty(value, "", out)
  return concat(out)
end

-- ---- differences ----

local function step(path, key)
  if type(key) == "string" and find(key, "^[%a_][%w_]*$") then return path .. "." .. key end
  return path .. "[" .. (type(key) == "string" and quoted(key) or tostring(key)) .. "]"
end

local function equal_leaf(a, b)
  return a == b or (a ~= a and b ~= b)
end

-- Appends { path, expected, actual } for each place that differs; subset: what only actual has is
-- no difference.
local function walk(expected, actual, path, found, subset, seen, depth)
  if rawequal(expected, actual) or #found > DIFFERENCES_MAX then return end
  if type(expected) == "table" and core.is_matcher(expected) then
    if not core.matches(expected, actual) then found[#found + 1] = { path, expected, actual } end
    return
  end
  if type(expected) ~= "table" or type(actual) ~= "table" then
    if not equal_leaf(expected, actual) then found[#found + 1] = { path, expected, actual } end
    return
  end
  if seen[expected] == actual or depth > DEPTH_MAX then return end
  seen[expected] = actual
  for _, key in ipairs(sorted_keys(expected)) do
    walk(rawget(expected, key), rawget(actual, key), step(path, key), found, subset, seen, depth + 1)
  end
  if subset then return end
  for _, key in ipairs(sorted_keys(actual)) do
    if rawget(expected, key) == nil then found[#found + 1] = { step(path, key), nil, rawget(actual, key) } end
  end
end

function diff.same(expected, actual)
  local found = {}
  walk(expected, actual, "", found, false, {}, 0)
  return #found == 0, found
end

function diff.holds(expected, actual)
  local found = {}
  walk(expected, actual, "", found, true, {}, 0)
  return #found == 0, found
end

local function lines_of(text)
  local lines = {}
  for line in gmatch(text .. "\n", "(.-)\n") do lines[#lines + 1] = line end
  return lines
end

-- Two texts of several lines: the first line that differs, with the one before.
local function text_lines(expected, actual, out)
  local a, b, i = lines_of(expected), lines_of(actual), 1
  while a[i] == b[i] and a[i] do i = i + 1 end
  out[#out + 1] = DIM .. "  line " .. i .. ":" .. OFF
  if i > 1 then out[#out + 1] = "    " .. a[i - 1] end
  for at = i, math.min(i + 4, #a) do out[#out + 1] = GREEN .. "  - " .. a[at] .. OFF end
  for at = i, math.min(i + 4, #b) do out[#out + 1] = RED .. "  + " .. b[at] .. OFF end
end

local function two_sides(expected, actual, out)
  if type(expected) == "string" and type(actual) == "string" and (find(expected, "\n") or find(actual, "\n")) then
    return text_lines(expected, actual, out)
  end
  out[#out + 1] = "  expected  " .. GREEN .. diff.show(expected) .. OFF
  out[#out + 1] = "  actual    " .. RED .. diff.show(actual) .. OFF
end
diff.two_sides = two_sides

-- "they differ at .issues[1].severity", both sides, and the other places.
function diff.explain(found, out)
  local first = found[1]
  if first[1] ~= "" then out[#out + 1] = "they differ first at " .. first[1] end
  two_sides(first[2], first[3], out)
  for i = 2, #found do
    if i > DIFFERENCES_MAX then
      out[#out + 1] = DIM .. "  and more" .. OFF
      break
    end
    local each = found[i]
    out[#out + 1] = "  " .. each[1] .. ": " .. GREEN .. diff.show(each[2], 60) .. OFF .. ", not " .. RED ..
      diff.show(each[3], 60) .. OFF
  end
end

core.show = function(value) return type(value) == "string" and value or diff.show(value, 60) end
return diff
