/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon is given: a profile, a command, a host file, executables. */

/*
 * The profile brings the tunnel with its routes and its interface in
 * VendorConfig, the command links the apps to it, the host file says how Linux
 * recognises them: the three files an administrator would write.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lab/cleanup.h"
#include "tests/lab/lab.h"

#define TUNNEL_UUID "d2773557-b535-414f-968a-5447d9c02d52"

static const char head[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
	"\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	"<plist version=\"1.0\">\n<dict>\n";
static const char tail[] = "</dict>\n</plist>\n";

static const char profile[] =
	"<key>PayloadType</key><string>Configuration</string>\n"
	"<key>PayloadVersion</key><integer>1</integer>\n"
	"<key>PayloadIdentifier</key><string>com.example.lab</string>\n"
	"<key>PayloadUUID</key>"
	"<string>0b6b9d1e-9d0e-4f0c-8f0a-6a7a2f6b1c01</string>\n"
	"<key>PayloadDisplayName</key><string>lab</string>\n"
	"<key>PayloadContent</key><array><dict>\n"
	"<key>PayloadType</key>"
	"<string>com.apple.vpn.managed.applayer</string>\n"
	"<key>PayloadVersion</key><integer>1</integer>\n"
	"<key>PayloadIdentifier</key><string>com.example.lab.vpn</string>\n"
	"<key>PayloadUUID</key>"
	"<string>0b6b9d1e-9d0e-4f0c-8f0a-6a7a2f6b1c02</string>\n"
	"<key>PayloadDisplayName</key><string>VPN</string>\n"
	"<key>UserDefinedName</key><string>lab tunnel</string>\n"
	"<key>VPNType</key><string>VPN</string>\n"
	"<key>VPNSubType</key><string>com.example.vpn</string>\n"
	"<key>VPNUUID</key><string>" TUNNEL_UUID "</string>\n"
	"<key>OnDemandMatchAppEnabled</key><true/>\n"
	"<key>VPN</key><dict>\n"
	"<key>AuthenticationMethod</key><string>Password</string>\n"
	"<key>ProviderType</key><string>packet-tunnel</string>\n"
	"<key>RemoteAddress</key><string>10.10.0.1:51820</string>\n"
	"<key>ProviderBundleIdentifier</key>"
	"<string>com.example.vpn.extension</string>\n"
	"</dict>\n"
	"<key>VendorConfig</key><dict>\n"
	"<key>Interface</key><string>tun0</string>\n"
	"<key>IncludedRoutes</key><array>\n"
	"<string>1.1.1.1/32</string><string>203.0.113.0/24</string>\n"
	"<string>2001:db8:1::/48</string></array>\n"
	"<key>ExcludedRoutes</key><array>\n"
	"<string>203.0.113.128/25</string>\n"
	"<string>2001:db8:1:8000::/49</string></array>\n"
	"</dict>\n"
	"</dict></array>\n";

/* The executables' places: below the run's directory; late is not there yet. */
static const struct {
	const char *id, *path;
} exe_apps[] = {
	{ "com.example.exe", "bin/app" },
	{ "com.example.other", "bin/other" },
	{ "com.example.swap", "bin/swap" },
	{ "com.example.late", "late/app" },
	{ "com.example.turned", "bin/turn/app" },
};
#define N_EXE_APPS (sizeof(exe_apps) / sizeof(*exe_apps))

static void command_item_write(FILE *file, const char *id)
{
	fprintf(file,
		"<dict><key>Item</key><string>ApplicationAttributes</string>\n"
		"<key>Identifier</key><string>%s</string>\n"
		"<key>Attributes</key><dict><key>VPNUUID</key>"
		"<string>" TUNNEL_UUID "</string></dict></dict>\n",
		id);
}

static void command_write(FILE *file)
{
	fputs("<key>CommandUUID</key>"
	      "<string>0b6b9d1e-9d0e-4f0c-8f0a-6a7a2f6b1c03</string>\n"
	      "<key>Command</key><dict>\n"
	      "<key>RequestType</key><string>Settings</string>\n"
	      "<key>Settings</key><array>\n",
	      file);
	command_item_write(file, "com.example.listed");
	for (size_t i = 0; i < N_EXE_APPS; i++)
		command_item_write(file, exe_apps[i].id);
	fputs("</array></dict>\n", file);
}

