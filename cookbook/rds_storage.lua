-- RDS: storage that grows before it is full, by the day on which it would be.
--
-- Use it for databases without storage autoscaling, or where a person shall see it coming. A limit of "10 % free" is
-- too late for a small disk and too early for a large one: the trend says in how many days it is full. Storage never
-- shrinks, and after a change it is locked for six hours; kinds.md and rails.md know that, so this file need not.

local GIB = 1024 ^ 3
local settings = {
  days_left = 10, -- full within these, and it grows
  growth = 1.2,
  most_gib = 2000,
}

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

return policy {
  name = "rds_storage",
  doc = "Storage of databases ahead of need",
  every = "15m",
  targets = targets,

  metrics = function(t)
    return {
      free = cloudwatch {
        namespace = "AWS/RDS",
        name = "FreeStorageSpace",
        stat = "Minimum",
        period = "1h",
        window = "7d",
        dimensions = { DBInstanceIdentifier = "gm-tool-" .. t.environment },
      },
    }
  end,

  collect = function(t)
    local db = decide.current("rds_instance", { instance = "gm-tool-" .. t.environment })
    return { allocated = db and db.allocated_storage }
  end,

  evaluate = function(t, m)
    local full_s = m.free:time_to(0) -- nil: never at this rate, or too few datapoints
    local allocated = m.extra.allocated
    if not allocated or not full_s or full_s > settings.days_left * 86400 then return end
    local wanted = math.min(math.ceil(allocated * settings.growth), settings.most_gib)
    issue {
      type = "db_storage",
      severity = full_s < 86400 and "high" or "medium",
      description = ("gm-tool-%s: %.0f of %d GiB are free, full in %.1f days"):format(
        t.environment, (m.free:last() or 0) / GIB, allocated, full_s / 86400),
      recommendation = wanted > allocated and ("Grow it to %d GiB"):format(wanted)
        or "Clean up: it is as large as it may be",
    }
    if wanted <= allocated then return end
    decide.rds_instance {
      instance = "gm-tool-" .. t.environment,
      allocated_storage = wanted,
      apply_immediately = true, -- growing is done without downtime
      rails = { tolerance = 0, max = settings.most_gib },
    }
  end,
}
