-- Latency and cache of each environment: what is slow, and what to do about it.
--
-- What a person would tune stands first. A series without datapoints answers nil, and then the
-- issue is unknown: it neither rises nor resolves.

local performance = require "lib.performance"

local limits = {
  api_p99_ms = 1000,
  db_p90_ms = 500,
  cache_hit_rate = 0.8,
}

local texts = {
  en = {
    no_data = "unknown",
    api_latency = "API p99 response time is %s (limit %d ms)",
    api_latency_advice = "Optimise the slowest endpoints; review caching and connection pools",
    api_action = "Cache the hottest endpoint and profile the slowest ones",
    db_latency = "Database p90 query time is %s (limit %d ms)",
    db_latency_advice = "Look for slow queries and missing indexes; review the connection pool",
    db_action = "Add indexes for the slowest queries; consider a read replica",
    cache_miss = "Cache hit rate is %s (at least %.0f %% is expected)",
    cache_miss_advice = "Review keys and expiry; give the cache more memory if it evicts",
    cache_action = "Raise the expiry of the keys that are read most; review the eviction policy",
  },
  ko = {
    no_data = "알 수 없음",
    api_latency = "API p99 응답 시간이 %s입니다 (한도 %d ms)",
    api_latency_advice = "가장 느린 엔드포인트를 최적화하고 캐시와 연결 풀을 점검하세요",
    api_action = "가장 많이 호출되는 엔드포인트를 캐시하고 가장 느린 엔드포인트를 프로파일링하세요",
    db_latency = "데이터베이스 p90 쿼리 시간이 %s입니다 (한도 %d ms)",
    db_latency_advice = "느린 쿼리와 누락된 인덱스를 찾고 연결 풀을 점검하세요",
    db_action = "가장 느린 쿼리에 인덱스를 추가하고 읽기 전용 복제본을 검토하세요",
    cache_miss = "캐시 적중률이 %s입니다 (%.0f %% 이상이어야 합니다)",
    cache_miss_advice = "키와 만료 시간을 점검하고, 제거가 발생하면 캐시 메모리를 늘리세요",
    cache_action = "자주 읽는 키의 만료 시간을 늘리고 제거 정책을 점검하세요",
  },
}

local say = texts[config.language] or texts.en

local function shown(format, value)
  return value and string.format(format, value) or say.no_data
end

local targets = {}
for _, environment in ipairs(config.environments) do
  targets[#targets + 1] = { environment = environment }
end

return policy {
  name = "performance",
  doc = "Latency and cache of each environment",
  every = "1m",
  targets = targets,

  metrics = function(t)
    return performance.metrics(t.environment)
  end,

  evaluate = function(_, m)
    local api_slow = m.api_response_p99:above(limits.api_p99_ms)
    local db_slow = m.db_query_p90:above(limits.db_p90_ms)
    local cache_cold = m.cache_hit_rate:below(limits.cache_hit_rate)

    if api_slow ~= false then
      issue {
        type = "api_latency",
        severity = "high",
        when = api_slow,
        description = say.api_latency:format(shown("%.0f ms", m.api_response_p99:last()), limits.api_p99_ms),
        recommendation = say.api_latency_advice,
      }
    end
    if api_slow then
      recommend { type = "api", action = say.api_action, impact = "high", effort = "medium" }
    end

    if db_slow ~= false then
      issue {
        type = "db_latency",
        severity = "medium",
        when = db_slow,
        description = say.db_latency:format(shown("%.0f ms", m.db_query_p90:last()), limits.db_p90_ms),
        recommendation = say.db_latency_advice,
      }
    end
    if db_slow then
      recommend { type = "database", action = say.db_action, impact = "high", effort = "medium" }
    end

    if cache_cold ~= false then
      local rate = m.cache_hit_rate:last()
      issue {
        type = "cache_miss",
        severity = "low",
        when = cache_cold,
        description = say.cache_miss:format(shown("%.1f %%", rate and rate * 100), limits.cache_hit_rate * 100),
        recommendation = say.cache_miss_advice,
      }
    end
    if cache_cold then
      recommend { type = "cache", action = say.cache_action, impact = "medium", effort = "low" }
    end
  end,
}
