/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the service manager how we are (sd_notify(3)). */
#ifndef SPLITD_NOTIFY_H
#define SPLITD_NOTIFY_H

/*
 * Sends e.g. "READY=1" to NOTIFY_SOCKET; 0 without one, else negative errno.
 */
int notify_manager(const char *state);

#endif
