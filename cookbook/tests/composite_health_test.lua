-- composite_health: one issue with the likely cause; more tasks only where they help.

local PROD = { environment = "prod" }
local SERVICE = { ["service/gm-tool-prod/api"] = { kind = "ecs_autoscaling", current = { status = "ACTIVE", min = 2, max = 10 } } }
local function judge(p99, errors, cpu)
  return run("composite_health", { target = PROD, mode = "act", resources = SERVICE,
    series = { p99 = p99 .. "x5", errors = errors .. "x5", cpu = cpu .. "x5" } })
end
local function later(r, p99, errors, cpu) return r:ticks(3, { p99 = p99, errors = errors, cpu = cpu }) end

it("is silent while users feel nothing", function()
  local r = judge(300, 0, 90) -- busy is not unwell
  expect(r.issues).to_be_empty()
  expect(r.decisions).to_be_empty()
end)

it("adds tasks where CPU is the cause", function()
  local r = judge(2000, 0, 90)
  expect(r:decision("ecs_autoscaling").wanted).to_have { min = 4, target = 50 }
  r = later(r, 2000, 0, 90)
  expect(r:issue("api_unwell")).to_have { severity = "medium", recommendation = "It is short of CPU: more tasks help" }
end)

it("adds none where it is not, and is high when it also fails", function()
  local r = later(judge(2000, 0.2, 20), 2000, 0.2, 20)
  expect(r.decisions).to_be_empty()
  expect(r:issue("api_unwell")).to_have { severity = "high", description = "API: p99 2000 ms, 20.0 % errors, CPU 20 %" }
end)

it("adds none on top of a database without connections left", function()
  local r = run({ "rds_connections", "composite_health" }, { targets = { PROD }, mode = "act", resources = SERVICE,
    series = { connections = "199x5", p99 = "2000x5", errors = "0x5", cpu = "90x5" } })
  local decision
  for _, each in ipairs(r.targets) do decision = each.decisions and each.decisions[1] or decision end
  expect(decision).to_have { outcome = "refused", reason = "GATED" }
end)

it("asks afterwards whether it helped", function()
  local r = judge(2000, 0, 90)
  for _ = 1, 8 do r = r:advance("5m"):tick { p99 = 400, errors = 0, cpu = 60 } end
  expect(r.errors).to_be_empty()
  expect(r:issue("verification_failed")).to_be_nil()
end)
