-- Questions to `stats` for test_stats_trend.py: `moontide script trends.lua` reads one a line, { name, arguments }, and
-- prints the list of its answers, or { error = ... }, as JSON. null is NaN, both ways.
local nan = 0 / 0

local function from_json(value)
  if value == json.null then return nan end
  if type(value) == "table" then
    for k, v in pairs(value) do value[k] = from_json(v) end
  end
  return value
end

local function to_json(value)
  if type(value) == "table" then
    for k, v in pairs(value) do value[k] = to_json(v) end
  elseif value == nil or value ~= value then
    return json.null
  elseif value == math.huge or value == -math.huge then
    return tostring(value)
  end
  return value
end

for line in io.lines() do
  local question = json.decode(line)
  local answers = table.pack(pcall(stats[question[1]], table.unpack(from_json(question[2]))))
  local out = { error = tostring(answers[2]) }
  if answers[1] then
    out = json.array {}
    for i = 2, answers.n do out[i - 1] = to_json(answers[i]) end
  end
  io.write(json.encode(out), "\n")
  io.flush()
end
