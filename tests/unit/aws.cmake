unit_test(sigv4)
unit_test(gmd_codec)
unit_test(cloudwatch)
target_sources(test_cloudwatch PRIVATE support/answer_server.c support/answers.c)
