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

-- Waits. Times are epoch seconds or ISO 8601 texts. Each value is a list of datapoints, the oldest
-- first; a list without datapoints is empty, never zero.
function performance.collect(environment, start_time, end_time)
  local got = cloudwatch.fetch(performance.metrics(environment), { from = start_time, to = end_time })
  return {
    api = {
      response_time = { p50 = got.api_response_p50, p90 = got.api_response_p90, p99 = got.api_response_p99 },
      error_rate = got.api_error_rate,
      request_count = got.api_request_count,
    },
    database = {
      query_time = { p50 = got.db_query_p50, p90 = got.db_query_p90, p99 = got.db_query_p99 },
      connection_count = got.db_connection_count,
      deadlock_count = got.db_deadlock_count,
    },
    cache = {
      hit_rate = got.cache_hit_rate,
      miss_rate = got.cache_miss_rate,
      eviction_count = got.cache_eviction_count,
    },
  }
end

return performance
