-- dynamodb_throttles: reads and writes apart, and a hot key told from a table that is too small.

local function judge(series) return run("dynamodb_throttles", { target = "carts", series = series }) end

it("is healthy while nothing is throttled", function()
  local r = judge {}
  expect(r.status).to_be "healthy"
  expect(r.unknown).to_be_empty()
end)

it("tells reads and writes apart", function()
  local r = judge { reads = "50x3", writes = "20x3", used = "0.9x3" }
  expect(r.issues).to_have_length(2)
  expect(r:issue("dynamodb_throttled", "reads").description).to_be "50 reads of carts were throttled in five minutes"
end)

it.each {
  { name = "a table that is used up", used = "0.95x3", says = "Raise the capacity" },
  { name = "a table with capacity left", used = "0.2x3", says = "one key is hot" },
} ("knows $name", function(case)
  local r = judge { writes = "20x3", used = case.used }
  expect(r:issue("dynamodb_throttled", "writes").recommendation).to_contain(case.says)
end)
