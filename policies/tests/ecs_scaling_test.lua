-- ecs_scaling: the CPU target of the API service moves with the p99 budget.

local PROD = { environment = "prod" }

local function judge(series, options)
  options = options or {}
  options.target, options.series, options.mode = PROD, series, options.mode or "act"
  return run("ecs_scaling", options)
end

local function target_of(r) return r:decision("ecs_autoscaling").wanted.target end

it.each {
  { name = "tight", p99 = 801, target = 55 }, { name = "at ease", p99 = 599, target = 65 },
  { name = "in between", p99 = 700, target = 60 },
} ("moves the target one step when p99 is $name", function(case)
  local r = judge { p99 = case.p99, cpu = 50 }
  expect(target_of(r)).to_be(case.target)
  expect(r:decision("ecs_autoscaling")).to_have { outcome = "applied", resource = "service/gm-tool-prod/api" }
  expect(r.memo.target).to_be(case.target)
end)

it("rests between two steps, and does nothing when asked again", function()
  local r = judge { p99 = "900x12", cpu = "50x12" }
  expect(target_of(r)).to_be(55)
  r = r:ticks(1, { p99 = 900, cpu = 50 })
  expect(r:decision("ecs_autoscaling").reason).to_be "NO_CHANGE"
  r = r:advance("30m"):tick { p99 = 900, cpu = 50 }
  expect(target_of(r)).to_be(50)
end)

it("stays where it is while p99 is not known, and the rails refuse it as UNKNOWN", function()
  local r = judge { cpu = 50 }
  expect(target_of(r)).to_be(60)
  expect(r.unknown).to_contain { metric = "p99" }
  expect(r:decision("ecs_autoscaling").outcome).never.to_be "failed"
end)

it.each {
  { memo = 40, p99 = 900, target = 40 }, { memo = 70, p99 = 100, target = 70 },
} ("keeps within its bounds: $memo", function(case)
  local r = judge({ p99 = case.p99, cpu = 50 }, { memo = { target = case.memo } })
  expect(target_of(r)).to_be(case.target)
end)

it("says when tasks do not help any more", function()
  local r = judge({ p99 = 1500, cpu = 50 }, { memo = { target = 40 } })
  expect(r.status).to_be "warning"
  expect(r:issue("latency_budget").description).to_contain "1500 ms of a budget of 1000 ms"
  expect(r:recommendation("api").impact).to_be "high"
end)

it("is saturated after three hot datapoints, until it has cooled", function()
  local r = judge { p99 = "700x12", cpu = "95x12" }
  expect(r:issue("ecs_saturation").description).to_contain "CPU of api is 95 %"
  r = r:ticks(5, { p99 = 700, cpu = 85 })
  expect(r:issue("ecs_saturation")).never.to_be_nil() -- below 90, but not below 80
  r = r:ticks(5, { p99 = 700, cpu = 70 })
  expect(r:issue("ecs_saturation")).to_be_nil()
end)

it("does not scale out on a saturated database", function()
  local r = run({ "rds_scaling", "ecs_scaling" }, {
    targets = { PROD }, mode = "act",
    extra = { allocated = 100, class = "db.r6g.large" },
    series = { cpu = "99x300", free = "60000000000x300", p99 = 900 },
    resources = { ["service/gm-tool-prod/api"] = { kind = "ecs_autoscaling", current = { status = "ACTIVE", min = 2,
      max = 10 } } },
  })
  local decision
  for _, each in ipairs(r.targets) do
    for _, d in ipairs(each.decisions) do
      if d.kind == "ecs_autoscaling" then decision = d end
    end
  end
  expect(decision).to_have { outcome = "refused", reason = "GATED" }
end)

it("verifies a step after half an hour", function()
  local r = judge { p99 = "900x12", cpu = "50x12" }
  for _ = 1, 7 do r = r:advance("5m"):tick { p99 = 400, cpu = 50 } end
  expect(r.errors).to_be_empty()
end)

it("speaks Korean and judges the environments of moontide.lua", function()
  local r = run("ecs_scaling", { series = { p99 = 1500, cpu = 50 }, memo = { target = 40 },
                                 config = { environments = { "one" }, language = "ko" } })
  expect(r.target).to_be "environment=one"
  expect(r:issue("latency_budget").description).to_contain "예산"
  expect(r:decision("ecs_autoscaling")).to_have { outcome = "refused", reason = "NOT_FEASIBLE" }
end)

it("says it in English where the language is another one", function()
  local r = judge({ p99 = 1500, cpu = 50 }, { memo = { target = 40 }, config = { language = "xx" } })
  expect(r:issue("latency_budget").description).to_contain "budget"
end)
