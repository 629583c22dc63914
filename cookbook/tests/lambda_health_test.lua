-- lambda_health: three issues, and a function that nobody calls is well.

local function judge(series, timeout_ms)
  return run("lambda_health", { target = "checkout", series = series, extra = { timeout_ms = timeout_ms or 30000 } })
end

it("is healthy while nobody calls it", function()
  local r = judge {}
  expect(r.status).to_be "healthy"
  expect(r.unknown).to_be_empty()
end)

it.each {
  { name = "error_percent", value = 10, type = "lambda_errors", says = "10.0 % of the calls of checkout fail" },
  { name = "throttles", value = 3, type = "lambda_throttled", says = "3 calls of checkout were throttled" },
  { name = "longest", value = 28000, type = "lambda_near_timeout", says = "up to 28000 of 30000 ms" },
} ("finds $type", function(case)
  local r = judge { [case.name] = case.value .. "x3" }
  expect(r.issues).to_have_length(1)
  expect(r:issue(case.type).description).to_contain(case.says)
end)

it("judges durations by the function's own timeout", function()
  expect(judge({ longest = "28000x3" }, 60000).issues).to_be_empty()
end)
