unit_test(anomaly)
unit_test(percentile)
unit_test(summary)
unit_test(trend)
