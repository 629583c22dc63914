-- rds_scaling: storage grows ahead of need; a larger class is only suggested.

local GIB = 1024 ^ 3

local function judge(options)
  options.target = { environment = "prod" }
  options.series = options.series or {}
  options.series.cpu = options.series.cpu or "20x25"
  options.series.free = options.series.free or { values = ("%.0fx287"):format(60 * GIB) }
  options.extra = options.extra or { allocated = 100, class = "db.r6g.large" }
  options.mode = options.mode or "act"
  return run("rds_scaling", options)
end

-- A day that ends at `free` GiB, `a_day` GiB less than it began with.
local function falling(free, a_day)
  local step = a_day * GIB / 288
  return ("%.0f-%.0fx287"):format(free * GIB + 287 * step, step)
end

it("does nothing while there is room", function()
  local r = judge {}
  expect(r.status).to_be "healthy"
  expect(r.decisions).to_be_empty()
end)

it("grows storage days before it is full", function()
  local r = judge { series = { free = falling(30, 5) } }
  expect(r:issue("db_storage").description).to_be(
    "Database storage: 30.0 GiB of 100 GiB are free, full in 6.0 days at the present rate")
  local decision = r:decision "rds_instance"
  expect(decision).to_have { outcome = "applied", resource = "db/gm-tool-prod" }
  expect(decision.changes).to_contain { field = "allocated_storage", from = 100, to = 120 }
end)

it("grows storage of which little is left, at whatever rate", function()
  local r = judge { series = { free = ("%.0fx287"):format(9 * GIB) } }
  expect(r:issue("db_storage").description).to_contain "full in more than a year"
  expect(r:decision("rds_instance").wanted.allocated_storage).to_be(120)
end)

it("says that it can grow no further", function()
  local r = judge { series = { free = falling(50, 20) }, extra = { allocated = 1000, class = "db.r6g.large" } }
  expect(r.decisions).to_be_empty()
  expect(r:issue "db_storage").to_have { severity = "high" }
  expect(r:issue("db_storage").recommendation).to_contain "beyond 1000 GiB"
end)

it("waits with storage while it is busy", function()
  local r = judge {
    series = { free = falling(30, 5) },
    resources = { ["db/gm-tool-prod"] = { busy = "storage-optimization",
      current = { allocated_storage = 100, class = "db.r6g.large", max_allocated_storage = 100,
                  status = "available" } } },
  }
  expect(r:decision "rds_instance").to_have { outcome = "refused", reason = "BUSY" }
end)

it("suggests a larger class after two hot hours, and names it", function()
  local r = judge { series = { cpu = "80x25" } }
  expect(r.issues).to_be_empty()
  expect(r:recommendation("database").action).to_contain "from db.r6g.large to db.r6g.xlarge"
end)

it("is saturated above 90 %, with or without a larger class", function()
  local r = judge { series = { cpu = "95x25" } }
  expect(r.status).to_be "critical"
  expect(r:issue("db_saturation").recommendation).to_contain "db.r6g.xlarge"
  r = judge { series = { cpu = "95x25" }, extra = { allocated = 100, class = "db.x9" } }
  expect(r:issue("db_saturation").recommendation).to_contain "unknown"
  expect(r.recommendations).to_be_empty()
end)

it("knows of the instance what it is, and says nothing of storage that it cannot see", function()
  local r = run("rds_scaling", { target = { environment = "prod" }, series = { cpu = "20x25", free = falling(30, 5) } })
  expect(r:decision("rds_instance").wanted.allocated_storage).to_be(120) -- of the 100 that the world says
  r = run("rds_scaling", { target = { environment = "nowhere" }, series = { cpu = "20x25", free = falling(30, 5) } })
  expect(r.decisions).to_be_empty()
  r = run("rds_scaling", { target = { environment = "prod" }, series = { cpu = "20x25" } })
  expect(r.status).to_be "unknown"
  expect(r.decisions).to_be_empty()
end)

it("speaks Korean and judges the environments of moontide.lua", function()
  local options = { series = { cpu = "95x25", free = falling(90, 1) }, extra = { allocated = 100, class = "x" } }
  options.config = { environments = { "one" }, language = "ko" }
  local r = run("rds_scaling", options)
  expect(r.target).to_be "environment=one"
  expect(r:issue("db_saturation").description).to_contain "데이터베이스 CPU"
  expect(judge({ series = { cpu = "95x25" }, config = { language = "xx" } }):issue("db_saturation").description)
    .to_contain "Database CPU"
end)
