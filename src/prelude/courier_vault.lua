-- courier_vault: the secrets of receivers. Reads those that settings only name, and blanks all of
-- them in what goes out.
--
--   { "$secret": "secretsmanager" | "ssm", "name", "key", "region", "account" }

local KEEP_S = 300
local HIDDEN_MAX = 2000
local LEAST = 4 -- bytes: to blank what is shorter would tell more than it hides
local BLANK = "[secret]"
local KNOWN = { ["$secret"] = true, name = true, key = true, region = true, account = true }

local vault = {}

-- ---- what is blanked ----

local hidden, order = {}, {}

local function add(text)
  if #text < LEAST or hidden[text] then return end
  hidden[text] = true
  order[#order + 1] = text
  table.sort(order, function(a, b) return #a > #b or #a == #b and a < b end)
end

-- Of a URL also its parts: a server may repeat the path alone.
local function hide(text)
  add(text)
  local rest = text:match("^%a+://[^/]*/(.*)$")
  if not rest then return end
  if #rest >= 8 then add(rest) end
  for part in rest:gmatch("[^/?&=#]+") do
    if #part >= 8 then add(part) end
  end
end

local function hide_all(value)
  if type(value) == "string" then hide(value) end
  if type(value) ~= "table" or vault.is_reference(value) then return end
  for _, each in next, value do hide_all(each) end
end

local function replace(text, what)
  local from, pieces = 1, {}
  while true do
    local first, last = text:find(what, from, true)
    if not first then break end
    pieces[#pieces + 1] = text:sub(from, first - 1)
    from = last + 1
  end
  if from == 1 then return text end
  pieces[#pieces + 1] = text:sub(from)
  return table.concat(pieces, BLANK)
end

function vault.scrub(text)
  for _, secret in ipairs(order) do
    if #secret <= #text then text = replace(text, secret) end
  end
  return text
end

function vault.begin()
  if #order > HIDDEN_MAX then hidden, order = {}, {} end
end

-- Hides the fields of settings that are declared secret.
function vault.hide_settings(settings, fields)
  for name, value in pairs(settings) do
    local field = fields[name]
    if field and field.secret then hide_all(value) end
  end
end

-- ---- references ----

function vault.is_reference(value) return type(value) == "table" and value["$secret"] ~= nil end

function vault.reference_problem(reference)
  for name, value in pairs(reference) do
    if not KNOWN[name] then return "names its secret with an unknown field '" .. tostring(name) .. "'" end
    if type(value) ~= "string" then return "names its secret with a " .. type(value) end
  end
  local from = reference["$secret"]
  if from ~= "secretsmanager" and from ~= "ssm" then return "names a secret of '" .. tostring(from) .. "'" end
  if not reference.name then return "names no secret" end
end

local kept = {} -- by reference: { text, at }

local function ask(reference)
  local client = aws.client(reference["$secret"], { region = reference.region, account = reference.account })
  if reference["$secret"] == "ssm" then
    return client:get_parameter({ Name = reference.name, WithDecryption = true }).Parameter.Value
  end
  local answer = client:get_secret_value { SecretId = reference.name }
  return answer.SecretString or answer.SecretBinary
end

local function text_of(reference, again)
  local name = table.concat({ reference["$secret"], reference.name, reference.region or "", reference.account or "" },
                            "\n")
  local known, now = kept[name], time.now()
  if known and not again and now - known.at < KEEP_S and now >= known.at then return known.text, true end
  local ok, text = pcall(ask, reference)
  -- Not the receiver's fault, and what denies it now may be put right.
  if not ok then fail { text = "secret " .. reference.name .. ": " .. tostring(text) } end
  if type(text) ~= "string" or text == "" then fail { text = "secret " .. reference.name .. " has no text" } end
  kept[name] = { text = text, at = now }
  return text, false
end

local function value_of(reference, again)
  local text, cached = text_of(reference, again)
  hide(text)
  if not reference.key then return text, cached end
  local ok, object = pcall(json.decode, text)
  local value = ok and type(object) == "table" and object[reference.key] or nil
  if type(value) ~= "string" and type(value) ~= "number" then
    fail { text = "secret " .. reference.name .. " has no '" .. reference.key .. "'" }
  end
  hide(tostring(value))
  return tostring(value), cached
end

-- A copy of the settings with every reference read; and whether one came from the cache.
function vault.resolve(settings, again)
  local any = false
  local function copy(value)
    if value == json.null then return nil end
    if type(value) ~= "table" then return value end
    if vault.is_reference(value) then
      local text, cached = value_of(value, again)
      any = any or cached
      return text
    end
    local made = {}
    for key, each in next, value do made[key] = copy(each) end
    return made
  end
  return copy(settings), any
end

return vault
