/* bind/aws.h - what the files of the Lua module `aws` share.
 *
 *   aws.c          the module: client(), regions(), credentials()
 *   aws_client.c   a client as a userdata: options, model, the connection to its service
 *   aws_call.c     one call, which waits; serialize and parse, which do not
 *   aws_error.c    error objects
 *   aws_help.c     operations(), help(), metrics()
 *   aws_walk.c     from page to page, and what a waiter thinks of an answer
 *   aws_sign.c     sigv4.sign and presigned URLs
 *   prelude/aws.lua  pages, items, wait, identity and presign, in Lua on top of these */
#ifndef MOONTIDE_SRC_BIND_AWS_H
#define MOONTIDE_SRC_BIND_AWS_H

#include "moontide/aws/client.h"
#include "moontide/vm/vm.h"

#include "aws_values.h"
#include "check.h"

/* The user values of a client's userdata: tables. */
enum {
    CLIENT_KEYS = 1, /* member.index + 1 -> its name, as results are built */
    CLIENT_NAMES,    /* address -> string, as parameters are read */
    CLIENT_METHODS,  /* name -> the function of an operation that was called before */
    CLIENT_OPTIONS,  /* keeps the texts that the options point to */
    CLIENT_VALUES = CLIENT_OPTIONS
};

/* Credentials that clients share. Counted, as the collector ends what it ends in any order. */
struct shared_chain {
    struct credential_chain *chain;
    struct shared_chain *base; /* that of an account's role stands on this one; or NULL */
    int refs;
};
void aws_chain_release(struct shared_chain *shared); /* NULL is allowed */

struct aws_client {
    struct model *model; /* in the protocol that is spoken: */
    struct model *first; /* the one to begin with */
    bool settled;        /* the protocol was chosen, or an answer has come in it */
    /* Both NULL until the first call: what is pure needs no region and no network. */
    struct shared_chain *chain;
    struct client *client;
    struct client_options options;
    struct wire_request request; /* filled and sent at once; its memory is kept */
};

/* Goes on in another protocol of the model: ERR_UNSUPPORTED, ERR_NOMEM. */
MUST_CHECK int aws_speak(struct aws_client *client, enum protocol_kind kind);

struct aws_client *aws_check_client(lua_State *L, int idx);
const struct aws_client *aws_test_client(lua_State *L, int idx); /* NULL: it is none */
/* The region that was given, configured, or set outside; NULL: none. Pushes the text (or nil). */
const char *aws_push_region(lua_State *L, const char *given, const char *profile);
/* aws.client(service, options) */
int aws_client_new(lua_State *L);
/* Connects it when it is not yet; throws. */
struct client *aws_connect(lua_State *L, int idx);
/* The operation of this name; throws, with the nearest known one. */
const struct operation *aws_operation(lua_State *L, const struct aws_client *client,
                                      const char *name);
/* One of the configuration's accounts by name; throws, with the nearest known one. */
const struct config_account *aws_account(lua_State *L, const char *name);
/* The credential chain of a profile (NULL: the default one), or of the explicit credentials in the
 * table at idx (0: none); the caller gives back a reference. Throws. */
struct shared_chain *aws_chain(lua_State *L, const char *profile, int idx);
/* That of an account's role; a reference, as above. */
struct shared_chain *aws_account_chain(lua_State *L, const struct config_account *account);
/* Credentials from a table { access_key_id, secret_access_key, session_token }; the caller releases
 * them. Throws. */
struct credentials *aws_check_credentials(lua_State *L, int idx, const char *what);

/* Pushes the function client:operation(params). */
void aws_push_method(lua_State *L, const struct operation *operation);
/* The operation of such a function at idx; NULL: it is none. */
const struct operation *aws_method_operation(lua_State *L, int idx);
/* What help says of a client, and of an operation (service: NULL when not known). */
void aws_help_client(struct strbuf *out, const struct model *model);
void aws_help_operation(struct strbuf *out, const char *service, const struct operation *operation);
int aws_attempt(lua_State *L); /* (client, operation, params) -> result, or nil, error, status */
int aws_serialize(lua_State *L);
int aws_parse(lua_State *L);

/* Throws the fault of a call that got no answer. */
int aws_raise_fault(lua_State *L, const struct aws_client *client,
                    const struct operation *operation, const struct fault *fault);
enum { ACTION_MAX = 192 };
/* "ecs:UpdateService", as IAM policies name it. */
const char *aws_action(const struct model *model, const struct operation *operation,
                       char out[ACTION_MAX]);
/* Pushes the error object of an answer; the modelled fields are on top of the stack (popped). */
void aws_push_error(lua_State *L, const struct aws_client *client,
                    const struct operation *operation, const struct wire_response *response,
                    const struct service_error *error);

int aws_operations(lua_State *L);
int aws_help(lua_State *L);
int aws_metrics(lua_State *L);

int aws_next_page(lua_State *L);  /* (client, operation, page, cursor, params) -> more, cursor */
int aws_result_key(lua_State *L); /* (client, operation, key or nil) -> list of names */
int aws_waiter(lua_State *L);     /* (client, name) -> { operation, delay, max_attempts } */
int aws_judge(lua_State *L);      /* (client, name, result, error, status) -> state */

int aws_sign(lua_State *L);    /* sigv4.sign */
int aws_secrets(lua_State *L); /* (profile) -> credentials, for presign; waits */
int aws_credentials(lua_State *L);

#endif
