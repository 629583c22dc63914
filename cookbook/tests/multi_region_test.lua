-- multi_region: says where traffic could go, if anywhere.

local SEOUL = { region = "ap-northeast-2" }
local function judge(here, there)
  return run("multi_region", { target = SEOUL, series = { here = here, ["eu-west-1"] = there } })
end

it("is healthy while the canary succeeds", function()
  expect(judge("100x5", "100x5").status).to_be "healthy"
end)

it("names the region to move to", function()
  local r = judge("20x5", "100x5")
  expect(r:issue("region_down").recommendation).to_be "Move traffic to eu-west-1"
  expect(r:recommendation("traffic").action).to_be "Weight ap-northeast-2 to 0, eu-west-1 takes it"
end)

it.each {
  { name = "is down as well", there = "30x5" }, { name = "does not report", there = "_" },
} ("does not move to a region that $name", function(case)
  local r = judge("20x5", case.there)
  expect(r:issue("region_down").recommendation).to_contain "No region is well"
  expect(r.recommendations).to_be_empty()
end)

it("takes a canary that does not report for a bad sign", function()
  expect(judge("_", "100x5"):issue("region_down")).never.to_be_nil()
end)
