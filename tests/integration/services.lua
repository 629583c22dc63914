-- One service, as an operator would use it, for test_aws_services.py: `moontide script services.lua SERVICE NAME`. Makes
-- things, pages through them, waits, and runs into errors. At the end it reads once more what it has read, and prints it
-- as JSON lines { service, operation, params, result }, which boto3 has to read the same.
local scenes = {}
local run = arg[2]

local reads = {}

local function read(service, operation, params)
  reads[#reads + 1] = { service = service, operation = operation, params = next(params) and params or nil }
  local client = aws.client(service)
  return client[operation](client, params)
end

local function count(client, operation, params, key)
  local n = 0
  for _ in client:items(operation, params, key) do n = n + 1 end
  return n
end

local function pages(client, operation, params)
  local n = 0
  for _ in client:pages(operation, params) do n = n + 1 end
  return n
end

local function equal(got, wanted)
  if got ~= wanted then error(("%s, not %s"):format(tostring(got), tostring(wanted)), 2) end
end

-- The call fails with this code; gives the error.
local function fails(code, f, ...)
  local ok, err = pcall(f, ...)
  if ok then error("no error, but " .. code .. " was expected", 2) end
  if type(err) ~= "table" then error(err, 0) end
  if not err.code:find(code) then error(tostring(err) .. ": " .. code .. " was expected", 2) end
  assert(err.status >= 400 and err.status < 500 and err.service and err.operation and not err.retryable)
  assert(tostring(err):find(err.code, 1, true) and not tostring(err):find("\n"))
  return err
end

function scenes.sts()
  local who = aws.identity()
  assert(#who.account == 12 and who.arn:find(who.account, 1, true))
  equal(read("sts", "get_caller_identity", {}).Account, who.account)
  local role = aws.client("sts"):assume_role {
    RoleArn = "arn:aws:iam::" .. who.account .. ":role/x", RoleSessionName = "moontide", DurationSeconds = 900 }
  assert(role.Credentials.Expiration > time.now() and #role.Credentials.SecretAccessKey > 10)
end

local function ecs_service()
  local ecs = aws.client("ecs")
  ecs:create_cluster { clusterName = run, tags = { { key = "team", value = "gm & co" } } }
  ecs:register_task_definition { family = "web", containerDefinitions = {
    { name = "app", image = "app:1", memory = 64, cpu = 10, environment = { { name = "A", value = "\u{1F600} \"q\"" } } } } }
  ecs:create_service { cluster = run, serviceName = "api", taskDefinition = "web", desiredCount = 0 }
  return ecs
end

function scenes.ecs()
  local ecs = ecs_service()
  for i = 1, 11 do
    ecs:create_service { cluster = run, serviceName = "s" .. i, taskDefinition = "web", desiredCount = 0 }
  end
  equal(count(ecs, "list_services", { cluster = run, maxResults = 5 }, "serviceArns"), 12)
  equal(#ecs:describe_services { cluster = run, services = { "api", "missing" } }.failures, 1)
  local service = read("ecs", "describe_services", { cluster = run, services = { "api" } }).services[1]
  equal(service.serviceName, "api")
  equal(math.type(service.desiredCount), "integer")
  read("ecs", "describe_task_definition", { taskDefinition = "web" })
  read("ecs", "describe_clusters", { clusters = { run }, include = { "TAGS" } })
  ecs:update_service { cluster = run, service = "api", desiredCount = 2 }
  equal(ecs:describe_services { cluster = run, services = { "api" } }.services[1].desiredCount, 2)
  fails("ServiceNotFoundException", ecs.update_service, ecs, { cluster = run, service = "none", desiredCount = 1 })
end

scenes["application-autoscaling"] = function()
  ecs_service()
  local scaling = aws.client("application-autoscaling")
  local id = "service/" .. run .. "/api"
  local target = { ServiceNamespace = "ecs", ResourceId = id, ScalableDimension = "ecs:service:DesiredCount" }
  scaling:register_scalable_target { ServiceNamespace = "ecs", ResourceId = id, MinCapacity = 1, MaxCapacity = 4,
                                     ScalableDimension = target.ScalableDimension }
  scaling:put_scaling_policy { PolicyName = "api-target-tracking", ServiceNamespace = "ecs", ResourceId = id,
    ScalableDimension = target.ScalableDimension, PolicyType = "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration = { TargetValue = 62.5, ScaleInCooldown = 60,
      PredefinedMetricSpecification = { PredefinedMetricType = "ECSServiceAverageCPUUtilization" } } }
  local found = read("application-autoscaling", "describe_scalable_targets",
                     { ServiceNamespace = "ecs", ResourceIds = { id } }).ScalableTargets[1]
  equal(found.MaxCapacity, 4)
  local policy = read("application-autoscaling", "describe_scaling_policies",
                      { ServiceNamespace = "ecs", ResourceId = id }).ScalingPolicies[1]
  equal(policy.TargetTrackingScalingPolicyConfiguration.TargetValue, 62.5)
  fails("Exception", scaling.delete_scaling_policy, scaling,
        { PolicyName = "none", ServiceNamespace = "ecs", ResourceId = id, ScalableDimension = target.ScalableDimension })
end

function scenes.logs()
  local logs = aws.client("logs")
  logs:create_log_group { logGroupName = run }
  for i = 1, 5 do logs:create_log_stream { logGroupName = run, logStreamName = "s" .. i } end
  logs:put_log_events { logGroupName = run, logStreamName = "s1", logEvents = {
    { timestamp = math.floor(time.now() * 1000), message = "tab\t, \"quotes\" and 한국어" } } }
  equal(count(logs, "describe_log_streams", { logGroupName = run, limit = 2 }, "logStreams"), 5)
  equal(pages(logs, "describe_log_streams", { logGroupName = run, limit = 2 }), 3)
  local events = read("logs", "get_log_events", { logGroupName = run, logStreamName = "s1" }).events
  equal(events[1].message, "tab\t, \"quotes\" and 한국어")
  fails("ResourceNotFoundException", logs.describe_log_streams, logs, { logGroupName = "none" })
  fails("ResourceAlreadyExistsException", logs.create_log_group, logs, { logGroupName = run })
end

function scenes.autoscaling()
  local scaling = aws.client("autoscaling")
  equal(#read("autoscaling", "describe_auto_scaling_groups", {}).AutoScalingGroups, 0)
  scaling:create_launch_configuration { LaunchConfigurationName = run, ImageId = "ami-12345678", InstanceType = "t3.micro" }
  local found = read("autoscaling", "describe_launch_configurations", { LaunchConfigurationNames = { run } })
  assert(found.LaunchConfigurations[1].CreatedTime > 1.6e9)
  scaling:delete_launch_configuration { LaunchConfigurationName = run }
  equal(#scaling:describe_launch_configurations { LaunchConfigurationNames = { run } }.LaunchConfigurations, 0)
end

function scenes.rds()
  local rds = aws.client("rds")
  rds:create_db_instance { DBInstanceIdentifier = run, DBInstanceClass = "db.t3.micro", Engine = "postgres",
    AllocatedStorage = 20, MasterUsername = "admin1", MasterUserPassword = "not-a-secret", Tags = { { Key = "a", Value = "<b>" } } }
  local ready = rds:wait("db_instance_available", { DBInstanceIdentifier = run }, { delay = 0.1, max_attempts = 100 })
  equal(ready.DBInstances[1].DBInstanceStatus, "available")
  local instance = read("rds", "describe_db_instances", { DBInstanceIdentifier = run }).DBInstances[1]
  equal(instance.AllocatedStorage, 20)
  equal(instance.MultiAZ, false)
  rds:modify_db_instance { DBInstanceIdentifier = run, AllocatedStorage = 30, ApplyImmediately = true }
  equal(#read("rds", "list_tags_for_resource", { ResourceName = instance.DBInstanceArn }).TagList, 1)
  fails("DBInstanceNotFound", rds.describe_db_instances, rds, { DBInstanceIdentifier = "none" })
end

function scenes.elasticache()
  local cache = aws.client("elasticache")
  cache:create_cache_parameter_group { CacheParameterGroupName = run, CacheParameterGroupFamily = "redis7", Description = "d" }
  cache:modify_cache_parameter_group { CacheParameterGroupName = run, ParameterNameValues = {
    { ParameterName = "maxmemory-policy", ParameterValue = "allkeys-lru" } } }
  local value
  for parameter in cache:items("describe_cache_parameters", { CacheParameterGroupName = run }, "Parameters") do
    if parameter.ParameterName == "maxmemory-policy" then value = parameter.ParameterValue end
  end
  equal(value, "allkeys-lru")
  equal(#read("elasticache", "describe_cache_parameter_groups",
              { CacheParameterGroupName = run }).CacheParameterGroups, 1)
  fails("CacheParameterGroupNotFound", cache.describe_cache_parameter_groups, cache, { CacheParameterGroupName = "none" })
end

local function new_table(dynamodb)
  dynamodb:create_table { TableName = run, KeySchema = { { AttributeName = "id", KeyType = "HASH" } },
    AttributeDefinitions = { { AttributeName = "id", AttributeType = "N" } }, BillingMode = "PAY_PER_REQUEST" }
  dynamodb:wait("table_exists", { TableName = run }, { delay = 0.1 })
end

function scenes.dynamodb()
  local dynamodb = aws.client("dynamodb")
  new_table(dynamodb)
  for i = 1, 7 do
    dynamodb:put_item { TableName = run, Item = { id = { N = tostring(i) }, bytes = { B = "\0\1\255" }, set = { SS = { "a", "b" } },
      nested = { M = { list = { L = { { BOOL = true }, { NULL = true }, { S = "" } } }, empty = { M = {} }, none = { L = {} } } } } }
  end
  local seen = 0
  for item in dynamodb:items("scan", { TableName = run, Limit = 2 }, "Items") do
    seen = seen + tonumber(item.id.N)
    equal(item.bytes.B, "\0\1\255")
    equal(#item.nested.M.list.L, 3)
    assert(next(item.nested.M.empty.M) == nil and next(item.nested.M.none.L) == nil)
  end
  equal(seen, 28)
  assert(read("dynamodb", "describe_table", { TableName = run }).Table.CreationDateTime > 1.6e9)
  local clash = fails("ConditionalCheckFailedException", dynamodb.put_item, dynamodb, {
    TableName = run, Item = { id = { N = "1" } }, ConditionExpression = "attribute_not_exists(id)",
    ReturnValuesOnConditionCheckFailure = "ALL_OLD" })
  if clash.fields then equal(clash.fields.Item.id.N, "1") end
  local canceled = fails("TransactionCanceledException", dynamodb.transact_write_items, dynamodb, { TransactItems = {
    { Put = { TableName = run, Item = { id = { N = "1" } }, ConditionExpression = "attribute_not_exists(id)" } } } })
  if canceled.fields then equal(canceled.fields.CancellationReasons[1].Code, "ConditionalCheckFailed") end
  fails("ResourceNotFoundException", dynamodb.describe_table, dynamodb, { TableName = "none" })
  equal(dynamodb:wait("table_not_exists", { TableName = "none" }, { delay = 0.1 }), nil)
end

-- 200 calls at once.
function scenes.concurrency()
  local dynamodb = aws.client("dynamodb", { max_concurrency = 200 })
  new_table(dynamodb)
  local calls = {}
  for i = 1, 200 do
    calls[i] = function()
      dynamodb:put_item { TableName = run, Item = { id = { N = tostring(i) } } }
      return dynamodb:get_item { TableName = run, Key = { id = { N = tostring(i) } }, ConsistentRead = true }.Item.id.N
    end
  end
  local results = async.all(calls)
  for i = 1, 200 do equal(results[i], tostring(i)) end
  equal(count(dynamodb, "scan", { TableName = run, Limit = 33 }, "Items"), 200)
  local metrics = dynamodb:metrics()
  equal(metrics.put_item.calls, 200)
  equal(metrics.get_item.failures, 0)
  assert(metrics.put_item.p50_ms > 0 and metrics.put_item.p99_ms >= metrics.put_item.p50_ms)
end

function scenes.sqs()
  local sqs = aws.client("sqs")
  local url = sqs:create_queue { QueueName = run, Attributes = { VisibilityTimeout = "7" } }.QueueUrl
  sqs:send_message { QueueUrl = url, MessageBody = "héllo <&>", MessageAttributes = {
    n = { DataType = "Number", StringValue = "1" }, b = { DataType = "Binary", BinaryValue = "\0\1\255" } } }
  local message = sqs:receive_message { QueueUrl = url, MessageAttributeNames = { "All" } }.Messages[1]
  equal(message.Body, "héllo <&>")
  equal(message.MessageAttributes.b.BinaryValue, "\0\1\255")
  equal(read("sqs", "get_queue_attributes", { QueueUrl = url, AttributeNames = { "VisibilityTimeout" } })
        .Attributes.VisibilityTimeout, "7")
  fails("NonExistentQueue", sqs.get_queue_url, sqs, { QueueName = "none" })
end

-- A service may take its time until its answer begins: no call is cut off, and none is sent twice.
function scenes.long_poll()
  local sqs = aws.client("sqs")
  local url = sqs:create_queue { QueueName = run }.QueueUrl
  local began = time.now()
  equal(sqs:receive_message { QueueUrl = url, WaitTimeSeconds = 12 }.Messages, nil)
  assert(time.now() - began >= 11)
  equal(sqs:metrics().receive_message.attempts, 1)
end

function scenes.sns()
  local sns = aws.client("sns")
  local arn
  for i = 1, 3 do arn = sns:create_topic { Name = run .. i, Tags = { { Key = "k", Value = "v" } } }.TopicArn end
  assert(#sns:publish { TopicArn = arn, Message = "a & b", MessageAttributes = {
    x = { DataType = "String", StringValue = "1" } } }.MessageId > 10)
  assert(count(sns, "list_topics", {}, "Topics") >= 3)
  equal(read("sns", "get_topic_attributes", { TopicArn = arn }).Attributes.TopicArn, arn)
  read("sns", "list_tags_for_resource", { ResourceArn = arn })
  fails("NotFound", sns.get_topic_attributes, sns, { TopicArn = arn .. "x" })
end

function scenes.sesv2()
  local ses = aws.client("sesv2")
  local from = run .. "@example.com"
  ses:create_email_identity { EmailIdentity = from }
  assert(#ses:send_email { FromEmailAddress = from, Destination = { ToAddresses = { "b@example.com" } }, Content = {
    Simple = { Subject = { Data = "알림" }, Body = { Text = { Data = "t" } } } } }.MessageId > 10)
  read("sesv2", "get_email_identity", { EmailIdentity = from })
  fails("NotFoundException", ses.get_email_identity, ses, { EmailIdentity = "none@example.com" })
end

function scenes.elbv2()
  local elb = aws.client("elbv2")
  equal(#read("elbv2", "describe_load_balancers", {}).LoadBalancers, 0)
  fails("LoadBalancerNotFound", elb.describe_load_balancers, elb, { Names = { "none" } })
end

function scenes.lambda()
  local lambda = aws.client("lambda")
  equal(#read("lambda", "list_functions", { MaxItems = 5 }).Functions, 0)
  local lost = fails("ResourceNotFoundException", lambda.get_function, lambda, { FunctionName = "none" })
  equal(lost.status, 404)
end

function scenes.ssm()
  local ssm = aws.client("ssm")
  for i = 1, 12 do ssm:put_parameter { Name = "/" .. run .. "/p" .. i, Value = "v" .. i, Type = "String" } end
  equal(count(ssm, "get_parameters_by_path", { Path = "/" .. run, MaxResults = 5 }, "Parameters"), 12)
  local parameter = read("ssm", "get_parameter", { Name = "/" .. run .. "/p1" }).Parameter
  equal(parameter.Value, "v1")
  assert(math.abs(parameter.LastModifiedDate - time.now()) < 600)
  fails("ParameterNotFound", ssm.get_parameter, ssm, { Name = "/none" })
end

function scenes.secretsmanager()
  local secrets = aws.client("secretsmanager")
  secrets:create_secret { Name = run, SecretBinary = "\0\1\2" }
  equal(secrets:get_secret_value { SecretId = run }.SecretBinary, "\0\1\2")
  equal(read("secretsmanager", "describe_secret", { SecretId = run }).Name, run)
  fails("ResourceNotFoundException", secrets.get_secret_value, secrets, { SecretId = "none" })
end

function scenes.ce()
  read("ce", "get_cost_and_usage", { TimePeriod = { Start = "2024-01-01", End = "2024-02-01" }, Granularity = "MONTHLY",
                                     Metrics = { "UnblendedCost" } })
end

function scenes.events()
  local events = aws.client("events")
  for i = 1, 5 do events:put_rule { Name = run .. i, ScheduleExpression = "rate(5 minutes)" } end
  equal(count(events, "list_rules", { NamePrefix = run, Limit = 2 }, "Rules"), 5)
  equal(read("events", "describe_rule", { Name = run .. "1" }).ScheduleExpression, "rate(5 minutes)")
  equal(events:put_events { Entries = { { Source = "a", DetailType = "b", Detail = "{}" } } }.FailedEntryCount, 0)
  fails("ResourceNotFoundException", events.describe_rule, events, { Name = "none" })
end

function scenes.cloudwatch()
  local watch = aws.client("cloudwatch")
  local now = math.floor(time.now() / 60) * 60
  for i = 1, 3 do
    watch:put_metric_data { Namespace = run, MetricData = { { MetricName = "m", Timestamp = now - 60 * i, Value = i + 0.5,
      Dimensions = { { Name = "Environment", Value = "prod" } } } } }
  end
  local data = read("cloudwatch", "get_metric_data", { StartTime = now - 600, EndTime = now, MetricDataQueries = { { Id = "a",
    MetricStat = { Metric = { Namespace = run, MetricName = "m", Dimensions = { { Name = "Environment", Value = "prod" } } },
                   Period = 60, Stat = "Sum" } } } })
  equal(#data.MetricDataResults[1].Values, 3)
  equal(count(watch, "list_metrics", { Namespace = run }, "Metrics"), 1)
  watch:put_metric_alarm { AlarmName = run, MetricName = "m", Namespace = run, Statistic = "Average", Period = 60,
    EvaluationPeriods = 2, Threshold = 1.5, ComparisonOperator = "GreaterThanThreshold" }
  equal(read("cloudwatch", "describe_alarms", { AlarmNames = { run } }).MetricAlarms[1].Threshold, 1.5)
  for _, protocol in ipairs { "json", "query" } do
    local other = aws.client("cloudwatch", { protocol = protocol })
    equal(other:describe_alarms { AlarmNames = { run } }.MetricAlarms[1].Threshold, 1.5)
    equal(count(other, "list_metrics", { Namespace = run }, "Metrics"), 1)
    equal(#other:describe_alarms { AlarmNames = { "none" } }.MetricAlarms, 0)
  end
end

assert(scenes[arg[1]], "there is no scene " .. tostring(arg[1]))()
for _, one in ipairs(reads) do
  local client = aws.client(one.service)
  one.result = client[one.operation](client, one.params)
  io.write(json.encode(one), "\n")
end
