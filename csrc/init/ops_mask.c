/*
 * Runs: init, in its own mount namespace, right before it enters the root, while the host's
 * /dev/null is still in reach (CVE-2025-31133: what the image has in its place may be anything).
 */
#include "init.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "../common/sys.h"

#define MOVE_BY_FD   (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)
#define CLONE_BY_FD  (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)
#define BUSY_RETRIES 5

static int new_empty_directory(const char *context)
{
	cleanup_fd int fs_fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs_fd < 0 || sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", "tmpfs", 0) < 0 ||
	    sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "nr_blocks", "1", 0) < 0 ||
	    sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "nr_inodes", "1", 0) < 0 ||
	    sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    (*context && sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "context", context, 0) < 0) ||
	    sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
}

/* One tmpfs serves all masked directories; only an attached mount can be cloned. */
int mount_empty_directory(struct init *init, int target_fd, const char *context)
{
	bool first = init->mask_fd < 0;
	cleanup_fd int fd = first ? new_empty_directory(context)
				  : sys_open_tree(init->mask_fd, "", CLONE_BY_FD);

	if (fd < 0 || sys_move_mount(fd, "", target_fd, "", MOVE_BY_FD) < 0)
		return -1;
	if (first)
		init->mask_fd = steal_fd(&fd);
	return 0;
}

static bool is_null_device(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/*
 * The container's null device if it has one, else the host's: looked at and bound by fd, so a link
 * or another file in its place is not used.
 */
static int clone_null(struct init *init)
{
	cleanup_fd int own_fd = root_open_plain(init, "/dev/null", O_PATH | O_NOFOLLOW);

	if (is_null_device(own_fd))
		return sys_open_tree(own_fd, "", CLONE_BY_FD);
	return sys_open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int mask_file(struct init *init, int target_fd)
{
	cleanup_fd int fd = clone_null(init);

	if (fd < 0)
		return fail(init, "open_tree", "/dev/null");
	if (!is_null_device(fd))
		return fail_with(init, ENODEV, "open_tree", "/dev/null",
				 "neither the container's nor the host's is the null device");
	if (sys_move_mount(fd, "", target_fd, "", MOVE_BY_FD) < 0)
		return fail(init, "move_mount", "/dev/null");
	return 0;
}

static bool is_missing(void)
{
	return errno == ENOENT || errno == ENOTDIR;
}

int op_mask_path(struct init *init, const struct op_mask_path *op)
{
	cleanup_fd int fd = root_open(init, op->path, O_PATH);
	struct stat st;

	if (fd < 0)
		return is_missing() ? 0 : fail(init, "open", op->path);
	if (fstat(fd, &st) < 0)
		return fail(init, "fstat", op->path);
	if (!S_ISDIR(st.st_mode))
		return mask_file(init, fd);
	if (mount_empty_directory(init, fd, op->context) < 0)
		return fail(init, "mount tmpfs", op->path);
	return 0;
}

/* The path is bound over itself, so that the attribute is its own and not that of all around it. */
int op_readonly_path(struct init *init, const struct op_readonly_path *op)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	cleanup_fd int target_fd = root_open(init, op->path, O_PATH);
	cleanup_fd int tree_fd = -1;

	if (target_fd < 0)
		return is_missing() ? 0 : fail(init, "open", op->path);
	tree_fd = sys_open_tree(target_fd, "", CLONE_BY_FD | AT_RECURSIVE);
	if (tree_fd < 0)
		return fail(init, "open_tree", op->path);
	if (sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
		return fail(init, "mount_setattr", op->path);
	if (sys_move_mount(tree_fd, "", target_fd, "", MOVE_BY_FD) < 0)
		return fail(init, "move_mount", op->path);
	return 0;
}

/* A read-only tmpfs (and /dev) had to be writable until its mount points and devices were in it. */
int op_remount_readonly(struct init *init, const struct op_remount_readonly *op)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
	cleanup_fd int fd = root_open(init, op->target, O_PATH);

	if (fd < 0)
		return fail(init, "open", op->target);
	for (int i = 0; sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0; i++) {
		/* Somebody has a file open for writing; a hook's helper may be about to close it.
		 */
		if (errno != EBUSY || i == BUSY_RETRIES)
			return fail(init, "mount_setattr", op->target);
		nanosleep(&pause, NULL);
	}
	return 0;
}