/* Whoever owns its path has made a link to another app of it. */
static void thief_write(const struct lab *lab, FILE *file, const char *name)
{
	fprintf(file,
		"<key>com.example.%s</key><array><string>exe:%s/bin/%s"
		"</string></array>\n",
		name, lab->dir, name);
}

/* "named" is no cgroup yet, and not a word is said of those below it. */
static void host_write(const struct lab *lab, FILE *file)
{
	const char *top = lab->cgroup + strlen(lab->mount);

	fputs("<key>Apps</key><dict>\n", file);
	/* it comes to the file before the app that names it, and after */
	thief_write(lab, file, "a-thief");
	fprintf(file,
		"<key>com.example.listed</key><array>"
		"<string>cgroup:%s/apps/listed/**</string>"
		"<string>cgroup:%s/apps/named</string></array>\n",
		top, top);
	for (size_t i = 0; i < N_EXE_APPS; i++)
		fprintf(file,
			"<key>%s</key><array><string>exe:%s/%s</string>"
			"</array>\n",
			exe_apps[i].id, lab->dir, exe_apps[i].path);
	thief_write(lab, file, "thief");
	fputs("</dict>\n", file);
}

enum document {
	DOCUMENT_PROFILE,
	DOCUMENT_COMMAND,
	DOCUMENT_HOST
};

static int document_write(const struct lab *lab, const char *name,
			  enum document document)
{
	char path[LAB_PATH + 32];
	_cleanup_fclose_ FILE *file = NULL;

	snprintf(path, sizeof(path), "%s/%s", lab->dir, name);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fputs(head, file);
	if (document == DOCUMENT_PROFILE)
		fputs(profile, file);
	else if (document == DOCUMENT_COMMAND)
		command_write(file);
	else
		host_write(lab, file);
	fputs(tail, file);
	return ferror(file) ? -EIO : 0;
}

static int executables_make(const struct lab *lab)
{
	static const char *const copies[] = { "plain", "app", "other", "swap",
					      "setuid" };
	static const struct {
		const char *name, *to;
	} links[] = { { "link", "app" },
		      { "thief", "app" },
		      { "a-thief", "app" },
		      { "turn", "turn-a" } };
	char path[LAB_PATH + 32];
	int r = 0;

	for (size_t i = 0; i < sizeof(copies) / sizeof(*copies) && r >= 0;
	     i++) {
		snprintf(path, sizeof(path), "%s/bin/%s", lab->dir, copies[i]);
		r = copy_file("/proc/self/exe", path,
			      strcmp(copies[i], "setuid") == 0 ? 04755 : 0755);
	}
	for (char side = 'a'; side <= 'b' && r >= 0; side++) {
		snprintf(path, sizeof(path), "%s/bin/turn-%c/app", lab->dir,
			 side);
		r = copy_file("/proc/self/exe", path, 0755);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links) && r >= 0; i++) {
		snprintf(path, sizeof(path), "%s/bin/%s", lab->dir,
			 links[i].name);
		if (symlink(links[i].to, path) < 0)
			r = -errno;
	}
	return r;
}

/* The files and executables of the run, in its temporary directory. */
int policy_write(const struct lab *lab)
{
	static const char *const dirs[] = { "policy",	 "state", "run",
					    "bin",	 "late",  "bin/turn-a",
					    "bin/turn-b" };
	char path[LAB_PATH + 32];
	int r = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", lab->dir, dirs[i]);
		if (mkdir(path, 0755) < 0)
			return -errno;
	}
	r = executables_make(lab);
	if (r >= 0)
		r = document_write(lab, "policy/vpn.mobileconfig",
				   DOCUMENT_PROFILE);
	if (r >= 0)
		r = document_write(lab, "policy/apps.plist", DOCUMENT_COMMAND);
	if (r >= 0)
		r = document_write(lab, "host.plist", DOCUMENT_HOST);
	return r;
}
