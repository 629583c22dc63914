-- The performance policy: what is slow, how bad that is, and what is said of it.

local FINE = { api_response_p99 = 300, db_query_p90 = 100, cache_hit_rate = 0.95 }

-- A run in which everything is fine but for what the test changes.
local function judge(changes, config)
  local series = {}
  for name, value in pairs(FINE) do series[name] = value end
  for name, value in pairs(changes) do series[name] = value end
  return run("performance", { target = { environment = "prod" }, series = series, config = config })
end

it("is healthy while nothing is slow", function()
  local r = judge {}
  expect(r.status).to_be "healthy"
  expect(r.findings).to_equal { issues = {}, recommendations = {} }
end)

it.each {
  { name = "API", series = { api_response_p99 = 1001 }, type = "api_latency", status = "critical", says = "1001 ms" },
  { name = "database", series = { db_query_p90 = 501 }, type = "db_latency", status = "warning", says = "501 ms" },
  { name = "cache", series = { cache_hit_rate = 0.799 }, type = "cache_miss", status = "healthy", says = "79.9 %" },
} ("finds a slow $name", function(case)
  local r = judge(case.series)
  expect(r.status).to_be(case.status)
  expect(r.issues).to_have_length(1)
  expect(r:issue(case.type).description).to_contain(case.says)
  expect(r.recommendations).to_have_length(1)
end)

it.each {
  { "api_response_p99", 1000 }, { "db_query_p90", 500 }, { "cache_hit_rate", 0.8 },
} ("lets %s pass at its limit of %s", function(name, limit)
  expect(judge({ [name] = limit }).issues).to_be_empty()
end)

it("is told once what is slow, in words, and once that it is over", function()
  local r = judge { api_response_p99 = 2500 }
  expect(r.sent).to_have_length(1)
  expect(r.sent[1].title).to_contain "environment=prod"
  expect(r.sent[1].text).to_match "API p99 response time is 2500 ms %(limit 1000 ms%)"
  r = r:ticks(5, FINE)
  expect(r.status).to_be "healthy"
  expect(r.sent).to_have_length(2)
  expect(r.sent[2].status).to_be "resolved"
end)

it("does not know where there is no data, and then nothing resolves", function()
  local r = judge { api_response_p99 = "2500 _x12" }
  expect(r.status).to_be "unknown"
  expect(r.unknown).to_contain { metric = "api_response_p99" }
  expect(r.stated[1].description).to_contain "unknown"
  expect(r.issues).to_be_empty()
  r = r:ticks(1, { api_response_p99 = 2500 })
  expect(r.status).to_be "critical"
  r = r:advance("3h"):tick()
  expect(r:issue("api_latency")).never.to_be_nil()
end)

it("speaks Korean where moontide.lua says so, and English otherwise", function()
  local slow = { api_response_p99 = 2500 }
  expect(judge(slow, { language = "ko" }):issue("api_latency").description).to_contain "API p99 응답 시간"
  expect(judge(slow, { language = "xx" }):issue("api_latency").description).to_contain "API p99 response time"
end)

it("judges the environments of moontide.lua", function()
  local r = run("performance", { series = FINE, config = { environments = { "one", "two" } } })
  expect(r.targets).to_have_length(2)
  expect(r.targets["environment=two"].status).to_be "healthy"
end)
