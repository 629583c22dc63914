-- deployment_guard: rolls a bad deployment back once, and asks whether that helped.

local API = { cluster = "shop", service = "api" }
local function judge(errors, extra)
  return run("deployment_guard", { target = API, series = { errors = errors }, extra = extra, mode = "act",
                                   config = { allow = { "ecs:UpdateService" } } })
end
local DEPLOYING = { id = "ecs-svc/7", new = "api:8", old = "api:7" }

it.each {
  { name = "while no deployment is under way", errors = "200x5", extra = { id = "ecs-svc/7", new = "api:8" } },
  { name = "while a deployment goes well", errors = "2x5", extra = DEPLOYING },
  { name = "when the service restarts with what it has", errors = "200x5", extra = { id = "ecs-svc/7", new = "api:8", old = "api:8" } },
} ("does nothing $name", function(case)
  local r = judge(case.errors, case.extra)
  expect(r.issues).to_be_empty()
  expect(r.decisions).to_be_empty()
end)

it("goes back to what ran before", function()
  local r = judge("200x5", DEPLOYING)
  expect(r:issue("bad_deployment").recommendation).to_be "It is rolled back to api:7"
  expect(r:decision("call").wanted.params.taskDefinition).to_be "api:7"
end)

it("does so once for a deployment", function()
  local r = judge("200x5", DEPLOYING)
  local first = r:decision("call").resource
  r = r:ticks(1, { errors = 200 })
  expect(r:decision("call").resource).to_be(first)
  expect(r:decision("call").outcome).never.to_be "applied"
end)
