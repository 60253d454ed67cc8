/*
 * Runs: init, root's ids and capabilities of its user namespace. What AppArmor and SELinux are to
 * make of the program, of its keyring, and of files. Both read it from files of the task itself,
 * which must be files of the kernel and nothing else: written anywhere else, the program would run
 * without (CVE-2019-16884, CVE-2025-52881).
 */
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LABEL_OF_FILE "security.selinux"

/* The first that the kernel has of the task's attributes, opened; its name in *ret_name. */
static int open_attribute(struct init *init, struct plan_strv names, const char **ret_name)
{
	char path[64];
	int fd = -1;

	while (fd < 0 && (*ret_name = plan_strv_next(&names))) {
		snprintf(path, sizeof(path), "%d/attr/%s", (int)getpid(), *ret_name);
		fd = procfs_open(init, path);
		if (fd < 0 && errno != ENOENT)
			break;
	}
	return fd;
}

int op_security_attribute(struct init *init, const struct op_security_attribute *op)
{
	size_t len = strlen(op->value);
	char shown[64];
	const char *name;
	cleanup_fd int fd = open_attribute(init, op->names, &name);

	if (fd < 0 && errno == ENOENT && op->optional)
		return 0;
	snprintf(shown, sizeof(shown), "/proc/self/attr/%s", name ? name : "");
	if (fd < 0)
		return fail(init, "open", shown);
	if (RETRY(write(fd, op->value, len)) != (ssize_t)len)
		return fail(init, "write", shown);
	return 0;
}

/* Of what was mounted last; a file system that takes no label has none to be wrong. */
int op_label_mount(struct init *init, const struct op_label_mount *op)
{
	cleanup_fd int fd = openat(init->mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(init, "open", op->target);
	if (fsetxattr(fd, LABEL_OF_FILE, op->label, strlen(op->label), 0) < 0 && errno != ENOTSUP)
		return fail(init, "fsetxattr " LABEL_OF_FILE, op->target);
	return 0;
}
