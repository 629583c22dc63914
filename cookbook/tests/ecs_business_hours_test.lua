-- ecs_business_hours: more tasks at least while Seoul works.

local SERVICE = { ["service/shop/api"] = { kind = "ecs_autoscaling", current = { status = "ACTIVE", min = 2, max = 40 } } }
local function judge(at, cpu)
  return run("ecs_business_hours", { at = at, series = { cpu = (cpu or 50) .. "x8" }, mode = "act", resources = SERVICE })
end

it.each {
  { name = "Monday morning", at = "2026-01-04T23:30:00Z", min = 6 }, { name = "Monday evening", at = "2026-01-05T11:00:00Z", min = 2 },
  { name = "Monday before dawn", at = "2026-01-04T20:00:00Z", min = 2 }, { name = "Saturday noon", at = "2026-01-10T03:00:00Z", min = 2 },
} ("keeps $min tasks at least on $name", function(case)
  expect(judge(case.at):decision("ecs_autoscaling").wanted).to_have { min = case.min, max = 40, target = 60 }
end)

it("raises the minimum in the morning", function()
  expect(judge("2026-01-04T23:30:00Z"):decision("ecs_autoscaling").outcome).to_be "applied"
end)

it("is saturated after five minutes of full CPU", function()
  expect(judge(nil, 95):issue("ecs_saturation").description).to_be "api runs at 95 % CPU"
end)
