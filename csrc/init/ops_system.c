/* Runs: init, inside the container's root, capabilities of its user namespace, still root's ids. */
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "../common/sys.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int op_sysctl(struct init *init, const struct op_sysctl *op)
{
	char path[512];

	if ((size_t)snprintf(path, sizeof(path), "sys/%s", op->key) >= sizeof(path))
		return fail_with(init, ENAMETOOLONG, "sysctl", op->key, "");
	if (procfs_write(init, path, op->value) < 0)
		return fail(init, "sysctl", op->key);
	return 0;
}

/* -1: there is no telling. */
static int is_null_device(struct init *init, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(init, "fstat", "/dev/null");
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* A standard stream that is the host's /dev/null becomes the container's (CVE-2016-9962's class).
 */
int op_reopen_null(struct init *init)
{
	cleanup_fd int null_fd = root_open(init, "/dev/null", O_RDWR);

	int found;

	if (null_fd < 0)
		return fail(init, "open", "/dev/null");
	found = is_null_device(init, null_fd);
	if (found == 0)
		return fail_with(init, ENODEV, "open", "/dev/null", "it is not the null device");
	for (int fd = 0; fd <= 2 && found >= 0; fd++) {
		found = is_null_device(init, fd);
		if (found > 0 && dup2(null_fd, fd) < 0)
			return fail(init, "dup2", "/dev/null");
	}
	return found < 0 ? -1 : 0;
}

/* The multiplexer of the container's own devpts, not whatever the image put in its place. The one
 * of a host's devpts is closed to ordinary users (ptmxmode=000): they have a device beside it. */
static int open_multiplexer(struct init *init)
{
	cleanup_fd int fd = root_open(init, "/dev/pts/ptmx", O_RDWR | O_NOCTTY);
	bool is_closed = fd < 0 && errno == EACCES;
	struct statfs fs;
	struct stat st;

	if (is_closed || (fd < 0 && errno == ENOENT))
		fd = root_open(init, "/dev/ptmx", O_RDWR | O_NOCTTY);
	if (fd < 0)
		return fail(init, "open", "/dev/ptmx");
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return fail(init, "fstat", "/dev/ptmx");
	if (is_closed && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2))
		return steal_fd(&fd);
	if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return fail_with(init, ENODEV, "open", "/dev/ptmx",
				 "it is not the multiplexer of a devpts");
	return steal_fd(&fd);
}

/* The terminal itself is bound, by fd, over /dev/console (CVE-2025-52565). */
static int mount_console(struct init *init, int terminal_fd)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	const char *name;
	cleanup_fd int tree_fd = sys_open_tree(terminal_fd, "", flags);
	cleanup_fd int parent_fd = root_open_parent(init, "/dev/console", &name);
	cleanup_fd int file_fd = -1;
	cleanup_fd int target_fd = -1;

	if (tree_fd < 0)
		return fail(init, "open_tree", "terminal");
	if (parent_fd < 0)
		return fail(init, "mkdir", "/dev/console");
	file_fd = openat(parent_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (file_fd < 0 && errno != EEXIST)
		return fail(init, "create", "/dev/console");
	target_fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target_fd < 0)
		return fail(init, "open", "/dev/console");
	if (sys_move_mount(tree_fd, "", target_fd, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail(init, "move_mount", "/dev/console");
	return 0;
}

static int use_as_stdio(struct init *init, int terminal_fd)
{
	if (sys_ioctl(terminal_fd, TIOCSCTTY, NULL) < 0)
		return fail(init, "TIOCSCTTY", "terminal");
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(terminal_fd, fd) < 0)
			return fail(init, "dup2", "terminal");
	return 0;
}

/* The master goes to the parent, which keeps it or hands it to the console socket. */
int op_console(struct init *init, const struct op_console *op)
{
	struct winsize size = {.ws_row = (unsigned short)op->height,
			       .ws_col = (unsigned short)op->width};
	cleanup_fd int master_fd = open_multiplexer(init);
	cleanup_fd int terminal_fd = -1;
	uint32_t number = 0;
	int unlock = 0;

	if (master_fd < 0)
		return -1;
	if (sys_ioctl(master_fd, TIOCSPTLCK, &unlock) < 0)
		return fail(init, "TIOCSPTLCK", "terminal");
	if (sys_ioctl(master_fd, TIOCGPTN, &number) < 0)
		return fail(init, "TIOCGPTN", "terminal");
	terminal_fd = sys_ioctl(master_fd, TIOCGPTPEER,
				(void *)(uintptr_t)(O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (terminal_fd < 0)
		return fail(init, "TIOCGPTPEER", "terminal");
	if ((size.ws_row || size.ws_col) && sys_ioctl(master_fd, TIOCSWINSZ, &size) < 0)
		return fail(init, "TIOCSWINSZ", "terminal");
	if (op->mount && mount_console(init, terminal_fd) < 0)
		return -1;
	if (use_as_stdio(init, terminal_fd) < 0)
		return -1;
	if (sync_send(init->sync_fd, SYNC_CONSOLE, &number, sizeof(number), master_fd) < 0 ||
	    sync_receive(init->sync_fd, SYNC_ACK, NULL, 0, NULL, 0) < 0)
		return fail(init, "pass terminal", "");
	return 0;
}
