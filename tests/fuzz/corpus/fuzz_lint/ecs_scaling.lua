-- The API service of each environment tracks its CPU, at a target that moves with the p99 budget.
--
-- Target tracking reacts in minutes to load, but it does not know what users feel. So this policy
-- turns the one knob that trades money for latency: while p99 eats up its budget the target goes
-- down a step (more tasks for the same load), while there is plenty left it goes up again. A step
-- has to show what it does before the next one.

-- Everything that a person would tune.
local settings = {
  service = "api",
  min = 2,
  max = 20,
  p99_budget_ms = 1000,
  tight = 0.8, -- of the budget: more than this, and the target goes down
  loose = 0.6, -- less than this, and it goes up
  cpu_start = 60, -- percent
  cpu_low = 40,
  cpu_high = 70,
  step = 5,
  rest = 30 * 60, -- seconds between two steps
  scale_out_cooldown = "1m",
  scale_in_cooldown = "5m",
}

local texts = {
  en = {
    saturated = "CPU of %s is %.0f %% at its most tasks (%d)",
    saturated_advice = "Raise max in policies/ecs_scaling.lua, or give each task more CPU",
    exhausted = "p99 is %.0f ms of a budget of %d ms, and the CPU target is at its lowest (%d %%)",
    exhausted_advice = "More tasks do not help any more: look at what the API waits for",
    exhausted_action = "Profile the slowest endpoints and what they wait for",
  },
  ko = {
    saturated = "%s의 CPU가 %.0f %%이고 태스크 수는 이미 최대(%d)입니다",
    saturated_advice = "policies/ecs_scaling.lua의 max를 올리거나 태스크마다 CPU를 더 주세요",
    exhausted = "p99가 %.0f ms(예산 %d ms)이고 CPU 목표가 이미 가장 낮습니다 (%d %%)",
    exhausted_advice = "태스크를 늘려도 더는 도움이 되지 않습니다. API가 무엇을 기다리는지 살펴보세요",
    exhausted_action = "가장 느린 엔드포인트와 그 대기 대상을 프로파일링하세요",
  },
}
local say = texts[config.language] or texts.en

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

-- The target from the one before, by how much of the budget p99 takes; nil: not known, so as it is.
local function next_target(target, p99)
  if not p99 then return target end
  local share = p99 / settings.p99_budget_ms
  if share > settings.tight then return math.max(settings.cpu_low, target - settings.step) end
  if share < settings.loose then return math.min(settings.cpu_high, target + settings.step) end
  return target
end

return policy {
  name = "ecs_scaling",
  doc = "CPU target of the API service, moved with the p99 budget",
  every = "1m",
  targets = targets,
  depends_on = { "rds_scaling" }, -- more tasks on a saturated database make things worse

  metrics = function(t)
    return {
      p99 = cloudwatch {
        namespace = "GMTool/API",
        name = "ResponseTime",
        stat = "p99",
        period = "5m",
        dimensions = { Environment = t.environment },
      },
      cpu = cloudwatch {
        namespace = "AWS/ECS",
        name = "CPUUtilization",
        stat = "Average",
        period = "5m",
        dimensions = { ClusterName = "gm-tool-" .. t.environment, ServiceName = settings.service },
      },
    }
  end,

  evaluate = function(t, m, memo)
    local target = memo.target or settings.cpu_start
    local p99, cpu = m.p99:last(), m.cpu:last()
    local moved = memo.moved or 0
    if time.now() - moved >= settings.rest then
      local wanted = next_target(target, p99)
      if wanted ~= target then target, memo.moved = wanted, time.now() end
    end
    memo.target = target

    local hot = m.cpu:above(90, { datapoints = 3, of = 3 })
    if hot ~= false then
      issue {
        type = "ecs_saturation",
        severity = "high",
        when = hot,
        clear = m.cpu:below(80),
        description = say.saturated:format(settings.service, cpu or 0, settings.max),
        recommendation = say.saturated_advice,
      }
    end
    if p99 and p99 > settings.p99_budget_ms and target <= settings.cpu_low then
      issue {
        type = "latency_budget",
        severity = "medium",
        description = say.exhausted:format(p99, settings.p99_budget_ms, target),
        recommendation = say.exhausted_advice,
      }
      recommend { type = "api", action = say.exhausted_action, impact = "high", effort = "medium" }
    end

    decide.ecs_autoscaling {
      cluster = "gm-tool-" .. t.environment,
      service = settings.service,
      metric = "ECSServiceAverageCPUUtilization",
      target = target,
      min = settings.min,
      max = settings.max,
      scale_out_cooldown = settings.scale_out_cooldown,
      scale_in_cooldown = settings.scale_in_cooldown,
      verify = { within = "30m", check = "within_budget", on_failure = "alert" },
    }
  end,

  checks = {
    within_budget = function(_, m) return m.p99:below(settings.p99_budget_ms) end,
  },
}
