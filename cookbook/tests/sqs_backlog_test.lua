-- sqs_backlog: as many workers as the backlog needs, within bounds.

local WORKER = "service/shop/order-worker"
local function judge(backlog, age, count)
  return run("sqs_backlog", { series = { backlog = backlog, age_s = age or 5 }, mode = "act",
                              resources = { [WORKER] = { status = "ACTIVE", count = count or 2 } } })
end

it.each {
  { name = "an empty queue", backlog = 0, wanted = 1 }, { name = "150 messages", backlog = 150, wanted = 5 },
  { name = "a flood", backlog = 100000, count = 25, wanted = 30 },
} ("wants $wanted for $name", function(case)
  expect(judge(case.backlog, 5, case.count or case.wanted):decision("ecs_desired_count").wanted.count).to_be(case.wanted)
end)

it("grows quickly: at most ten tasks or threefold in a minute", function()
  local decision = judge(100000, 5, 4):decision "ecs_desired_count"
  expect(decision.outcome).to_be "applied"
  expect(decision.changes).to_contain { field = "count", from = 4, to = 14 }
end)

it("changes nothing while nobody knows the backlog", function()
  local r = judge "_"
  expect(r.decisions).to_be_empty()
  expect(r.status).to_be "unknown"
end)

it("says when messages wait too long all the same", function()
  local r = judge(10, "400x5")
  expect(r:issue("queue_age").description).to_be "The oldest message of orders waits for 400 s"
  r = r:ticks(5, { backlog = 10, age_s = 100 })
  expect(r:issue("queue_age")).never.to_be_nil() -- until it is below a minute
  expect(r:ticks(5, { backlog = 10, age_s = 20 }):issue("queue_age")).to_be_nil()
end)
