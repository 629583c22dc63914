-- api_latency: rises after two minutes of slow datapoints, and ends only when p99 is clearly below.

local PROD = { environment = "prod" }
local function judge(p99) return run("api_latency", { target = PROD, series = { p99 = p99 } }) end

it("is silent while p99 is below its limit", function()
  expect(judge("400x12").issues).to_be_empty()
end)

it("waits for two minutes before it says so", function()
  local r = judge "1500x12"
  expect(r.issues).to_be_empty()
  r = r:ticks(3, { p99 = 1500 })
  expect(r:issue("api_latency").description).to_be "API p99 is 1500 ms (limit 1000 ms)"
end)

it("stays while p99 wanders between the two limits, and ends below the lower one", function()
  local r = judge("1500x12"):ticks(3, { p99 = 1500 })
  r = r:ticks(6, { p99 = 900 })
  expect(r:issue("api_latency")).never.to_be_nil()
  r = r:ticks(6, { p99 = 700 })
  expect(r:issue("api_latency")).to_be_nil()
end)

it("is unknown without data, which resolves nothing", function()
  local r = judge("1500x12"):ticks(3, { p99 = 1500 })
  r = r:ticks(20, { p99 = "_" })
  expect(r.status).never.to_be "healthy"
end)
