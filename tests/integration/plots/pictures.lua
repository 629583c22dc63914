-- The pictures of test_plot.py: `moontide script pictures.lua NAME utf8|ascii|color|svg FILE`. Their data is made of
-- integers and fixed, so that a picture is the same wherever it is drawn.
local how, file = arg[2], arg[3]
local times, values, other = {}, {}, {}
for i = 1, 97 do
  times[i] = 1767225600 + (i - 1) * 900
  values[i] = math.floor(400 + 300 * math.sin(i / 97 * 4 * math.pi))
  other[i] = values[i] // 3
end
values[70] = 1150
for i = 40, 46 do values[i] = 0 / 0 end
local expected, lower, upper = {}, {}, {}
for i = 1, 97 do
  expected[i] = math.floor(400 + 300 * math.sin(i / 97 * 4 * math.pi))
  lower[i], upper[i] = expected[i] - 100, expected[i] + 100
end

local lines = {
  { values = values, times = times, label = "p99", marks = { 70 },
    band = { expected = expected, lower = lower, upper = upper } },
  { values = other, times = times, label = "p50" },
}
local many = {}
for i = 1, 1000 do many[i] = 20 * 1.005 ^ i end

-- The data, and its options.
local pictures = {
  lines = { lines, { title = "API latency", unit = "ms" } },
  log = { { 1, 3, 10, 40, 100, 300, 2000 }, { log = true, unit = "s" } },
  bytes = { { 0, 512, 1024, nil, 4096, 2048 }, { unit = "bytes" } },
  hist = { many, { hist = true, unit = "ms", title = "Latency", bins = 8 } },
  loghist = { many, { hist = true, unit = "ms", log = true, bins = 8 } },
  days = { { values = { 3, 4, 8, 2 }, times = { 1767225600, 1768003200, 1769904000, 1775001600 } }, {} },
  hostile = { { 1, 2 }, { title = [[</title><script>alert("x & 'y'")</script>]] .. "\1\255",
                        labels = { "<b>" }, unit = "<&>" } },
}
local picture, options = table.unpack(pictures[arg[1]])
if how == "svg" then
  plot.svg(file, picture, options)
else
  options.ascii, options.color, options.width, options.height = how == "ascii", how == "color", 60, 10
  plot(picture, options)
end
