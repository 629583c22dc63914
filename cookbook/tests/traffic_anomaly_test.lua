-- traffic_anomaly: learns the rhythm of three days, and finds what does not fit.

-- Three days of 5-minute sums with a daily wave, the last one replaced.
local function days(last)
  local values = {}
  for i = 1, 863 do
    values[i] = math.floor(1000 + 400 * math.sin(2 * math.pi * i / 288) + (i * 7919 % 41 - 20))
  end
  values[864] = last
  return values
end
local function judge(values) return run("traffic_anomaly", { target = { environment = "prod" }, series = { requests = values } }) end

it("is silent while requests come as they always do", function()
  expect(judge(days(1000)).issues).to_be_empty()
end)

it("finds requests that do not come", function()
  local r = judge(days(0))
  expect(r:issue("traffic_missing")).to_have { severity = "high" }
  expect(r:issue("traffic_missing").description).to_contain "0 requests in five minutes, expected were"
end)

it("finds a surge, which is less bad", function()
  expect(judge(days(9000)):issue("traffic_surge").severity).to_be "medium"
end)

it("waits until it has seen enough", function()
  expect(judge({ 100, 110, 105 }).issues).to_be_empty()
end)
