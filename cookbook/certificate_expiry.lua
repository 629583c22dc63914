-- Certificates: a word weeks before one ends.
--
-- Use it for every certificate that is not renewed by itself: imported ones, and those whose DNS record for validation
-- somebody has removed. It is asked once a day; low at first, high in the last week.

local settings = {
  certificates = { "arn:aws:acm:ap-northeast-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" },
  soon_days = 30,
  last_days = 7,
}

return policy {
  name = "certificate_expiry",
  doc = "Certificates that end soon",
  every = "6h",
  targets = settings.certificates,

  metrics = function(t)
    return {
      days = cloudwatch {
        namespace = "AWS/CertificateManager",
        name = "DaysToExpiry",
        stat = "Minimum",
        period = "1d",
        window = "3d",
        dimensions = { CertificateArn = t },
      },
    }
  end,

  evaluate = function(t, m)
    local days = m.days:last()
    if not days then return end -- the series says that it is unknown
    issue {
      type = "certificate_expiry",
      severity = days < settings.last_days and "high" or "low",
      when = days < settings.soon_days,
      description = ("The certificate %s ends in %d days"):format(t:match("[^/]+$"), math.floor(days)),
      recommendation = "Import its successor, or look why its renewal waits",
    }
  end,
}
