-- SQS: as many workers as the queue needs, and an issue when messages wait too long all the same.
--
-- Use it for services that take work from a queue. CPU does not tell how many of them are wanted; the backlog for each
-- task does: what one task can do within the time that a message may wait (the "backlog per instance" of AWS).

local settings = {
  queue = "orders",
  cluster = "shop",
  service = "order-worker",
  wait_s = 60, -- a message may wait this long
  message_s = 2, -- one task needs this long for one message
  min = 1,
  max = 30,
}

return policy {
  name = "sqs_backlog",
  doc = "Workers by the backlog of their queue",
  every = "1m",
  targets = { { queue = settings.queue } },

  metrics = function(t)
    local function of(name)
      return cloudwatch {
        namespace = "AWS/SQS",
        name = name,
        stat = "Maximum",
        period = "1m",
        dimensions = { QueueName = t.queue },
      }
    end
    return { backlog = of "ApproximateNumberOfMessagesVisible", age_s = of "ApproximateAgeOfOldestMessage" }
  end,

  evaluate = function(t, m)
    issue {
      type = "queue_age",
      severity = "high",
      when = m.age_s:above(5 * settings.wait_s, { datapoints = 3, of = 3 }),
      clear = m.age_s:below(settings.wait_s),
      description = ("The oldest message of %s waits for %.0f s"):format(t.queue, m.age_s:last() or 0),
      recommendation = "Do the workers fail? A message that nobody can read comes again and again: look at the dead letters",
    }
    local backlog = m.backlog:last()
    if not backlog then return end -- nobody knows: as it is
    local wanted = math.ceil(backlog * settings.message_s / settings.wait_s)
    decide.ecs_desired_count {
      cluster = settings.cluster,
      service = settings.service,
      count = math.max(settings.min, math.min(settings.max, wanted)),
      min = settings.min,
      max = settings.max,
      rails = { cooldown_out = "1m", rate_out = { add = 10, percent = 200, period = "60s" } }, -- quickly up, slowly down
    }
  end,
}
