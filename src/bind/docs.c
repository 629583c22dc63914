/* bind/docs.c - the list of all that is documented, in the order in which it is shown. A new
 * binding adds its struct vm_docs here, one X() beside the parts of the same name. */
#include "moontide/bind/docs.h"

#include <stddef.h>

/* clang-format off */
#define DOCS_LIST(X) \
    /* globals */ \
    X(policy_docs) X(findings_docs) X(settings_docs) X(kinds_docs) X(kinds_asking_docs) \
    X(courier_docs) X(courier_kit_docs) X(config_secret_docs) X(config_reference_docs) \
    X(lua_base_docs) X(lua_assert_docs) X(sandbox_docs) X(protect_docs) X(pairs_docs) \
    X(lua_script_docs) X(script_docs) X(interactive_docs) X(replay_docs) \
    /* a policy */ \
    X(policy_fields_docs) X(policy_target_docs) X(policy_metrics_docs) X(issue_docs) \
    X(recommend_docs) X(config_docs) \
    /* cloudwatch */ \
    X(cloudwatch_docs) X(cloudwatch_call_docs) X(cloudwatch_fields_docs) \
    X(cloudwatch_declaration_docs) X(cloudwatch_unit_docs) X(cloudwatch_range_docs) \
    X(cloudwatch_answer_docs) \
    /* series */ \
    X(series_docs) X(series_trend_docs) X(series_anomaly_docs) X(series_points_docs) \
    X(series_slope_docs) X(series_line_docs) X(series_change_docs) X(series_seasons_docs) \
    X(series_forecast_docs) X(series_time_to_docs) \
    /* decisions */ \
    X(decide_docs) X(decide_common_docs) X(decide_verify_docs) X(rails_docs) X(rails_rate_docs) \
    X(rails_window_docs) \
    /* stats */ \
    X(stats_docs) X(stats_summary_docs) X(stats_percentile_docs) X(stats_histogram_docs) \
    X(stats_correlation_docs) X(stats_vectors_docs) X(stats_trend_docs) X(stats_season_docs) \
    X(stats_forecast_docs) X(stats_anomaly_docs) X(stats_sketches_docs) X(stats_read_docs) \
    X(stats_access_log_docs) \
    X(stats_numbers_docs) X(stats_method_docs) X(stats_nan_docs) X(stats_stddev_docs) \
    X(stats_summary_options_docs) X(stats_summary_fields_docs) X(stats_between_docs) \
    X(stats_percentile_options_docs) X(stats_histogram_options_docs) X(stats_bucket_docs) \
    X(stats_correlation_options_docs) \
    X(stats_vector_docs) X(stats_slope_docs) X(stats_line_options_docs) X(stats_line_docs) \
    X(stats_change_options_docs) X(stats_change_docs) X(stats_time_to_docs) X(stats_times_docs) \
    X(stats_seasons_options_docs) X(stats_seasons_docs) X(stats_at_docs) X(stats_ahead_docs) \
    X(stats_model_options_docs) X(stats_model_docs) \
    X(stats_detector_docs) X(stats_anomaly_options_docs) X(stats_anomalies_docs) \
    X(stats_sketch_docs) X(stats_sketch_ask_docs) X(stats_sketch_options_docs) \
    X(stats_read_options_docs) X(stats_read_info_docs) X(stats_broken_docs) \
    X(stats_access_options_docs) X(stats_scan_docs) X(stats_group_docs) X(stats_scan_info_docs) \
    /* aws */ \
    X(aws_docs) X(aws_makers_docs) X(aws_sigv4_docs) X(aws_client_docs) X(aws_answer_docs) \
    X(aws_client_options_docs) X(aws_keys_docs) X(aws_wait_docs) X(aws_serialize_docs) \
    X(aws_response_docs) X(aws_request_docs) X(aws_metrics_docs) X(aws_credentials_docs) \
    X(aws_identity_docs) X(aws_sign_docs) X(aws_signed_docs) X(aws_presign_docs) \
    /* http */ \
    X(http_docs) X(http_options_docs) X(http_request_docs) X(http_answer_docs) \
    /* waiting, and errors */ \
    X(async_docs) X(error_docs) \
    /* json */ \
    X(json_docs) X(json_null_docs) X(json_encode_docs) \
    /* time, log */ \
    X(time_docs) X(interactive_time_docs) X(duration_docs) X(moment_docs) X(log_docs) \
    /* journal */ \
    X(journal_docs) X(journal_filter_docs) X(journal_entry_docs) \
    X(replay_rerun_docs) X(replay_tick_docs) \
    /* plot */ \
    X(plot_docs) X(plot_data_docs) X(plot_options_docs) X(plot_terminal_docs) \
    /* policies/tests */ \
    X(test_docs) X(test_describe_docs) X(test_it_docs) X(test_only_docs) X(test_spy_docs) \
    X(test_stub_docs) X(test_match_docs) X(test_expectation_docs) X(test_assert_docs) \
    X(test_spy_class_docs) X(test_options_docs) X(test_result_docs) \
    /* kinds/NAME.lua */ \
    X(kind_fields_docs) X(kind_field_docs) X(kind_place_docs) X(kind_item_docs) \
    X(kind_change_docs) X(kind_verdict_docs) \
    /* receivers/NAME.lua */ \
    X(receiver_fields_docs) X(receiver_message_docs) X(receiver_result_docs) \
    X(receiver_failure_docs) X(command_docs) X(command_run_docs) X(command_result_docs) \
    X(mail_docs) X(mail_send_docs) X(mail_answer_docs) X(mail_refusal_docs) \
    /* moontide.lua */ \
    X(config_root_docs) X(config_account_fields_docs) X(config_limits_fields_docs) \
    X(config_retry_fields_docs) X(config_cost_fields_docs) X(config_journal_fields_docs) \
    X(config_reload_fields_docs) X(config_record_fields_docs) \
    X(config_log_fields_docs) X(config_file_fields_docs) X(config_syslog_fields_docs) \
    X(config_cloudwatch_fields_docs) X(config_alerts_fields_docs) X(config_receiver_docs) \
    X(config_route_fields_docs) X(config_window_fields_docs) X(config_inhibit_fields_docs) \
    X(config_secret_fields_docs) \
    /* consoles */ \
    X(console_docs) X(console_tick_docs) \
    /* Lua's own */ \
    X(coroutine_docs) X(lua_math_docs) X(random_docs) X(string_docs) X(lua_string_docs) \
    X(lua_dump_docs) X(table_docs) X(lua_utf8_docs) X(lua_os_docs) X(script_os_docs) \
    X(lua_io_docs) X(lua_file_docs) X(lua_package_docs) X(lua_debug_docs)

/* clang-format on */

#define X(name) extern const struct vm_docs name;
DOCS_LIST(X)
#undef X

const struct vm_docs *const docs_modules[] = {
#define X(name) &name,
    DOCS_LIST(X)
#undef X
        NULL};
