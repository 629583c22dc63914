-- night_scale_in: down in the first hour of the night, up in the first of a working day's morning.

local API = "service/gm-tool-staging/api"
local function judge(at, count)
  return run("night_scale_in", { at = at, mode = "act", resources = { [API] = { status = "ACTIVE", count = count } } })
    :decision "ecs_desired_count"
end

it("sends it to sleep at nine in the evening", function()
  local r = run("night_scale_in", { at = "2026-01-05T12:05:00Z", mode = "act", -- 21:05 in Seoul
                                    resources = { [API] = { status = "ACTIVE", count = 2 } } })
  r = r:ticks(2) -- in: the highest wish of the last five minutes counts
  expect(r:decision("ecs_desired_count").wanted.count).to_be(0)
end)

it("wakes it at seven", function()
  local decision = judge("2026-01-05T22:05:00Z", 0)
  expect(decision.wanted.count).to_be(2)
  expect(decision.outcome).to_be "applied"
end)

it.each {
  { name = "at three in the night", at = "2026-01-05T18:00:00Z", count = 2 },
  { name = "on Sunday morning", at = "2026-01-10T22:05:00Z", count = 0 },
} ("changes nothing $name", function(case)
  expect(judge(case.at, case.count)).to_have { outcome = "refused", reason = "FROZEN" }
end)
