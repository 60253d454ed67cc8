/*
 * Runs: init, in its own mount namespace, capabilities of its user namespace; the host's paths are
 * visible. A mount is made detached, given all its attributes, and only then attached, by fd, so
 * that there is no moment when it is visible with wrong ones, and no path to win a race for.
 */
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "../common/sys.h"

/*
 * What the kernel logged for this fs context, without its severity and its newline: "tmpfs: Unknown
 * parameter 'x'".
 */
static void read_fs_log(int fs_fd, char *note, size_t size)
{
	ssize_t len = read(fs_fd, note, size - 1);
	size_t skip = 0;

	if (len > 0 && note[len - 1] == '\n')
		len--;
	note[len > 0 ? len : 0] = '\0';
	if (len > 2 && note[1] == ' ')
		skip = 2;
	memmove(note, note + skip, strlen(note + skip) + 1);
}

static int fail_fs(struct init *init, int fs_fd, const char *call, const char *what)
{
	int err = errno;
	char note[sizeof(init->err.note)] = "";

	if (fs_fd >= 0)
		read_fs_log(fs_fd, note, sizeof(note));
	return fail_with(init, err, call, what, note);
}

/*
 * Nothing may be mounted over the root itself, nor inside a procfs but for a few files, however the
 * path got there (CVE-2019-16884).
 */
static int check_target(struct init *init, int fd, const char *path, uint32_t flags)
{
	struct stat st, root;
	struct statfs fs;

	if (fstat(fd, &st) < 0 || fstat(init->root_fd, &root) < 0)
		return fail(init, "fstat", path);
	if (st.st_dev == root.st_dev && st.st_ino == root.st_ino)
		return fail_with(init, EBUSY, "mount", path, "is on the top of rootfs");
	if (flags & PLAN_MOUNT_OVER_PROC)
		return 0;
	if (fstatfs(fd, &fs) < 0)
		return fail(init, "fstatfs", path);
	if (fs.f_type == PROC_SUPER_MAGIC)
		return fail_with(init, EPERM, "mount", path,
				 "cannot be mounted because it is inside /proc");
	return 0;
}

/* A directory that no link leads to, made if it is missing. */
static int open_plain_directory(struct init *init, const char *path)
{
	int fd = root_open_plain(init, path, O_PATH | O_DIRECTORY);

	if (fd < 0 && errno == ENOENT) {
		cleanup_fd int made = root_make_directory(init, path, 0755);

		if (made >= 0)
			fd = root_open_plain(init, path, O_PATH | O_DIRECTORY);
	}
	return fd;
}

