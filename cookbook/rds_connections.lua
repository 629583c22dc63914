-- RDS: connections near their limit, and deadlocks.
--
-- Use it for every database that services with connection pools share. A full database refuses everybody, also the one
-- who wants to look at it. An issue whose type ends in "saturation" holds back the scale-out of policies that depend on
-- this one (composite_health.lua): more tasks would bring more connections.

local settings = {
  max_connections = 200, -- of the parameter group
  near = 0.85,
  fine = 0.7,
  deadlocks = 5, -- in five minutes
}

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

return policy {
  name = "rds_connections",
  doc = "Connections and deadlocks of databases",
  every = "1m",
  targets = targets,

  metrics = function(t)
    local function of(name, stat, missing)
      return cloudwatch {
        namespace = "AWS/RDS",
        name = name,
        stat = stat,
        period = "5m",
        dimensions = { DBInstanceIdentifier = "gm-tool-" .. t.environment },
        missing = missing,
      }
    end
    return {
      connections = of("DatabaseConnections", "Maximum"),
      deadlocks = of("Deadlocks", "Sum", "not_breaching"), -- of Aurora and SQL Server: others do not send it
    }
  end,

  evaluate = function(t, m)
    issue {
      type = "connection_saturation",
      severity = "high",
      when = m.connections:above(settings.near * settings.max_connections, { datapoints = 2, of = 3 }),
      clear = m.connections:below(settings.fine * settings.max_connections),
      description = ("gm-tool-%s has %.0f of %d connections"):format(
        t.environment, m.connections:last() or 0, settings.max_connections),
      recommendation = "Which service holds them? Make its pool smaller, or put a proxy in between",
    }
    if m.deadlocks:above(settings.deadlocks, { datapoints = 2, of = 3 }) then
      issue {
        type = "db_deadlocks",
        severity = "medium",
        description = ("%.0f deadlocks in five minutes"):format(m.deadlocks:last()),
        recommendation = "Take locks in one order, and keep transactions short",
      }
    end
  end,
}
