/*
 * Runs: init, in its own mount namespace, capabilities of its user namespace; the host's paths are
 * visible. A parameter of fsconfig(2) has 255 bytes, which the layers of an overlay may exceed;
 * mount(2) takes a page of them, as one text, and wants a place. So that even then nobody sees the
 * mount before it has all its attributes, the place is the root of a mount namespace that is left
 * again at once, and a detached copy is what stays. No process is made for it: a limit of one
 * holds.
 */
#include "init.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "../common/sys.h"

#define MAX_VALUE 255
#define MAX_TEXT  4095

/* Parameters that every file system has; one that knows its own alone wants them as flags. */
static const struct {
	const char *name;
	unsigned long flag;
} superblock_flags[] = {
	{"ro", MS_RDONLY},     {"sync", MS_SYNCHRONOUS},  {"dirsync", MS_DIRSYNC},
	{"mand", MS_MANDLOCK}, {"lazytime", MS_LAZYTIME},
};

struct text {
	char data[MAX_TEXT + 1];
	size_t length;
	unsigned long flags;
};

static const char *value_of(const char *parameter)
{
	const char *equals = strchr(parameter, '=');

	return equals ? equals + 1 : parameter;
}

bool needs_text(const struct op_mount *op)
{
	struct plan_strv params = op->params;
	const char *parameter;

	while ((parameter = plan_strv_next(&params)))
		if (strlen(value_of(parameter)) > MAX_VALUE)
			return true;
	return strlen(op->source) > MAX_VALUE;
}

static bool is_flag(struct text *text, const char *parameter)
{
	for (size_t i = 0; i < ARRAY_SIZE(superblock_flags); i++) {
		if (strcmp(parameter, superblock_flags[i].name) == 0) {
			text->flags |= superblock_flags[i].flag;
			return true;
		}
	}
	return false;
}

static void append(struct text *text, const char *part, size_t length)
{
	if (text->length + length <= MAX_TEXT)
		memcpy(text->data + text->length, part, length);
	text->length += length;
}

/* A label has commas in it, and is in quotes where parameters are one text. */
static void add_parameter(struct text *text, const char *parameter)
{
	const char *value = value_of(parameter);
	const char *quote = strchr(value, ',') && *value != '"' ? "\"" : "";

	if (text->length > 0)
		append(text, ",", 1);
	append(text, parameter, (size_t)(value - parameter));
	append(text, quote, strlen(quote));
	append(text, value, strlen(value));
	append(text, quote, strlen(quote));
}

static int write_text(struct init *init, struct text *text, const struct op_mount *op,
		      const char *mode)
{
	struct plan_strv params = op->params;
	const char *parameter;

	while ((parameter = plan_strv_next(&params)))
		if (!is_flag(text, parameter))
			add_parameter(text, parameter);
	if (*mode)
		add_parameter(text, mode);
	if (text->length > MAX_TEXT)
		return fail_with(init, EINVAL, "mount", op->fstype,
				 "a value is longer than 255 bytes, and all longer than 4095");
	text->data[text->length] = '\0';
	return 0;
}

/* In a mount namespace of this call alone. Its root is covered; /.. is what covers it. */
static int mounted_copy(struct init *init, const struct op_mount *op, const struct text *text)
{
	int fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(init, "mount", "/");
	if (mount(op->source, "/", op->fstype, text->flags, text->data) < 0)
		return fail(init, "mount", op->fstype);
	fd = sys_open_tree(AT_FDCWD, "/..", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return fd < 0 ? fail(init, "open_tree", op->fstype) : fd;
}

/* setns(2) has moved the root and the working directory to the namespace's root. */
static int come_back(struct init *init, int ns_fd, int root_fd, int cwd_fd)
{
	if (setns(ns_fd, CLONE_NEWNS) < 0)
		return fail(init, "setns", "mount namespace");
	if (fchdir(root_fd) < 0 || chroot(".") < 0)
		return fail(init, "chroot", "/");
	if (fchdir(cwd_fd) < 0)
		return fail(init, "fchdir", ".");
	return 0;
}

int mount_by_text(struct init *init, const struct op_mount *op, const char *mode)
{
	static const char own_ns[] = "/proc/self/ns/mnt";
	cleanup_fd int ns_fd = open(own_ns, O_RDONLY | O_CLOEXEC);
	cleanup_fd int root_fd = open("/", O_PATH | O_CLOEXEC);
	cleanup_fd int cwd_fd = open(".", O_PATH | O_CLOEXEC);
	cleanup_fd int mount_fd = -1;
	struct text text = {.length = 0};

	if (ns_fd < 0)
		return fail(init, "open", own_ns);
	if (root_fd < 0 || cwd_fd < 0)
		return fail(init, "open", root_fd < 0 ? "/" : ".");
	if (write_text(init, &text, op, mode) < 0)
		return -1;
	if (unshare(CLONE_NEWNS) < 0)
		return fail(init, "unshare", "mount namespace");
	mount_fd = mounted_copy(init, op, &text);
	if (come_back(init, ns_fd, root_fd, cwd_fd) < 0)
		return -1;
	return steal_fd(&mount_fd);
}
