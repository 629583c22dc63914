-- ElastiCache: hit rate, evictions and memory, judged together.
--
-- Use it for Redis or Valkey as a cache. Alone each of the three is noise: evictions are how a full cache works, and a
-- low hit rate at night is an idle cache. Evictions while the hit rate is low mean that it is too small.

local settings = {
  clusters = { "gm-tool-prod", "gm-tool-staging" },
  hit_rate = 0.8,
  evictions = 100, -- in five minutes
  memory_percent = 90,
  sustained = { datapoints = 4, of = 6 },
}

return policy {
  name = "elasticache_pressure",
  doc = "Whether caches are large enough",
  every = "5m",
  targets = settings.clusters,

  metrics = function(t)
    local function of(name, stat)
      return cloudwatch {
        namespace = "AWS/ElastiCache",
        name = name,
        stat = stat,
        period = "5m",
        dimensions = { CacheClusterId = t },
      }
    end
    return {
      hit_rate = cloudwatch {
        expression = "hits / (hits + misses)",
        period = "5m",
        using = { hits = of("CacheHits", "Sum"), misses = of("CacheMisses", "Sum") },
        missing = "ignore", -- nobody asked: as it was
      },
      evictions = of("Evictions", "Sum"),
      memory = of("DatabaseMemoryUsagePercentage", "Average"),
    }
  end,

  evaluate = function(t, m)
    local cold = m.hit_rate:below(settings.hit_rate, settings.sustained)
    local evicting = m.evictions:above(settings.evictions, settings.sustained)
    if cold and evicting then
      issue {
        type = "cache_too_small",
        severity = "medium",
        description = ("%s evicts %.0f keys in five minutes at a hit rate of %.0f %%"):format(
          t, m.evictions:last() or 0, 100 * (m.hit_rate:last() or 0)),
        recommendation = "A larger node, or a shorter expiry of what is read once",
      }
      recommend {
        type = "cache",
        action = "Change " .. t .. " to the next larger node type",
        impact = "high",
        effort = "medium",
      }
    end
    issue {
      type = "cache_memory",
      severity = "low",
      when = m.memory:above(settings.memory_percent, settings.sustained),
      description = ("%s uses %.0f %% of its memory"):format(t, m.memory:last() or 0),
      recommendation = "Evictions begin soon; with maxmemory-policy noeviction writes will fail instead",
    }
  end,
}
