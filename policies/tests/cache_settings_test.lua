-- cache_settings: a cache under pressure gets other settings, and its old ones back after a calm day.

local function judge(series, options)
  options = options or {}
  options.target, options.series, options.mode = { environment = "prod" }, series, options.mode or "act"
  return run("cache_settings", options)
end

local PRESSED = { hits = "0.5x13", evictions = "500x13" }
local CALM = { hits = "0.95x13", evictions = "0x13" }

local function parameters(r) return r:decision("cache_parameters").wanted.parameters end

it("leaves a calm cache as it is", function()
  local r = judge(CALM)
  expect(r.issues).to_be_empty()
  expect(r:decision("cache_parameters").reason).to_be "NO_CHANGE"
  expect(parameters(r)["maxmemory-policy"]).to_be "volatile-lru"
end)

it("changes both settings of a cache that evicts much and hits little", function()
  local r = judge(PRESSED)
  expect(r.status).to_be "warning"
  expect(r:issue("cache_pressure").description).to_be(
    "The cache evicts 500 keys in five minutes at a hit rate of 50.0 %")
  expect(r.recommendations).to_have { type = "cache", impact = "high" }
  expect(r:decision("cache_parameters")).to_have { outcome = "applied" }
  expect(parameters(r)).to_equal { ["maxmemory-policy"] = "allkeys-lfu", ["reserved-memory-percent"] = "20" }
end)

it("only proposes that in its ordinary mode", function()
  expect(judge(PRESSED, { mode = "recommend" }):decision("cache_parameters")).to_have { outcome = "proposed",
                                                                                       reason = "MODE" }
end)

it.each {
  { name = "cold, but evicting nothing", hits = "0.5x13", evictions = "0x13" },
  { name = "evicting, but warm", hits = "0.95x13", evictions = "500x13" },
} ("is no pressure: $name", function(case)
  expect(judge({ hits = case.hits, evictions = case.evictions }).issues).to_be_empty()
end)

it("goes back after a day of calm, and not before", function()
  local r = judge(PRESSED)
  r = r:advance("23h"):tick(CALM)
  expect(parameters(r)["maxmemory-policy"]).to_be "allkeys-lfu"
  r = r:advance("1h"):tick(CALM)
  expect(parameters(r)["maxmemory-policy"]).to_be "volatile-lru"
  expect(r.memo).to_equal {}
end)

it("keeps its settings while it does not know", function()
  local r = judge({}, { memo = { pressed = true, pressed_at = 0 } })
  expect(r.status).to_be "unknown"
  expect(parameters(r)["maxmemory-policy"]).to_be "allkeys-lfu"
end)

it("speaks Korean and judges the environments of moontide.lua", function()
  local r = run("cache_settings", { series = PRESSED, config = { environments = { "one" }, language = "ko" } })
  expect(r.target).to_be "environment=one"
  expect(r:issue("cache_pressure").description).to_contain "적중률"
  expect(judge(PRESSED, { config = { language = "xx" } }):issue("cache_pressure").description).to_contain "evicts"
end)
