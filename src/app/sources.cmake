set(SOURCES_app check.c code.c commands.c control.c control_ask.c daemon.c
    decision_text.c init.c instance.c notify.c options.c
    policy_dir.c policy_scan.c repl.c report.c run.c script.c status.c status_json.c terminal.c version.c)
