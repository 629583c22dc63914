-- elasticache_pressure: too small is evictions and a low hit rate, not one of them.

local function judge(hit_rate, evictions, memory)
  return run("elasticache_pressure", { target = "gm-tool-prod", series = {
    hit_rate = hit_rate .. "x8", evictions = evictions .. "x8", memory = (memory or 50) .. "x8" } })
end

it.each {
  { name = "evictions of a good cache", hit_rate = 0.95, evictions = 500 }, { name = "an idle cache", hit_rate = 0.4, evictions = 0 },
} ("does not mind $name", function(case)
  expect(judge(case.hit_rate, case.evictions).issues).to_be_empty()
end)

it("finds a cache that is too small", function()
  local r = judge(0.6, 500)
  expect(r:issue("cache_too_small").description).to_be "gm-tool-prod evicts 500 keys in five minutes at a hit rate of 60 %"
  expect(r:recommendation("cache").action).to_contain "gm-tool-prod"
end)

it("says when memory is nearly full", function()
  expect(judge(0.95, 0, 95):issue("cache_memory")).to_have { severity = "low" }
end)
