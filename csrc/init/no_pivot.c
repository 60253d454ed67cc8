/*
 * Runs: init, in its own mount namespace. --no-pivot, for a root file system on an initramfs, which
 * pivot_root cannot leave: the container's root is moved over "/" and chroot hides the rest.
 *
 * The rest stays mounted. The kernel lets a container mount proc and sysfs only if a full one is
 * visible in its mount namespace; one of the host's behind the chroot would count. So those go
 * first.
 */
#include "init.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/sys.h"

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

/* "\040" and the like, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* From a line of mountinfo the mount point, if it is the top of a proc or sysfs outside of our
 * root. */
static char *full_pseudo_fs(char *line, const char *rootfs)
{
	char *type = strstr(line, " - ");
	char *field = line;
	char *root;
	char *point;
	size_t len = strlen(rootfs);

	if (!type || (strncmp(type + 3, "proc ", 5) != 0 && strncmp(type + 3, "sysfs ", 6) != 0))
		return NULL;
	for (int i = 0; i < 3 && field; i++) {
		field = strchr(field, ' ');
		field += field ? 1 : 0;
	}
	root = field;
	if (!root || strncmp(root, "/ ", 2) != 0)
		return NULL;
	point = root + 2;
	point[strcspn(point, " ")] = '\0';
	unescape(point);
	if (strncmp(point, rootfs, len) == 0 && (point[len] == '/' || point[len] == '\0'))
		return NULL;
	return point;
}

static int hide(struct init *init, const char *point)
{
	cleanup_fd int fd = -1;

	if (syscall(SYS_umount2, point, MNT_DETACH) == 0)
		return 0;
	if (errno != EINVAL && errno != EPERM)
		return fail(init, "umount2", point);
	/* Locked to its parent, in a user namespace: cover it. */
	fd = open(point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || mount_empty_directory(init, fd, "") < 0)
		return fail(init, "cover mount", point);
	return 0;
}

static char *read_mountinfo(struct init *init, size_t *ret_len)
{
	static char text[1 << 20];
	cleanup_fd int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;
	size_t len = 0;

	while (fd >= 0 && got > 0 && len < sizeof(text) - 1) {
		got = RETRY(read(fd, text + len, sizeof(text) - 1 - len));
		len += got > 0 ? (size_t)got : 0;
	}
	if (fd < 0 || got < 0 || len == sizeof(text) - 1) {
		fail(init, "read", "/proc/self/mountinfo");
		return NULL;
	}
	text[len] = '\0';
	*ret_len = len;
	return text;
}

int op_move_root(struct init *init, const struct op_move_root *op)
{
	size_t len;
	char *text = read_mountinfo(init, &len);
	char *next;

	if (!text)
		return -1;
	for (char *line = text; *line; line = next) {
		char *point;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		else
			next = line + strlen(line);
		point = full_pseudo_fs(line, op->path);
		if (point && hide(init, point) < 0)
			return -1;
	}
	if (sys_move_mount(init->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return fail(init, "move_mount", "/");
	if (fchdir(init->root_fd) < 0)
		return fail(init, "fchdir", "rootfs");
	if (chroot(".") < 0)
		return fail(init, "chroot", "rootfs");
	return 0;
}
