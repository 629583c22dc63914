-- cost_cap: by the share of the month that is over.

local SERVICE = { ["service/batch/renderer"] = { kind = "ecs_autoscaling", current = { status = "ACTIVE", min = 0, max = 40 } } }
local function judge(spent, at)
  return run("cost_cap", { at = at or "2026-01-16T12:00:00Z", series = { charges = spent }, resources = SERVICE })
end

it("leaves the maximum while the month ends below the cap", function()
  local r = judge(2000)
  expect(r.issues).to_be_empty()
  expect(r:decision("ecs_autoscaling").wanted.max).to_be(40)
end)

it("lowers it when the month would end above", function()
  local r = judge(3000) -- half of the month
  expect(r:issue("cost").description).to_be "$3000 so far, $6000 by the end of the month (cap $5000)"
  expect(r:issue("cost").severity).to_be "medium"
  r = r:ticks(1) -- less capacity: the highest wish of the last minutes counts
  expect(r:decision("ecs_autoscaling").wanted.max).to_be(8)
end)

it("is high when the cap is reached", function()
  expect(judge(5500):issue("cost").severity).to_be "high"
end)

it.each {
  { name = "the first days say little", spent = 900, at = "2026-01-03T00:00:00Z" },
  { name = "December ends as well", spent = 2000, at = "2025-12-20T00:00:00Z" },
} ("knows that $name", function(case)
  expect(judge(case.spent, case.at).issues).to_be_empty()
end)

it("changes nothing while nobody knows the bill", function()
  expect(judge("_").decisions).to_be_empty()
end)
