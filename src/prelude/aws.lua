-- aws: what a client does on top of single calls.
--
--   for page in client:pages("list_services", { cluster = "c" }) do ... end
--   for arn in client:items("list_services", { cluster = "c" }, "serviceArns") do ... end
--   client:wait("services_stable", { cluster = "c", services = { "api" } } [, { delay, max_attempts }])
--   aws.identity()  -> { account, arn, user_id }
--   aws.presign { url = "https://...", service = "s3", region = "eu-west-1", expires = "1h" }  -> url

local aws, methods, core, async = ...

local function copy(from)
  local to = {}
  if from ~= nil then
    for key, value in next, from do to[key] = value end
  end
  return to
end

-- An operation that does not come in pages is one page.
function methods.pages(client, operation, params)
  local call = core.operation(client, operation)
  local asked, cursor, more = copy(params), 0, true
  return function()
    if not more then return nil end
    more = false -- whoever goes on after an error is done
    local page = call(client, asked)
    more, cursor = core.next_page(client, operation, page, cursor, asked)
    return page
  end
end

function methods.items(client, operation, params, key)
  local path = core.result_key(client, operation, key)
  local pages = methods.pages(client, operation, params)
  local list, i = {}, 0
  return function()
    while true do
      i = i + 1
      if list[i] ~= nil then return list[i] end
      list, i = pages(), 0
      if list == nil then
        list = {}
        return nil
      end
      for _, name in ipairs(path) do list = list and list[name] end
      if list == nil then
        list = {}
      elseif type(list) ~= "table" then
        list = { list }
      end
    end
  end
end

local WAIT_OPTIONS = { delay = true, max_attempts = true }

-- Returns the answer that ended the wait; nil when it was an error that was waited for.
function methods.wait(client, name, params, options)
  local waiter = core.waiter(client, name)
  for key, value in next, options or {} do
    if not WAIT_OPTIONS[key] then error("wait: unknown field '" .. tostring(key) .. "'", 2) end
    waiter[key] = value
  end
  for attempt = 1, waiter.max_attempts do
    local result, failure, status = core.attempt(client, waiter.operation, params)
    local state = core.judge(client, name, result, failure, status)
    if state == "success" then return result end
    if state == "failure" then
      if failure then error(failure, 0) end
      core.fail(client, waiter.operation, "WaiterFailed", name .. " cannot come any more")
    end
    if attempt < waiter.max_attempts then async.sleep(waiter.delay) end
  end
  core.fail(client, waiter.operation, "WaiterTimeout",
            name .. " has not come after " .. waiter.max_attempts .. " looks")
end

function aws.identity(options)
  local who = aws.client("sts", options):get_caller_identity {}
  return { account = who.Account, arn = who.Arn, user_id = who.UserId }
end

-- The fields of aws.sigv4.sign, with a URL; credentials and region are looked for when they are not given.
function aws.presign(options)
  if type(options) ~= "table" then error("aws.presign: a table of options was expected", 2) end
  local o = copy(options)
  o.uri, o.url = o.url or o.uri, nil
  o.method = o.method or "GET"
  o.placement = "query"
  o.region = o.region or core.region(o.profile)
  o.credentials = o.credentials or core.secrets(o.profile)
  o.profile = nil
  return aws.sigv4.sign(o).url
end
