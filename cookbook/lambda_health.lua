-- Lambda: errors, throttles, and functions that come close to their timeout.
--
-- Use it for functions that somebody waits for. The timeout is read from the function itself, so that this file does
-- not have to know it: a function that needs 90 % of its timeout is an outage that has not happened yet.

local settings = {
  functions = { "checkout", "thumbnails" },
  error_percent = 2,
  near = 0.9, -- of the timeout
  sustained = { datapoints = 2, of = 3 },
}

return policy {
  name = "lambda_health",
  doc = "Errors, throttles and timeouts of functions",
  every = "1m",
  targets = settings.functions,

  metrics = function(t)
    local function of(name, stat)
      return cloudwatch {
        namespace = "AWS/Lambda",
        name = name,
        stat = stat,
        period = "5m",
        dimensions = { FunctionName = t },
        missing = "not_breaching", -- a function that nobody calls is well
      }
    end
    return {
      error_percent = cloudwatch {
        expression = "100 * errors / calls",
        period = "5m",
        using = { errors = of("Errors", "Sum"), calls = of("Invocations", "Sum") },
        missing = "not_breaching",
      },
      throttles = of("Throttles", "Sum"),
      longest = of("Duration", "Maximum"),
    }
  end,

  collect = function(t)
    return { timeout_ms = 1000 * aws.client("lambda"):get_function_configuration({ FunctionName = t }).Timeout }
  end,

  evaluate = function(t, m)
    -- last() of a series without datapoints says "unknown", and an idle function is not: it is asked when there is news.
    if m.error_percent:above(settings.error_percent, settings.sustained) then
      issue {
        type = "lambda_errors",
        severity = "high",
        description = ("%.1f %% of the calls of %s fail"):format(m.error_percent:last(), t),
        recommendation = "Look at its log; was its code or a secret changed?",
      }
    end
    if m.throttles:above(0, settings.sustained) then
      issue {
        type = "lambda_throttled",
        severity = "medium",
        description = ("%.0f calls of %s were throttled in five minutes"):format(m.throttles:last(), t),
        recommendation = "Raise its reserved concurrency, or the account's",
      }
    end
    if m.longest:above(settings.near * m.extra.timeout_ms, settings.sustained) then
      issue {
        type = "lambda_near_timeout",
        severity = "medium",
        description = ("%s takes up to %.0f of %.0f ms"):format(t, m.longest:last(), m.extra.timeout_ms),
        recommendation = "Give it more memory (that is more CPU, too) or a longer timeout",
      }
    end
  end,
}
