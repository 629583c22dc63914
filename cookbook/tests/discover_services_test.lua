-- discover_services: what is wanted and does not run. (Its targets ask AWS, and so are given here.)

local WORKER = { cluster = "gm-tool-prod", service = "worker" }
local function judge(running, wanted)
  return run("discover_services", { target = WORKER, series = { running = running, wanted = wanted } })
end

it("is healthy while all tasks run", function()
  expect(judge("3x5", "3x5").status).to_be "healthy"
end)

it("gives a deployment its five minutes", function()
  local r = judge("2x5", "3x5")
  expect(r.issues).to_be_empty()
  r = r:ticks(6, { running = 2, wanted = 3 })
  expect(r:issue("tasks_missing")).to_have { severity = "medium", description = "worker runs 2 of 3 tasks" }
end)

it("is high when none runs", function()
  expect(judge("0x5", "3x5"):ticks(6, { running = 0, wanted = 3 }):issue("tasks_missing").severity).to_be "high"
end)

it("is unknown without Container Insights", function()
  expect(judge("_", "_").status).to_be "unknown"
end)
