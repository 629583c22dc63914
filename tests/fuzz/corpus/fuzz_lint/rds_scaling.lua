-- Storage of each environment's database grows ahead of need; a larger class is suggested from
-- sustained load, and never applied by itself.
--
-- Storage of RDS only grows, is locked for six hours after a change, and a full one stops the
-- database: so the free space is forecast, and the step is taken days before it is needed. A class
-- costs money and downtime: that is for a person to decide.

-- Everything that a person would tune.
local settings = {
  ahead_days = 7, -- storage grows when it would be full within these
  low_share = 0.1, -- or when less than this share is free
  growth = 1.2, -- by which factor; RDS wants 1.1 at least
  most_gib = 1000, -- never beyond
  cpu_high = 75, -- percent, sustained: a larger class is suggested
  cpu_saturated = 90, -- and this is an issue that holds scale-out of what depends on it
  sustained = { datapoints = 20, of = 24 }, -- of 5-minute datapoints: two hours
  -- The next larger class of those that are in use here.
  larger = {
    ["db.t4g.medium"] = "db.t4g.large",
    ["db.t4g.large"] = "db.r6g.large",
    ["db.m6g.large"] = "db.m6g.xlarge",
    ["db.r6g.large"] = "db.r6g.xlarge",
    ["db.r6g.xlarge"] = "db.r6g.2xlarge",
    ["db.r6g.2xlarge"] = "db.r6g.4xlarge",
  },
}

local texts = {
  en = {
    saturated = "Database CPU is %.0f %%, and has been above %d %% for two hours",
    saturated_advice = "Look for the queries behind it; a larger class is %s",
    storage = "Database storage: %.1f GiB of %d GiB are free, full in %s at the present rate",
    storage_advice = "It is grown to %d GiB",
    storage_limit = "It cannot grow beyond %d GiB: clean up, or raise most_gib in policies/rds_scaling.lua",
    class_action = "Change the instance class from %s to %s in a maintenance window",
    days = "%.1f days",
    never = "more than a year",
    unknown = "unknown",
  },
  ko = {
    saturated = "데이터베이스 CPU가 %.0f %%이고 두 시간 동안 %d %%를 넘었습니다",
    saturated_advice = "원인이 되는 쿼리를 찾아보세요. 더 큰 클래스는 %s입니다",
    storage = "데이터베이스 스토리지: %.1f GiB(전체 %d GiB)가 남았고 현재 속도로 %s 후에 가득 찹니다",
    storage_advice = "%d GiB로 늘립니다",
    storage_limit = "%d GiB를 넘어 늘릴 수 없습니다. 정리하거나 policies/rds_scaling.lua의 most_gib를 올리세요",
    class_action = "유지 관리 기간에 인스턴스 클래스를 %s에서 %s(으)로 변경하세요",
    days = "%.1f일",
    never = "1년 이상",
    unknown = "알 수 없음",
  },
}
local say = texts[config.language] or texts.en

local GIB = 1024 ^ 3
local DAY = 86400

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

-- Seconds until nothing is free at the present rate; nil: it does not fall, or nobody knows.
local function full_in(free, slope)
  if not free or not slope or slope >= 0 then return nil end
  return free / -slope
end

local function duration_shown(seconds)
  if not seconds or seconds > 365 * DAY then return say.never end
  return say.days:format(seconds / DAY)
end

-- The size that storage should have: as it is, or a step more.
local function storage_wanted(allocated, free, left)
  local short = free < settings.low_share * allocated or (left and left < settings.ahead_days * DAY)
  if not short then return allocated end
  return math.min(math.ceil(allocated * settings.growth), settings.most_gib)
end

local function judge_storage(t, m, allocated)
  local free, slope = m.free:last(), m.free:slope()
  if not free then return end
  free = free / GIB
  local left = full_in(free, slope and slope / GIB)
  local wanted = storage_wanted(allocated, free, left)
  if wanted <= allocated then
    if free < settings.low_share * allocated then
      issue {
        type = "db_storage",
        severity = "high",
        description = say.storage:format(free, allocated, duration_shown(left)),
        recommendation = say.storage_limit:format(settings.most_gib),
      }
    end
    return
  end
  issue {
    type = "db_storage",
    severity = "medium",
    description = say.storage:format(free, allocated, duration_shown(left)),
    recommendation = say.storage_advice:format(wanted),
  }
  decide.rds_instance {
    instance = "gm-tool-" .. t.environment,
    allocated_storage = wanted,
    apply_immediately = true, -- growing is done without downtime
    rails = { tolerance = 0, max = settings.most_gib },
  }
end

return policy {
  name = "rds_scaling",
  doc = "Storage of the database ahead of need, and its class from sustained load",
  every = "5m",
  targets = targets,

  metrics = function(t)
    local function of(name, stat, window)
      return cloudwatch {
        namespace = "AWS/RDS",
        name = name,
        stat = stat,
        period = "5m",
        window = window,
        dimensions = { DBInstanceIdentifier = "gm-tool-" .. t.environment },
      }
    end
    return { cpu = of("CPUUtilization", "Average", "130m"), free = of("FreeStorageSpace", "Minimum", "1d") }
  end,

  collect = function(t)
    local instance = decide.current("rds_instance", { instance = "gm-tool-" .. t.environment })
    return instance and { allocated = instance.allocated_storage, class = instance.class } or {}
  end,

  evaluate = function(t, m)
    local hot = m.cpu:above(settings.cpu_saturated, settings.sustained)
    local larger = settings.larger[m.extra.class]
    if hot ~= false then
      issue {
        type = "db_saturation",
        severity = "high",
        when = hot,
        clear = m.cpu:below(settings.cpu_high),
        description = say.saturated:format(m.cpu:last() or 0, settings.cpu_saturated),
        recommendation = say.saturated_advice:format(larger or say.unknown),
      }
    end
    if larger and m.cpu:above(settings.cpu_high, settings.sustained) then
      recommend {
        type = "database",
        action = say.class_action:format(m.extra.class, larger),
        impact = "high",
        effort = "high",
      }
    end
    if m.extra.allocated then judge_storage(t, m, m.extra.allocated) end
  end,
}
