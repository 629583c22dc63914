-- lib.performance: the same list of series for policies and for scripts.

local asked -- what cloudwatch was asked
local real

before_each(function()
  real = cloudwatch
  _G.cloudwatch = setmetatable({
    fetch = function(metrics, range)
      asked = range
      local got = {}
      for key in pairs(metrics) do got[key] = { last = #key } end
      got.cache_hit_rate.last = nil
      return got
    end,
  }, { __call = function(_, fields) return fields end })
end)
after_each(function() _G.cloudwatch = real end)

it("declares 13 series of an environment", function()
  local count = 0
  for _, declared in pairs(require "lib.performance".metrics "prod") do
    expect(declared.dimensions).to_equal { Environment = "prod" }
    expect(declared.period).to_be "5m"
    count = count + 1
  end
  expect(count).to_be(13)
end)

it("collects the newest values of a range, and nothing in place of what is missing", function()
  local got = require "lib.performance".collect("prod", "3h", "1h")
  expect(asked).to_equal { start_time = "3h", end_time = "1h" }
  expect(got.api.response_time.p99).to_be(#"api_response_p99")
  expect(got.cache).to_equal { miss_rate = #"cache_miss_rate", eviction_count = #"cache_eviction_count" }
end)