/* The mount point itself, also if it is a symlink; made if missing. */
static int open_unfollowed(struct init *init, const char *path, bool is_file)
{
	const char *name;
	cleanup_fd int parent_fd = root_open_parent(init, path, &name);
	int fd;

	if (parent_fd < 0)
		return -1;
	fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (is_file)
		fd = openat(parent_fd, name, O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	else
		fd = mkdirat(parent_fd, name, 0755);
	if (fd < 0 && errno != EEXIST)
		return -1;
	if (is_file)
		close_fd(&fd);
	return openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens the mount point, made if missing. */
static int open_target(struct init *init, const char *path, uint32_t flags, bool is_file,
		       bool *ret_is_new)
{
	cleanup_fd int fd = -1;

	*ret_is_new = false;
	if (flags & PLAN_MOUNT_PLAIN_DIRECTORY) {
		fd = open_plain_directory(init, path);
		if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
			return fail_with(init, errno, "open", path,
					 "must be mounted on ordinary directory");
	} else if (flags & PLAN_MOUNT_TARGET_NOFOLLOW) {
		fd = open_unfollowed(init, path, is_file);
	} else if (is_file) {
		fd = root_make_file(init, path);
	} else {
		fd = root_open(init, path, O_PATH);
		*ret_is_new = fd < 0 && errno == ENOENT;
		if (*ret_is_new)
			fd = root_make_directory(init, path, 0755);
	}
	if (fd < 0)
		return fail(init, "create mount point", path);
	if (check_target(init, fd, path, flags) < 0)
		return -1;
	return steal_fd(&fd);
}

/*
 * A directory on a file, or a file on a directory: move_mount says EINVAL of it, mount(2) said
 * ENOTDIR, and Docker explains the latter to its user.
 */
static bool is_mismatch(int mount_fd, int target_fd)
{
	struct stat source, target;

	return fstat(mount_fd, &source) == 0 && fstat(target_fd, &target) == 0 &&
	       S_ISDIR(source.st_mode) != S_ISDIR(target.st_mode);
}

static int attach(struct init *init, int mount_fd, int target_fd, const char *target)
{
	if (sys_move_mount(mount_fd, "", target_fd, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
		int err = errno;

		if (err == EINVAL && is_mismatch(mount_fd, target_fd))
			err = ENOTDIR;
		return fail_with(init, err, "move_mount", target, "");
	}
	close_fd(&init->mount_fd);
	init->mount_fd = mount_fd;
	return 0;
}

/* "size=64k" is a parameter with a value, "newinstance" one without. */
static int set_parameter(int fs_fd, const char *parameter)
{
	const char *equals = strchr(parameter, '=');
	char key[256];

	if (!equals)
		return sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, parameter, NULL, 0);
	if ((size_t)(equals - parameter) >= sizeof(key)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(key, parameter, (size_t)(equals - parameter));
	key[equals - parameter] = '\0';
	return sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

static int set_parameters(struct init *init, int fs_fd, struct plan_strv params)
{
	const char *parameter;

	while ((parameter = plan_strv_next(&params)))
		if (set_parameter(fs_fd, parameter) < 0)
			return fail_fs(init, fs_fd, "fsconfig", parameter);
	return 0;
}

/* "mode=755" as at the mount point, if the mount is to have its mode; otherwise "". */
static int kept_mode(struct init *init, uint32_t flags, int mode_fd, char *mode, size_t size)
{
	struct stat st;

	*mode = '\0';
	if (!(flags & PLAN_MOUNT_KEEP_MODE) || mode_fd < 0)
		return 0;
	if (fstat(mode_fd, &st) < 0)
		return fail(init, "fstat", "mount point");
	snprintf(mode, size, "mode=%o", st.st_mode & 07777);
	return 0;
}

static int set_attributes(struct init *init, int fd, uint64_t attributes, const char *target)
{
	struct mount_attr attr = {
		.attr_set = attributes,
		.attr_clr = attributes & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0,
	};

	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0)
		return fail(init, "mount_setattr", target);
	return 0;
}

/* Returns the fd of a detached mount, or -1. mode_fd: whose mode it may get, or -1. */
static int make_mount(struct init *init, const struct op_mount *op, int mode_fd)
{
	char mode[16];
	cleanup_fd int fs_fd = sys_fsopen(op->fstype, FSOPEN_CLOEXEC);
	int mount_fd;

	if (kept_mode(init, op->flags, mode_fd, mode, sizeof(mode)) < 0)
		return -1;
	if (fs_fd < 0)
		return fail(init, "fsopen", op->fstype);
	if (*op->source && sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", op->source, 0) < 0)
		return fail_fs(init, fs_fd, "fsconfig source", op->source);
	if (set_parameters(init, fs_fd, op->params) < 0)
		return -1;
	if (*mode && set_parameter(fs_fd, mode) < 0)
		return fail_fs(init, fs_fd, "fsconfig", mode);
	if (sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_fs(init, fs_fd, "fsconfig create", op->fstype);
	mount_fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)op->attributes);
	if (mount_fd < 0)
		return fail_fs(init, fs_fd, "fsmount", op->fstype);
	return mount_fd;
}

/* Where cgroup2 may not be mounted the host's is shown, with the same attributes. */
static int bind_cgroup(struct init *init, const struct op_mount *op)
{
	static const char path[] = "/sys/fs/cgroup";
	cleanup_fd int fd =
		sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0)
		return fail(init, "open_tree", path);
	if (set_attributes(init, fd, op->attributes, path) < 0)
		return -1;
	return steal_fd(&fd);
}

static int fill_and_attach(struct init *init, int *mount_fd, int target_fd, const char *target,
			   uint32_t flags)
{
	if (flags & PLAN_MOUNT_COPY_UP && copy_tree(target_fd, *mount_fd) < 0)
		return fail(init, "tmpcopyup", target);
	if (attach(init, *mount_fd, target_fd, target) < 0)
		return -1;
	steal_fd(mount_fd);
	return 0;
}

int op_mount(struct init *init, const struct op_mount *op)
{
	bool is_new;
	cleanup_fd int target_fd = open_target(init, op->target, op->flags, false, &is_new);
	cleanup_fd int mount_fd = -1;

	if (target_fd < 0)
		return -1;
	mount_fd = make_mount(init, op, is_new ? -1 : target_fd);
	if (mount_fd < 0 && op->flags & PLAN_MOUNT_OR_BIND_CGROUP &&
	    (init->err.err == EPERM || init->err.err == EBUSY))
		mount_fd = bind_cgroup(init, op);
	return mount_fd < 0 ? -1
			    : fill_and_attach(init, &mount_fd, target_fd, op->target, op->flags);
}

/* What fsconfig(2) has no room for. */
int op_mount_text(struct init *init, const struct op_mount_text *op)
{
	bool is_new;
	cleanup_fd int target_fd = open_target(init, op->target, op->flags, false, &is_new);
	cleanup_fd int mount_fd = -1;
	char mode[16];

	if (target_fd < 0 ||
	    kept_mode(init, op->flags, is_new ? -1 : target_fd, mode, sizeof(mode)) < 0)
		return -1;
	mount_fd = mount_by_text(init, op, mode);
	if (mount_fd < 0 || set_attributes(init, mount_fd, op->attributes, op->target) < 0)
		return -1;
	return fill_and_attach(init, &mount_fd, target_fd, op->target, op->flags);
}

/* The tree is ours to close, attached or not. */
static int bind_tree(struct init *init, int detached_fd, const char *target, uint32_t flags,
		     const struct mount_attr *attr)
{
	cleanup_fd int tree_fd = detached_fd;
	cleanup_fd int target_fd = -1;
	struct statfs fs;
	struct stat st;
	bool is_new;

	if (tree_fd < 0)
		return -1;
	if (fstat(tree_fd, &st) < 0)
		return fail(init, "fstat", target);
	if (fstatfs(tree_fd, &fs) < 0)
		return fail(init, "fstatfs", target);
	if (flags & PLAN_MOUNT_MUST_BE_PROC && fs.f_type != PROC_SUPER_MAGIC)
		return fail_with(init, EPERM, "mount", target,
				 "cannot be mounted because it is not of type proc");
	target_fd = open_target(init, target, flags, !S_ISDIR(st.st_mode), &is_new);
	if (target_fd < 0)
		return -1;
	if ((attr->attr_set || attr->attr_clr) &&
	    sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH, attr) < 0)
		return fail(init, "mount_setattr", target);
	if (attach(init, tree_fd, target_fd, target) < 0)
		return -1;
	steal_fd(&tree_fd);
	return 0;
}

/* Whether it is done with: the source is a link, and wanted as one. */
static bool is_copied(struct init *init, const char *source, const char *target, uint32_t flags,
		      int *ret)
{
	char link[PATH_MAX];
	const struct op_symlink copy = {.target = link, .path = target};
	ssize_t len =
		flags & PLAN_MOUNT_COPY_SYMLINK ? readlink(source, link, sizeof(link) - 1) : -1;

	if (len < 0)
		return false;
	link[len] = '\0';
	*ret = op_symlink(init, &copy);
	return true;
}

int op_bind(struct init *init, const struct op_bind *op)
{
	struct mount_attr attr = {.attr_set = op->attributes, .attr_clr = op->cleared};
	int tree_fd, copied;

	if (is_copied(init, op->source, op->target, op->flags, &copied))
		return copied;
	tree_fd = open_source(init, op->source, op->recursive, op->flags, op->ask_parent);
	return bind_tree(init, tree_fd, op->target, op->flags, &attr);
}

/* Mapping ids takes rights over the source's file system, which only the parent may have. */
int op_bind_mapped(struct init *init, const struct op_bind_mapped *op)
{
	struct mount_attr attr = {.attr_set = op->attributes, .attr_clr = op->cleared};
	int tree_fd, copied;

	if (is_copied(init, op->source, op->target, op->flags, &copied))
		return copied;
	tree_fd = mapped_source(init, op->source);
	return bind_tree(init, tree_fd, op->target, op->flags, &attr);
}

/* What a helper has opened before it came here. */
int op_bind_tree(struct init *init, const struct op_bind_tree *op)
{
	struct mount_attr attr = {.attr_set = op->attributes, .attr_clr = op->cleared};
	int tree_fd = steal_fd(&init->slots[op->tree]);

	return bind_tree(init, tree_fd, op->target, op->flags, &attr);
}

/* A mount that is there already: its own attributes and, if so wanted, its file system's. */
int op_remount(struct init *init, const struct op_remount *op)
{
	struct mount_attr attr = {.attr_set = op->attributes, .attr_clr = op->cleared};
	cleanup_fd int fd = root_open(init, op->target, O_PATH);
	cleanup_fd int fs_fd = -1;

	if (fd < 0)
		return fail(init, "open", op->target);
	if (op->file_system) {
		fs_fd = sys_fspick(fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
		if (fs_fd < 0)
			return fail(init, "fspick", op->target);
		if (set_parameters(init, fs_fd, op->params) < 0)
			return -1;
		if (sys_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
			return fail_fs(init, fs_fd, "fsconfig reconfigure", op->target);
	}
	if ((attr.attr_set || attr.attr_clr) && sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0)
		return fail(init, "mount_setattr", op->target);
	close_fd(&init->mount_fd);
	init->mount_fd = steal_fd(&fd);
	return 0;
}
