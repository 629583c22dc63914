/* app/notify.h - tells systemd how it goes (sd_notify(3)'s datagrams; nothing happens without
 * NOTIFY_SOCKET). */
#ifndef MOONTIDE_APP_NOTIFY_H
#define MOONTIDE_APP_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1", "STATUS=...". */
void notify_send(const char *state);
/* How often WATCHDOG=1 is to be sent (half of WATCHDOG_USEC), in ms; 0: not wanted. */
int64_t notify_watchdog_ms(void);

#endif
