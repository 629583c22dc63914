-- The performance policy: what is slow, and what is said of it.

local FINE = { api_response_p99 = "300x12", db_query_p90 = "100x12", cache_hit_rate = "0.95x12" }

local function with(changes)
  local all = {}
  for name, value in pairs(FINE) do all[name] = value end
  for name, value in pairs(changes) do all[name] = value end
  return all
end

local function judge(changes, options)
  options = options or {}
  options.target = { environment = "prod" }
  options.series = with(changes)
  return run("performance", options)
end

describe("performance", function()
  it("is healthy while nothing is slow", function()
    local r = judge {}
    expect(r.status).to_be "healthy"
    expect(r.issues).to_equal {}
    expect(r.recommendations).to_equal {}
  end)
end)
