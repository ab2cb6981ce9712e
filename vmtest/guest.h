/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PID 1 of a test machine: what its files know of each other. */
#ifndef SPLITD_VMTEST_GUEST_H
#define SPLITD_VMTEST_GUEST_H

#include <stdbool.h>
#include <sys/types.h>

/* What the host wrote on the kernel's command line. */
struct order {
	char suite[32], break_[32], nonce[32];
	char rows[1024];  /* of the suite: "" for all of them */
	unsigned seconds; /* 0: those of the table */
};

/* What came of a suite, as its own report had it. */
struct outcome {
	unsigned planned, ok, bad, skipped;
	unsigned failed; /* of the closing line */
	bool plan, closed, stray, late;
	int status; /* of wait() */
};

/* setup.c: mounts, modules, the loopback device; what goes wrong is reported */
int setup_mounts(void);
int setup_machine(void);
int write_text(const char *path, const char *text);

/* order.c */
int order_read(struct order *ret_order);
#define MAX_ARGS 32
struct command {
	char line[512];
	char *argv[MAX_ARGS]; /* into line */
	unsigned n, seconds;
};
/* The suite's line of /suites; -ENOENT: no such name. */
int suite_find(const char *name, struct command *ret_command);
int suite_add(struct command *command, const char *option, char *value);

/* suite.c: runs one, with a deadline; tell: its report goes to the host */
int suite_run(char **argv, unsigned seconds, bool tell,
	      struct outcome *ret_outcome);
bool outcome_green(const struct outcome *outcome);

/* report.c: the channel to the host */
int report_open(void);
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void machine_end(bool green);

/* kmsg.c: the kernel's log, read from the first record on */
int kmsg_open(void);
int kmsg_fd(void);
void kmsg_read(void); /* what has come since */
bool kmsg_clean(void);

/* break.c: the self-test, in which something fails on purpose */
enum stage {
	STAGE_START,  /* before the control of the sensors */
	STAGE_RESULT, /* at the suite's second result */
	STAGE_END     /* nothing is left but the closing line */
};
extern bool break_mute;		/* results no longer reach the host */
extern bool break_drop;		/* the next result gets lost */
extern const char *break_forge; /* replaces the next result */
int break_set(const char *name);
void break_at(enum stage stage, pid_t suite);
void kmsg_break(void);

#endif
