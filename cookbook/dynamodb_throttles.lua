-- DynamoDB: throttled requests, and whether it is the table or one hot key.
--
-- Use it for tables with provisioned capacity, and for on-demand tables with a sudden load. Throttles while much of the
-- capacity is unused mean that one partition is hot: more capacity will not help, another key will.

local settings = {
  tables = { "sessions", "carts" },
  throttles = 10, -- in five minutes
  hot = 0.7, -- throttled while less than this of the capacity is used: a hot key
}

return policy {
  name = "dynamodb_throttles",
  doc = "Throttled requests of tables",
  every = "1m",
  targets = settings.tables,

  metrics = function(t)
    local function of(name, stat)
      return cloudwatch {
        namespace = "AWS/DynamoDB",
        name = name,
        stat = stat,
        period = "5m",
        dimensions = { TableName = t },
        missing = "not_breaching", -- without a throttled request there is no datapoint
      }
    end
    return {
      reads = of("ReadThrottleEvents", "Sum"),
      writes = of("WriteThrottleEvents", "Sum"),
      -- Consumed is a sum over the period, provisioned a rate a second.
      used = cloudwatch {
        expression = "consumed / (provisioned * 300)",
        period = "5m",
        using = {
          consumed = of("ConsumedWriteCapacityUnits", "Sum"),
          provisioned = of("ProvisionedWriteCapacityUnits", "Average"),
        },
        missing = "not_breaching",
      },
    }
  end,

  evaluate = function(t, m)
    for name, series in pairs { reads = m.reads, writes = m.writes } do
      if series:above(settings.throttles, { datapoints = 2, of = 3 }) then
        local used = name == "writes" and m.used:last() -- nil: on demand
        issue {
          type = "dynamodb_throttled",
          key = name,
          severity = "high",
          description = ("%.0f %s of %s were throttled in five minutes"):format(series:last(), name, t),
          recommendation = used and used < settings.hot
            and "The table has capacity left: one key is hot. Spread it, or cache it"
            or "Raise the capacity or its autoscaling's maximum, or change to on-demand",
        }
      end
    end
  end,
}
