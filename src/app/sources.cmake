set(SOURCES_app check.c code.c commands.c control.c control_ask.c daemon.c entry.c init.c instance.c journal.c
    notify.c options.c pause.c
    policy_dir.c policy_scan.c project.c repl.c report.c run.c script.c status.c status_json.c terminal.c version.c why.c why_rails.c why_read.c why_words.c)
