-- error_budget: both windows have to burn, and the two kinds of them are two alerts.

local PROD = { environment = "prod" }
local function judge(errors, requests)
  return run("error_budget", { target = PROD, series = { errors = errors, requests = requests or "1000x71" } })
end

it("is silent at the rate that the objective allows", function()
  expect(judge("1x71").issues).to_be_empty() -- 0.1 %
end)

it("rises fast when two percent of the month's budget go in an hour", function()
  local r = judge "0x59 20x11" -- 2 % for an hour: twenty times too fast
  expect(r:issue("error_budget", "fast").severity).to_be "high"
  expect(r:issue("error_budget", "fast").description).to_contain "20.0 times too fast"
  expect(r:issue("error_budget", "slow")).to_be_nil() -- of six hours it is but 3.3 times
end)

it("rises slowly when it goes on for hours", function()
  local r = judge "8x71"
  expect(r:issue("error_budget", "slow").severity).to_be "medium"
  expect(r:issue("error_budget", "fast")).to_be_nil()
end)

it("is over as soon as the short window is well", function()
  expect(judge("0x59 20x10 0").issues).to_be_empty()
end)

it("takes no datapoint of errors for none, and no requests for unknown", function()
  expect(judge("_").status).to_be "healthy"
  expect(judge("_", "_").status).to_be "unknown"
end)

it("says nothing of a rate without requests", function()
  expect(judge("0x71", "0x71").issues).to_be_empty()
end)

it("judges the environments of moontide.lua", function()
  local r = run("error_budget", { series = { errors = "0x71", requests = "10x71" }, config = { environments = { "one" } } })
  expect(r.target).to_be "environment=one"
end)
