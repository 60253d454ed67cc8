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
#include <stdio.h>
#include <sys/mount.h>

#include "../common/sys.h"

/* No more of the text is read by mount(2). */
#define PAGE 4096

/* In a mount namespace of this call alone. Its root is covered; /.. is what covers it. */
static int mounted_copy(struct init *init, const struct op_mount_text *op, const char *data)
{
	int fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(init, "mount", "/");
	if (mount(op->source, "/", op->fstype, (unsigned long)op->superblock, data) < 0)
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

int mount_by_text(struct init *init, const struct op_mount_text *op, const char *mode)
{
	static const char own_ns[] = "/proc/self/ns/mnt";
	cleanup_fd int ns_fd = open(own_ns, O_RDONLY | O_CLOEXEC);
	cleanup_fd int root_fd = open("/", O_PATH | O_CLOEXEC);
	cleanup_fd int cwd_fd = open(".", O_PATH | O_CLOEXEC);
	cleanup_fd int mount_fd = -1;
	char data[PAGE];

	if (ns_fd < 0)
		return fail(init, "open", own_ns);
	if (root_fd < 0 || cwd_fd < 0)
		return fail(init, "open", root_fd < 0 ? "/" : ".");
	if (snprintf(data, sizeof(data), "%s%s%s", op->text, *op->text && *mode ? "," : "", mode) >=
	    (int)sizeof(data))
		return fail_with(init, E2BIG, "mount", op->fstype, "");
	if (unshare(CLONE_NEWNS) < 0)
		return fail(init, "unshare", "mount namespace");
	mount_fd = mounted_copy(init, op, data);
	if (come_back(init, ns_fd, root_fd, cwd_fd) < 0)
		return -1;
	return steal_fd(&mount_fd);
}
