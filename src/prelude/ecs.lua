-- moontide.ecs: what the kinds of ECS services share.

local ecs = { DIMENSION = "ecs:service:DesiredCount" }

function ecs.resource_id(wanted) return "service/" .. wanted.cluster .. "/" .. wanted.service end

-- DescribeServices takes ten services of one cluster at a time. Calls found(item, service); items
-- whose cluster or service is not there get `missing`.
function ecs.read(list, at, found)
  each_batch(list, 10, function(item) return item.wanted.cluster end, function(batch)
    local cluster, names, items = batch[1].wanted.cluster, {}, {}
    for _, item in ipairs(batch) do
      local name = item.wanted.service
      if not items[name] then names[#names + 1] = name end
      items[name] = items[name] or {}
      table.insert(items[name], item)
    end
    local ok, answer = pcall(function()
      return at:client("ecs"):describe_services { cluster = cluster, services = names }
    end)
    if not ok then
      if type(answer) ~= "table" or answer.code ~= "ClusterNotFoundException" then error(answer, 0) end
      for _, item in ipairs(batch) do item.missing = "the cluster " .. cluster .. " does not exist" end
      return
    end
    for _, service in ipairs(answer.services) do
      for _, item in ipairs(items[service.serviceName] or items[service.serviceArn] or {}) do
        found(item, service)
      end
    end
    for _, item in ipairs(batch) do
      if item.current == nil then
        item.missing = "the cluster " .. cluster .. " has no service " .. item.wanted.service
      end
    end
  end)
end

return ecs
