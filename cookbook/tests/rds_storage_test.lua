-- rds_storage: grows storage by the day on which it is full.

local GIB = 1024 ^ 3
-- A week of hours that ends at `free` GiB, `a_day` GiB less each day.
local function falling(free, a_day)
  local step = a_day * GIB / 24
  return ("%.0f-%.0fx167"):format(free * GIB + 167 * step, step)
end

local function judge(free, allocated)
  return run("rds_storage", { target = { environment = "prod" }, series = { free = free }, extra = { allocated = allocated or 100 },
                              mode = "act", resources = { ["db/gm-tool-prod"] = { allocated_storage = allocated or 100,
                              class = "db.t3.medium", max_allocated_storage = 100, status = "available" } } })
end

it("does nothing while it lasts", function()
  local r = judge(falling(60, 1))
  expect(r.status).to_be "healthy"
  expect(r.decisions).to_be_empty()
end)

it("grows it ten days before it is full", function()
  local r = judge(falling(16, 2))
  expect(r:issue("db_storage")).to_have { severity = "medium", recommendation = "Grow it to 120 GiB" }
  expect(r:issue("db_storage").description).to_contain "16 of 100 GiB are free, full in 8.0 days"
  expect(r:decision("rds_instance")).to_have { outcome = "applied", resource = "db/gm-tool-prod" }
end)

it("is high on the last day", function()
  expect(judge(falling(4, 5)):issue("db_storage").severity).to_be "high"
end)

it("says that it can grow no further", function()
  local r = judge(falling(16, 2), 2000)
  expect(r:issue("db_storage").recommendation).to_contain "as large as it may be"
  expect(r.decisions).to_be_empty()
end)

it("says nothing where nothing is known", function()
  expect(judge("_").decisions).to_be_empty()
  expect(judge(("%.0fx20"):format(5 * GIB)).issues).to_be_empty() -- little, but it does not fall
end)
