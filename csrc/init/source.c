/*
 * Runs: init, in its own mount namespace; op_pass_tree() in a process of the host's rights that has
 * joined it. What a bind mount shows is cloned inside of the container's mount namespace, never in
 * the host's: only there do flags and mounts of the host stay locked when the container's root, of
 * another user namespace, gets at them.
 */
#include "init.h"

#include <fcntl.h>

#include "../common/sys.h"

static int clone_tree(const char *path, bool recursive, uint32_t how)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

	if (recursive)
		flags |= AT_RECURSIVE;
	if (how & PLAN_MOUNT_SOURCE_NOFOLLOW)
		flags |= AT_SYMLINK_NOFOLLOW;
	return sys_open_tree(AT_FDCWD, path, flags);
}

/* The parent knows the operation by its number. If it cannot help it does not answer, but ends us.
 */
static int ask_parent(struct init *init)
{
	uint32_t index = init->err.op_index;
	int fd = -1;

	if (sync_send(init->sync_fd, SYNC_TREE, &index, sizeof(index), -1) < 0 ||
	    sync_receive(init->sync_fd, SYNC_TREE, NULL, 0, &fd, 1) < 0)
		return -1;
	return fd;
}

int open_source(struct init *init, const char *path, bool recursive, uint32_t how, bool ask)
{
	int fd = clone_tree(path, recursive, how);

	if (fd < 0 && errno == EACCES && ask)
		fd = ask_parent(init);
	if (fd < 0)
		return fail(init, "open_tree", path);
	return fd;
}

int mapped_source(struct init *init, const char *path)
{
	int fd = ask_parent(init);

	if (fd < 0)
		return fail(init, "ask for mount tree", path);
	return fd;
}

/* The file ids of a mount become those of a user namespace; later than now it cannot be done. */
static int map_ids(int tree_fd, int user_ns_fd, bool whole_tree)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)(unsigned)user_ns_fd,
	};

	return sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH | (whole_tree ? AT_RECURSIVE : 0),
				 &attr);
}

/*
 * Runs: a helper that changes the mounts of a running container, on the host's mounts, or on a copy
 * of them that belongs to the container's user namespace.
 */
int op_host_tree(struct init *init, const struct op_host_tree *op)
{
	int fd = clone_tree(op->source, op->recursive, op->flags);

	if (fd < 0)
		return fail(init, "open_tree", op->source);
	init->slots[op->slot] = fd;
	return 0;
}

int op_pass_tree(struct init *init, const struct op_pass_tree *op)
{
	cleanup_fd int fd = clone_tree(op->source, op->recursive, op->flags);

	if (fd < 0)
		return fail(init, "open_tree", op->source);
	if (op->user_ns != PLAN_NONE && map_ids(fd, init->fds[op->user_ns], op->map_tree) < 0)
		return fail(init, "mount_setattr MOUNT_ATTR_IDMAP", op->source);
	if (sync_send(init->sync_fd, SYNC_TREE, NULL, 0, fd) < 0)
		return fail(init, "pass tree", op->source);
	_exit(0);
}
