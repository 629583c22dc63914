/* bind/rails.h - the table `rails` of the configuration, a policy or a decision. Private to the
 * layer. */
#ifndef MOONTIDE_BIND_RAILS_H
#define MOONTIDE_BIND_RAILS_H

#include "fields.h"
#include "moontide/tick/rails.h"

/* Lays the table at the field `rails`, where there is one, over the limits. What is wrong is a
 * fault with the line of its own field; the limits are as before then. `what` begins its message
 * ("configuration: rails"). Throws for memory. */
void fields_rails(struct fields *fields, const char *what, struct rail_limits *limits);

#endif
