-- Two settings of each environment's cache, from its hit rate and evictions.
--
-- A cache that evicts much and hits little throws away what is read again: keeping what is read
-- often (LFU) then beats keeping what was read last, and memory held in reserve is worth more as
-- cache, down to what a snapshot needs. A calm one goes back to the usual settings. Both changes take
-- effect without a reboot, and reach every cluster of the parameter group.

-- Everything that a person would tune.
local settings = {
  hit_rate = 0.8, -- less than this is too little
  evictions = 100, -- in five minutes; more than this is pressure
  sustained = { datapoints = 6, of = 12 }, -- of 5-minute datapoints, for going there
  calm_for = 24 * 3600, -- seconds without pressure, for going back
  usual = { ["maxmemory-policy"] = "volatile-lru", ["reserved-memory-percent"] = "25" },
  pressed = { ["maxmemory-policy"] = "allkeys-lfu", ["reserved-memory-percent"] = "20" },
}

local texts = {
  en = {
    pressure = "The cache evicts %.0f keys in five minutes at a hit rate of %s",
    pressure_advice = "Give it more memory, or shorten the expiry of what is read once",
    pressure_action = "Use a larger node type for the cache",
    unknown = "unknown",
  },
  ko = {
    pressure = "캐시가 5분 동안 키 %.0f개를 제거하고 적중률은 %s입니다",
    pressure_advice = "메모리를 늘리거나 한 번만 읽는 키의 만료 시간을 줄이세요",
    pressure_action = "캐시에 더 큰 노드 유형을 사용하세요",
    unknown = "알 수 없음",
  },
}
local say = texts[config.language] or texts.en

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

return policy {
  name = "cache_settings",
  doc = "Eviction policy and reserved memory of the cache",
  every = "5m",
  targets = targets,

  metrics = function(t)
    local function of(name, stat)
      return cloudwatch {
        namespace = "GMTool/Cache",
        name = name,
        stat = stat,
        period = "5m",
        window = "70m",
        dimensions = { Environment = t.environment },
      }
    end
    return { hits = of("HitRate", "Average"), evictions = of("EvictionCount", "Sum") }
  end,

  evaluate = function(t, m, memo)
    local cold = m.hits:below(settings.hit_rate, settings.sustained)
    local evicting = m.evictions:above(settings.evictions, settings.sustained)
    local pressure = cold and evicting -- nil where one of them is not known
    if cold == false or evicting == false then pressure = false end

    if pressure then
      memo.pressed, memo.pressed_at = true, time.now()
      local hits = m.hits:last()
      issue {
        type = "cache_pressure",
        severity = "medium",
        description = say.pressure:format(m.evictions:last() or 0,
          hits and ("%.1f %%"):format(hits * 100) or say.unknown),
        recommendation = say.pressure_advice,
      }
      recommend { type = "cache", action = say.pressure_action, impact = "high", effort = "medium" }
    elseif pressure == false and memo.pressed and time.now() - memo.pressed_at >= settings.calm_for then
      memo.pressed, memo.pressed_at = nil, nil
    end

    decide.cache_parameters {
      group = "gm-tool-" .. t.environment .. "-params",
      parameters = memo.pressed and settings.pressed or settings.usual,
    }
  end,
}
