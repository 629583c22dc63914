-- RDS: read replicas that fall behind.
--
-- Use it where something reads from a replica what it has just written to the primary. One threshold is what readers
-- notice; a lag that grows for half an hour is a replica that will not catch up by itself, however small it still is.

local settings = {
  replicas = { "gm-tool-prod-replica" },
  lag_s = 30,
  growing_s = 10, -- a shift of the level by this much is growth
}

return policy {
  name = "rds_replica_lag",
  doc = "How far read replicas are behind",
  every = "1m",
  targets = settings.replicas,

  metrics = function(t)
    return {
      lag = cloudwatch {
        namespace = "AWS/RDS",
        name = "ReplicaLag",
        stat = "Average",
        period = "1m",
        window = "30m",
        dimensions = { DBInstanceIdentifier = t },
      },
    }
  end,

  evaluate = function(t, m)
    local last = m.lag:last()
    issue {
      type = "replica_lag",
      severity = "high",
      when = m.lag:above(settings.lag_s, { datapoints = 3, of = 5 }),
      clear = m.lag:below(settings.lag_s / 2),
      description = ("%s is %.0f s behind"):format(t, last or 0),
      recommendation = "Long transactions or too much writing for its class? Send reads that must be fresh to the primary",
    }
    local line = m.lag:line() -- nil: too few datapoints
    if line and line.low > 0 and line.slope * 1800 > settings.growing_s then -- low: surely growing
      issue {
        type = "replica_lag_grows",
        severity = "medium",
        description = ("The lag of %s grows by %.1f s a minute"):format(t, line.slope * 60),
        recommendation = "Give the replica the class of the primary",
      }
    end
  end,
}
