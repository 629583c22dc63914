-- lib.performance: what is measured of one environment of the GM Tool.
--
--   metrics(environment)                        13 declarations, for a policy's `metrics`
--   collect(environment, start_time, end_time)  the same asked at once, for scripts and `collect`
--
-- One list serves both, so that a policy and a person at the REPL see the same series.

local performance = {}

local PERIOD = "5m"

-- key = { namespace, metric, statistic }
local measured = {
  api_response_p50 = { "GMTool/API", "ResponseTime", "p50" },
  api_response_p90 = { "GMTool/API", "ResponseTime", "p90" },
  api_response_p99 = { "GMTool/API", "ResponseTime", "p99" },
  api_error_rate = { "GMTool/API", "ErrorRate", "Average" },
  api_request_count = { "GMTool/API", "RequestCount", "Sum" },
  db_query_p50 = { "GMTool/Database", "QueryTime", "p50" },
  db_query_p90 = { "GMTool/Database", "QueryTime", "p90" },
  db_query_p99 = { "GMTool/Database", "QueryTime", "p99" },
  db_connection_count = { "GMTool/Database", "ConnectionCount", "Average" },
  db_deadlock_count = { "GMTool/Database", "DeadlockCount", "Sum" },
  cache_hit_rate = { "GMTool/Cache", "HitRate", "Average" },
  cache_miss_rate = { "GMTool/Cache", "MissRate", "Average" },
  cache_eviction_count = { "GMTool/Cache", "EvictionCount", "Sum" },
}

function performance.metrics(environment)
  local declared = {}
  for key, what in pairs(measured) do
    declared[key] = cloudwatch {
      namespace = what[1],
      name = what[2],
      stat = what[3],
      period = PERIOD,
      dimensions = { Environment = environment },
    }
  end
  return declared
end

-- Waits. Each value is the newest one of the range (without times: of the last hour), a number; what
-- has no datapoint is nil, never zero. Times are epoch seconds, ISO 8601 texts, or how long ago: "3h".
function performance.collect(environment, start_time, end_time)
  local got = cloudwatch.fetch(performance.metrics(environment),
                               { start_time = start_time, end_time = end_time })
  local function last(key)
    return got[key].last
  end
  return {
    api = {
      response_time = {
        p50 = last("api_response_p50"),
        p90 = last("api_response_p90"),
        p99 = last("api_response_p99"),
      },
      error_rate = last("api_error_rate"),
      request_count = last("api_request_count"),
    },
    database = {
      query_time = { p50 = last("db_query_p50"), p90 = last("db_query_p90"), p99 = last("db_query_p99") },
      connection_count = last("db_connection_count"),
      deadlock_count = last("db_deadlock_count"),
    },
    cache = {
      hit_rate = last("cache_hit_rate"),
      miss_rate = last("cache_miss_rate"),
      eviction_count = last("cache_eviction_count"),
    },
  }
end

return performance
