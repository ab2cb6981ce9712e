// SPDX-License-Identifier: GPL-2.0-or-later
/* What the engine tells of itself; changes nothing. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loader/kernel/engine_private.h"
#include "loader/kernel/maps.h"
#include "loader/kernel/route.h"
#include "loader/util/cleanup.h"

uint64_t engine_generation(const struct engine *engine)
{
	return engine->config.generation;
}

static bool has_all_doors(const struct engine *engine)
{
	bool has = engine_has_doors(engine);

	for (int i = 1; i <= SP_MAX_TUNNELS; i++)
		has &= !engine->bindings[i].place.ifindex ||
		       !engine->bindings[i].doorless;

	return has;
}

const char *engine_degraded(const struct engine *engine)
{
	if (!engine->attached)
		return NULL;
	if (!has_all_doors(engine))
		return "door";

	return attach_missing(engine->attach, engine->scope);
}

const struct binding *engine_binding(const struct engine *engine,
				     const struct tunnel *tunnel)
{
	uint32_t slot = numbers_find(engine->tunnel_numbers, tunnel->uuid);

	return slot ? &engine->bindings[slot] : NULL;
}

void engine_tunnel(const struct engine *engine, const struct tunnel *tunnel,
		   struct tunnel_status *ret_status)
{
	const struct binding *binding = engine_binding(engine, tunnel);

	memset(ret_status, 0, sizeof(*ret_status));
	if (!binding)
		return;
	ret_status->ifindex = binding->entry.ifindex;
	ret_status->facts.up = binding->entry.flags & SP_TUN_UP;
	ret_status->facts.has_ipv4 = binding->entry.flags & SP_TUN_IPV4;
	ret_status->facts.has_ipv6 = binding->entry.flags & SP_TUN_IPV6;
	ret_status->facts.prefixes = binding->prefixes;
	ret_status->facts.n_prefixes = binding->n_prefixes;
	memcpy(&ret_status->source4, &binding->entry.src4, 16);
	memcpy(&ret_status->source6, &binding->entry.src6, 16);
}

uint64_t engine_stat(const struct engine *engine, uint32_t stat)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *values = NULL;
	uint64_t sum = 0;

	if (n <= 0)
		return 0;
	values = calloc((size_t)n, sizeof(*values));
	if (!values ||
	    map_get(attach_map(engine->attach, MAP_STAT), &stat, values))
		return 0;
	for (int i = 0; i < n; i++)
		sum += values[i];

	return sum;
}

static int compare_drops(const void *a, const void *b)
{
	const struct drop_count *x = a, *y = b;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;

	return x->reason < y->reason ? -1 : x->reason > y->reason;
}

int engine_drops(struct engine *engine, struct drop_count **ret_drops,
		 size_t *ret_n)
{
	_cleanup_free_ struct sp_drop_key *keys = NULL;
	int map = attach_map(engine->attach, MAP_DROP), r;
	struct drop_count *drops;
	size_t n_keys, n = 0;
	__u64 count;

	r = map_keys(map, sizeof(*keys), (void **)&keys, &n_keys);
	if (r)
		return r;
	drops = calloc(n_keys + 1, sizeof(*drops));
	if (!drops)
		return -ENOMEM;
	for (size_t i = 0; i < n_keys; i++) {
		if (map_get(map, &keys[i], &count))
			continue;
		drops[n].class = keys[i].class;
		drops[n].reason = keys[i].reason;
		drops[n++].count = count;
	}
	qsort(drops, n, sizeof(*drops), compare_drops);
	*ret_drops = drops;
	*ret_n = n;

	return 0;
}

uint32_t engine_class(const struct engine *engine, const struct app *app)
{
	return numbers_find(engine->class_numbers, app->id);
}

int engine_tasks(struct engine *engine, struct classed_task **ret_tasks,
		 size_t *ret_n)
{
	_cleanup_free_ struct sp_task_record *records = NULL;
	struct classed_task *tasks;
	size_t n;
	int r;

	r = tasks_list(engine->attach, &records, &n);
	if (r)
		return r;
	tasks = calloc(n + 1, sizeof(*tasks));
	if (!tasks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		tasks[i].pid = (pid_t)records[i].tgid;
		tasks[i].class = records[i].class;
		tasks[i].how = records[i].how;
	}
	*ret_tasks = tasks;
	*ret_n = n;

	return 0;
}

/* ---- who is it? -------------------------------------------------------- */

static const struct app *app_of_class(const struct engine *engine,
				      uint32_t class)
{
	const char *id = numbers_name(engine->class_numbers, class);

	return id && engine->policy ? policy_find_app(engine->policy, id) :
				      NULL;
}

/* The selector of the app that names this cgroup or the nearest above it. */
static const struct selector *cgroup_selector(const struct app *app,
					      const char *path)
{
	const struct selector *best = NULL;
	size_t best_length = 0;

	for (size_t i = 0; i < app->n_selectors; i++) {
		const struct selector *s = &app->selectors[i];
		size_t length = strlen(s->path);
		bool exact;

		if (s->kind == SELECTOR_EXE || strncmp(path, s->path, length))
			continue;
		exact = path[length] == '\0';
		if (!exact &&
		    (s->kind != SELECTOR_CGROUP_TREE || path[length] != '/'))
			continue;
		if (!best || length > best_length ||
		    s->kind == SELECTOR_CGROUP) {
			best = s;
			best_length = length;
		}
	}

	return best;
}

