/*
 * Runs: init, in its own mount namespace, capabilities of its user namespace. What is done to
 * mounts that are there already, by fd.
 */
#include "init.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "../common/sys.h"

/* Goes at once, and from the kernel when nobody uses it any more. No link is followed at its end.
 */
int op_unmount(struct init *init, const struct op_unmount *op)
{
	cleanup_fd int fd = root_open(init, op->target, O_PATH | O_NOFOLLOW);
	cleanup_fd int parent_fd = -1;
	const char *name;

	if (fd < 0)
		return fail(init, "open", op->target);
	parent_fd = root_open_parent(init, op->target, &name);
	if (parent_fd < 0 || fchdir(parent_fd) < 0)
		return fail(init, "open", op->target);
	if (umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return fail(init, "umount", op->target);
	return 0;
}

/* The recursive options (rro, rnosuid, ...) of the mount just made, and of all that is below it. */
int op_mount_attributes(struct init *init, const struct op_mount_attributes *op)
{
	struct mount_attr attr = {.attr_set = op->set, .attr_clr = op->cleared};

	if (sys_mount_setattr(init->mount_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
		return fail(init, "mount_setattr", "recursive attributes");
	return 0;
}

int op_mount_propagation(struct init *init, const struct op_mount_propagation *op)
{
	struct mount_attr attr = {.propagation = op->flags};
	unsigned int flags = AT_EMPTY_PATH | (op->recursive ? AT_RECURSIVE : 0);

	if (sys_mount_setattr(init->mount_fd, "", flags, &attr) < 0)
		return fail(init, "mount_setattr", "propagation");
	return 0;
}
