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

#endif