/* "0::/path" of /proc/PID/cgroup. */
static int cgroup_of_pid(pid_t pid, char path[PATH_MAX])
{
	_cleanup_fclose_ FILE *file = NULL;
	char name[64], line[PATH_MAX + 8];

	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	file = fopen(name, "re");
	if (!file)
		return -ESRCH;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		strcpy(path, line + 3);
		return 0;
	}

	return -ESRCH;
}

/* The selector of an app whose executable some process runs; the first. */
static const struct selector *exe_selector(const struct app *app)
{
	for (size_t i = 0; i < app->n_selectors; i++)
		if (app->selectors[i].kind == SELECTOR_EXE)
			return &app->selectors[i];

	return NULL;
}

static const struct selector *task_selector(const struct app *app, pid_t pid,
					    uint32_t how)
{
	char path[PATH_MAX], exe[PATH_MAX];
	ssize_t n;

	if (how == SP_HOW_CGROUP)
		return cgroup_of_pid(pid, path) ? NULL :
						  cgroup_selector(app, path);
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n > 0)
		exe[n] = '\0';
	for (size_t i = 0; n > 0 && i < app->n_selectors; i++)
		if (app->selectors[i].kind == SELECTOR_EXE &&
		    !strcmp(app->selectors[i].path, exe))
			return &app->selectors[i];

	/* by another name of the file, or of the process it descends from */
	return exe_selector(app);
}

int engine_app_of_pid(struct engine *engine, pid_t pid,
		      const struct app **ret_app,
		      const struct selector **ret_selector)
{
	_cleanup_free_ struct sp_task_record *records = NULL;
	char path[64];
	size_t n;
	int r;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (access(path, F_OK))
		return -ESRCH;
	r = tasks_list(engine->attach, &records, &n);
	if (r)
		return r;
	*ret_app = NULL;
	*ret_selector = NULL;
	for (size_t i = 0; i < n; i++) {
		if (records[i].tgid != (uint32_t)pid)
			continue;
		*ret_app = app_of_class(engine, records[i].class);
		if (*ret_app)
			*ret_selector =
				task_selector(*ret_app, pid, records[i].how);
	}

	return 0;
}

int engine_app_of_cgroup(struct engine *engine, const char *path,
			 const struct app **ret_app,
			 const struct selector **ret_selector)
{
	const struct selector *found;
	size_t best_length = 0;
	char full[PATH_MAX];
	struct stat st;
	int n;

	n = snprintf(full, sizeof(full), "%s%s", engine->cgroup_mount, path);
	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	if (stat(full, &st))
		return -errno;
	*ret_app = NULL;
	*ret_selector = NULL;
	for (size_t i = 0; engine->policy && i < engine->policy->n_apps; i++) {
		const struct app *app = &engine->policy->apps[i];

		found = cgroup_selector(app, path);
		/* the innermost selector decides */
		if (!found || (*ret_app && strlen(found->path) < best_length))
			continue;
		*ret_app = app;
		*ret_selector = found;
		best_length = strlen(found->path);
	}

	return 0;
}

/* nftw() has no context argument. */
static _Thread_local size_t n_directories;

static int count_directory(const char *path, const struct stat *st, int type,
			   struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	n_directories += type == FTW_D;

	return 0;
}

size_t engine_app_cgroups(struct engine *engine, const struct app *app)
{
	char path[PATH_MAX];
	struct stat st;

	n_directories = 0;
	for (size_t i = 0; i < app->n_selectors; i++) {
		const struct selector *s = &app->selectors[i];
		int n = snprintf(path, sizeof(path), "%s%s",
				 engine->cgroup_mount, s->path);

		if (s->kind == SELECTOR_EXE || n < 0 ||
		    (size_t)n >= sizeof(path))
			continue;
		if (s->kind == SELECTOR_CGROUP_TREE)
			(void)nftw(path, count_directory, 16, FTW_PHYS);
		else
			n_directories += !stat(path, &st);
	}

	return n_directories;
}

/* ---- the network ------------------------------------------------------- */

bool engine_is_host_address(const struct engine *engine,
			    const struct in6_addr *addr)
{
	return netdev_has_addr(&engine->host, addr);
}

int engine_route(struct engine *engine, const struct tunnel *tunnel,
		 const struct in6_addr *dst, struct route_answer *ret_answer)
{
	const struct binding *binding =
		tunnel ? engine_binding(engine, tunnel) : NULL;
	struct route_found found = { 0 };
	const char *name;
	int r;

	r = route_lookup(engine->nl, dst, binding ? binding->place.mark : 0,
			 &found);
	if (r)
		return r;
	memset(ret_answer, 0, sizeof(*ret_answer));
	name = netdev_link_name(&engine->host, found.ifindex);
	if (name)
		strncpy(ret_answer->interface, name,
			sizeof(ret_answer->interface) - 1);
	ret_answer->source = found.source;
	ret_answer->table = found.table;

	return 0;
}
