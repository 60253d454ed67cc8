/* Runs: init, in its own mount namespace, capabilities of its user namespace. */
#include "init.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../common/sys.h"

static int check_device(struct init *init, int fd, const char *path, uint32_t kind, dev_t dev,
			struct stat *ret_stat)
{
	static const char other_type[] = "a file of another type is there";
	static const char other_number[] = "a device with another number is there";

	if (fstat(fd, ret_stat) < 0)
		return fail(init, "fstat", path);
	if ((ret_stat->st_mode & S_IFMT) != kind)
		return fail_with(init, EEXIST, "mknod", path, other_type);
	if (ret_stat->st_rdev != dev)
		return fail_with(init, EEXIST, "mknod", path, other_number);
	return 0;
}

/*
 * The node is looked at again through an fd, which then gets owner and mode: what is found, made by
 * us or there before, must be the device asked for (spec: "if a file already exists ... MUST
 * generate an error").
 */
int op_device(struct init *init, const struct op_device *op)
{
	dev_t dev = op->kind == S_IFIFO ? 0 : makedev(op->major, op->minor);
	const char *name;
	cleanup_fd int parent_fd = root_open_parent(init, op->path, &name);
	cleanup_fd int fd = -1;
	struct stat st;

	if (parent_fd < 0)
		return fail(init, "mkdir", op->path);
	if (mknodat(parent_fd, name, (mode_t)(op->kind | op->mode), dev) < 0 && errno != EEXIST)
		return fail(init, "mknod", op->path);
	fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(init, "open", op->path);
	if (check_device(init, fd, op->path, op->kind, dev, &st) < 0)
		return -1;
	/* In this order: with the owner the bits change that are the owner's rights. */
	if (fchownat(fd, "", op->uid, op->gid, AT_EMPTY_PATH) < 0)
		return fail(init, "chown", op->path);
	if (fstat(fd, &st) < 0)
		return fail(init, "fstat", op->path);
	if ((st.st_mode & 07777) != op->mode && procfs_chmod(init, fd, (mode_t)op->mode) < 0)
		return fail(init, "chmod", op->path);
	return 0;
}

/* Where nodes cannot be made (user namespace), the host's node is bound over an empty file. */
int op_device_of_host(struct init *init, const struct op_device_of_host *op)
{
	cleanup_fd int tree_fd = open_source(init, op->path, false, 0, op->ask_parent);
	cleanup_fd int target_fd = -1;
	const char *name;
	cleanup_fd int parent_fd = -1;
	cleanup_fd int file_fd = -1;
	dev_t dev = makedev(op->major, op->minor);
	struct stat st;

	if (tree_fd < 0 || check_device(init, tree_fd, op->path, op->kind, dev, &st) < 0)
		return -1;
	parent_fd = root_open_parent(init, op->path, &name);
	if (parent_fd < 0)
		return fail(init, "mkdir", op->path);
	file_fd = openat(parent_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (file_fd < 0 && errno != EEXIST)
		return fail(init, "create", op->path);
	target_fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target_fd < 0)
		return fail(init, "open", op->path);
	if (sys_move_mount(tree_fd, "", target_fd, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail(init, "move_mount", op->path);
	return 0;
}
