-- Tests of policies/performance.lua: `moontide test` runs them, with no account and no network.
-- What there is: docs/testing.md of moontide.

local function judge(series)
  return run("performance", { target = { environment = "prod" }, series = series })
end

describe("performance", function()
  it("is healthy while nothing is slow", function()
    local r = judge { api_response_p99 = "300x11", db_query_p90 = "100x11", cache_hit_rate = "0.95x11" }
    expect(r.status).to_be "healthy"
    expect(r.issues).to_be_empty()
  end)

  it("is critical when the API is slow, and tells so", function()
    local r = judge { api_response_p99 = "300x10 1500", db_query_p90 = 100, cache_hit_rate = 0.95 }
    expect(r.status).to_be "critical"
    expect(r:issue("api_latency").severity).to_be "high"
    expect(r.sent[1].text).to_contain "1500 ms"
  end)
end)
