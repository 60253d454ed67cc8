/*
 * Runs: init, in its own mount namespace (unless the config has none), building and entering the
 * root.
 */
#include "init.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/sys.h"

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

static int set_propagation(int fd, const char *path, uint64_t type, bool recursive)
{
	struct mount_attr attr = {.propagation = type};
	unsigned int flags = *path ? 0 : AT_EMPTY_PATH;

	return sys_mount_setattr(fd, path, flags | (recursive ? AT_RECURSIVE : 0), &attr);
}

/* Before pivot_root "/" is our copy of the host's mounts, afterwards the container's root. */
int op_root_propagation(struct init *init, const struct op_root_propagation *op)
{
	if (set_propagation(AT_FDCWD, "/", op->flags, op->recursive) < 0)
		return fail(init, "mount_setattr", "/");
	return 0;
}

/*
 * The mount that holds the root must not be shared: pivot_root refuses that, and what we mount
 * would show up in every peer. (A slave it may be: then the container sees what the host mounts
 * later.) Only the top of a mount takes the call: walk up to it.
 */
static int privatise_parent_mount(const char *rootfs)
{
	char path[PATH_MAX];
	char *slash;

	copy_text(path, sizeof(path), rootfs);
	while (set_propagation(AT_FDCWD, path, MS_PRIVATE, false) < 0) {
		slash = strrchr(path, '/');
		if (errno != EINVAL || !slash || strcmp(path, "/") == 0)
			return -1;
		slash[slash == path ? 1 : 0] = '\0';
	}
	return 0;
}

/* The root file system becomes a mount of its own, at its own path, where hooks expect it. */
int op_rootfs(struct init *init, const struct op_rootfs *op)
{
	unsigned int clone_flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
	cleanup_fd int tree_fd = -1;
	struct stat st;

	if (op->shared && privatise_parent_mount(op->path) < 0)
		return fail(init, "mount_setattr", op->path);
	tree_fd = sys_open_tree(AT_FDCWD, op->path, clone_flags);
	if (tree_fd < 0)
		return fail(init, "open_tree", op->path);
	if (op->in_host_ns && set_propagation(tree_fd, "", MS_PRIVATE, true) < 0)
		return fail(init, "mount_setattr", op->path);
	if (fstat(tree_fd, &st) < 0)
		return fail(init, "fstat", op->path);
	if (!S_ISDIR(st.st_mode))
		return fail_with(init, ENOTDIR, "open_tree", op->path, "");
	if (sys_move_mount(tree_fd, "", AT_FDCWD, op->path,
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		return fail(init, "move_mount", op->path);
	init->root_fd = steal_fd(&tree_fd);
	return 0;
}

/* The root file system as it is now, without what is mounted in it later, at another place, too. */
int op_show_rootfs(struct init *init, const struct op_show_rootfs *op)
{
	cleanup_fd int tree_fd = open_source(init, op->path, true, 0, false);
	struct mount_attr attr = {.attr_set = op->read_only ? MOUNT_ATTR_RDONLY : 0};

	if (tree_fd < 0)
		return -1;
	if (op->read_only && sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr) < 0)
		return fail(init, "mount_setattr", op->place);
	if (sys_move_mount(tree_fd, "", AT_FDCWD, op->place,
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		return fail(init, "move_mount", op->place);
	return 0;
}

/*
 * pivot_root(".", ".") stacks the old root on the new one, so that no directory for it is needed.
 * The old root is made a slave before it goes, so that its going is not seen on the host.
 */
int op_pivot_root(struct init *init)
{
	cleanup_fd int old_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old_fd < 0)
		return fail(init, "open", "/");
	if (fchdir(init->root_fd) < 0)
		return fail(init, "fchdir", "rootfs");
	if (sys_pivot_root(".", ".") < 0)
		return fail(init, "pivot_root", "rootfs");
	if (fchdir(old_fd) < 0)
		return fail(init, "fchdir", "old root");
	if (set_propagation(old_fd, "", MS_SLAVE, true) < 0)
		return fail(init, "mount_setattr", "old root");
	if (syscall(SYS_umount2, ".", MNT_DETACH) < 0)
		return fail(init, "umount2", "old root");
	if (chdir("/") < 0)
		return fail(init, "chdir", "/");
	return 0;
}

/* Without a mount namespace there is no root to pivot: only this process's view changes. */
int op_chroot(struct init *init)
{
	if (fchdir(init->root_fd) < 0)
		return fail(init, "fchdir", "rootfs");
	if (chroot(".") < 0)
		return fail(init, "chroot", "rootfs");
	return 0;
}

int op_readonly_root(struct init *init)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (sys_mount_setattr(init->root_fd, "", AT_EMPTY_PATH, &attr) < 0)
		return fail(init, "mount_setattr", "/");
	return 0;
}

int op_mkdir(struct init *init, const struct op_mkdir *op)
{
	cleanup_fd int fd = root_make_directory(init, op->path, (mode_t)op->mode);

	if (fd < 0)
		return fail(init, "mkdir", op->path);
	return 0;
}

int op_symlink(struct init *init, const struct op_symlink *op)
{
	const char *name;
	cleanup_fd int parent_fd = root_open_parent(init, op->path, &name);

	if (parent_fd < 0)
		return fail(init, "mkdir", op->path);
	if (op->replace && unlinkat(parent_fd, name, 0) < 0 && errno != ENOENT)
		return fail(init, "unlink", op->path);
	if (symlinkat(op->target, parent_fd, name) < 0 && errno != EEXIST)
		return fail(init, "symlink", op->path);
	return 0;
}
