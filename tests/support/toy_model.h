/* support/toy_model.h - the model of a made-up service that has a member of every kind, in any
 * protocol.
 *
 * Its operations: Get gives `Out`, which has all that bodies hold; Rest has headers and a status;
 * Blob, Text, Out and Free have a payload; Where is one text; None gives nothing. All but those
 * with payloads know the error Gone (code Svc.Gone). */
#ifndef MOONTIDE_TESTS_TOY_MODEL_H
#define MOONTIDE_TESTS_TOY_MODEL_H

#include "moontide/aws/model.h"

/* protocol: as models spell it ("rest-json"). The caller releases it. */
struct model *toy_model(const char *protocol);

#endif
