-- rds_connections: near the limit until clearly below it, and deadlocks where they are counted.

local PROD = { environment = "prod" }
local function judge(series) return run("rds_connections", { target = PROD, series = series }) end

it("is healthy with room, and without a count of deadlocks", function()
  local r = judge { connections = "80x6" }
  expect(r.status).to_be "healthy"
  expect(r.unknown).to_be_empty()
end)

it("is high from 85 % on, until it is below 70 %", function()
  local r = judge { connections = "180x6" }
  expect(r:issue("connection_saturation").description).to_be "gm-tool-prod has 180 of 200 connections"
  r = r:advance("15m"):tick { connections = "150x3" }
  expect(r:issue("connection_saturation")).never.to_be_nil()
  r = r:advance("15m"):tick { connections = "120x3" }
  expect(r:issue("connection_saturation")).to_be_nil()
end)

it("counts deadlocks", function()
  expect(judge({ connections = "80x6", deadlocks = "9x3" }):issue("db_deadlocks").description).to_be "9 deadlocks in five minutes"
end)
