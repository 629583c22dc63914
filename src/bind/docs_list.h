/* bind/docs_list.h - the documentation that each binding's file (and vm's) has beside its table. */
#ifndef MOONTIDE_BIND_DOCS_LIST_H
#define MOONTIDE_BIND_DOCS_LIST_H

#include "moontide/vm/docs.h"

/* vm */
extern const struct vm_docs json_docs, json_null_docs, json_encode_docs, async_docs, coroutine_docs,
    random_docs, protect_docs, pairs_docs, table_docs, string_docs, sandbox_docs;
extern const struct vm_docs command_docs, command_run_docs, command_result_docs, log_docs,
    time_docs, duration_docs, moment_docs, journal_docs, journal_filter_docs, journal_entry_docs,
    http_docs, http_options_docs, http_request_docs, http_answer_docs, mail_docs, mail_send_docs,
    mail_answer_docs, mail_refusal_docs;
extern const struct vm_docs series_docs, series_points_docs;
extern const struct vm_docs series_anomaly_docs, series_trend_docs, series_slope_docs,
    series_line_docs, series_change_docs, series_seasons_docs, series_time_to_docs,
    series_forecast_docs, stats_trend_docs, stats_slope_docs, stats_line_options_docs,
    stats_change_options_docs, stats_time_to_docs, stats_times_docs, stats_line_docs,
    stats_change_docs, stats_season_docs, stats_seasons_options_docs, stats_seasons_docs,
    stats_forecast_docs, stats_at_docs, stats_ahead_docs, stats_model_options_docs,
    stats_model_docs, stats_correlation_docs, stats_correlation_options_docs, stats_histogram_docs,
    stats_histogram_options_docs, stats_bucket_docs, stats_percentile_docs,
    stats_percentile_options_docs, stats_method_docs, stats_summary_docs, stats_nan_docs,
    stats_stddev_docs, stats_summary_options_docs, stats_between_docs, stats_summary_fields_docs,
    stats_docs, stats_numbers_docs;
extern const struct vm_docs stats_vector_docs, stats_vectors_docs, stats_detector_docs,
    stats_anomaly_docs, stats_anomaly_options_docs, stats_anomalies_docs, stats_sketches_docs,
    stats_sketch_options_docs, stats_sketch_docs, stats_sketch_ask_docs, stats_read_docs,
    stats_read_options_docs, stats_read_info_docs, stats_broken_docs, stats_scan_docs,
    stats_group_docs, stats_scan_info_docs, stats_access_log_docs, stats_access_options_docs;
extern const struct vm_docs aws_docs, aws_makers_docs, aws_sigv4_docs, aws_client_docs,
    aws_wait_docs, aws_metrics_docs, aws_credentials_docs, aws_identity_docs, error_docs,
    aws_client_options_docs, aws_keys_docs, aws_serialize_docs, aws_response_docs, aws_request_docs,
    aws_sign_docs, aws_signed_docs, aws_presign_docs, cloudwatch_docs, cloudwatch_call_docs,
    cloudwatch_fields_docs, cloudwatch_declaration_docs, cloudwatch_unit_docs,
    cloudwatch_range_docs, cloudwatch_answer_docs, findings_docs, issue_docs, recommend_docs,
    policy_docs, policy_fields_docs, policy_target_docs, policy_metrics_docs, settings_docs,
    config_docs, rails_docs, rails_rate_docs, rails_window_docs, decide_docs, decide_common_docs,
    decide_verify_docs;
extern const struct vm_docs plot_docs, plot_options_docs, plot_terminal_docs, plot_data_docs,
    kind_fields_docs, kind_field_docs, kinds_docs, kinds_asking_docs, kind_place_docs,
    kind_item_docs, kind_change_docs, kind_verdict_docs, courier_docs, courier_kit_docs,
    receiver_fields_docs, receiver_message_docs, receiver_result_docs, receiver_failure_docs,
    config_secret_docs, config_reference_docs, config_secret_fields_docs,
    config_account_fields_docs, config_limits_fields_docs, config_retry_fields_docs,
    config_cost_fields_docs, config_journal_fields_docs, config_root_docs, config_file_fields_docs,
    config_syslog_fields_docs, config_cloudwatch_fields_docs, config_log_fields_docs,
    config_route_fields_docs, config_window_fields_docs, config_inhibit_fields_docs,
    config_alerts_fields_docs, config_receiver_docs, script_os_docs, script_docs;

#endif
