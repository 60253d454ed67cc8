/*
 * Runs: init. Everything inside a root file system is hostile: paths are resolved by the kernel
 * below init->root_fd (openat2, RESOLVE_IN_ROOT), the result is an fd, and only the fd is used
 * afterwards. (CVE-2021-30465, CVE-2024-45310, CVE-2026-41579.)
 */
#include "init.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/sys.h"

#define MAX_LINKS 40
#define MAX_RACES 128

/* The kernel answers EAGAIN when a rename crossed its way; an attacker may do that, but not for
 * ever. */
static int resolve(const struct init *init, const char *path, int flags, uint64_t mode,
		   uint64_t how)
{
	int fd;

	for (int i = 0; i < MAX_RACES; i++) {
		fd = sys_openat2(init->root_fd, path, (uint64_t)(unsigned)flags | O_CLOEXEC, mode,
				 how | RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

int root_open(const struct init *init, const char *path, int flags)
{
	return resolve(init, path, flags, 0, 0);
}

int root_open_plain(const struct init *init, const char *path, int flags)
{
	return resolve(init, path, flags, 0, RESOLVE_NO_SYMLINKS);
}

/* Where a path's next part ends; the parts of "a//b/" are "a" and "b". */
static size_t part_end(const char *path, size_t start)
{
	while (path[start] == '/')
		start++;
	while (path[start] != '\0' && path[start] != '/')
		start++;
	return start;
}

static bool is_last_part(const char *path, size_t end)
{
	while (path[end] == '/')
		end++;
	return path[end] == '\0';
}

/*
 * Rewrites path[start..end], a symlink to something that does not exist (an image may hold
 * /var/run -> /run without a /run), to where it points, as text: the kernel resolves it again, from
 * the root, so a lie here gains nothing.
 */
static int substitute_link(int parent_fd, char *path, size_t start, size_t end)
{
	char link[PATH_MAX];
	char result[PATH_MAX];
	char name[NAME_MAX + 1];
	size_t from = start;
	size_t kept;
	ssize_t len;

	while (path[from] == '/')
		from++;
	if (end - from > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, path + from, end - from);
	name[end - from] = '\0';
	len = readlinkat(parent_fd, name, link, sizeof(link));
	if (len < 0)
		return -1;
	kept = link[0] == '/' ? 0 : from;
	if (kept + (size_t)len + strlen(path + end) >= sizeof(result)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(result, path, kept);
	memcpy(result + kept, link, (size_t)len);
	copy_text(result + kept + len, sizeof(result) - kept - (size_t)len, path + end);
	copy_text(path, sizeof(result), result);
	return 0;
}

/*
 * Makes the part of `path` that ends at `end` in parent_fd, unless somebody else was faster. 1: it
 * is a dangling link and was rewritten.
 */
static int make_part(int parent_fd, char *path, size_t start, size_t end, mode_t mode)
{
	char saved = path[end];
	size_t from = start;
	int ret;

	while (path[from] == '/')
		from++;
	path[end] = '\0';
	ret = mkdirat(parent_fd, path + from, mode);
	path[end] = saved;
	if (ret == 0 || errno != EEXIST)
		return ret;
	if (substitute_link(parent_fd, path, start, end) == 0)
		return 1;
	return errno == EINVAL || errno == ENOENT ? 0 : -1;
}

static int open_prefix(const struct init *init, char *path, size_t end)
{
	char saved = path[end];
	int fd;

	path[end] = '\0';
	fd = root_open(init, path, O_PATH | O_DIRECTORY);
	path[end] = saved;
	return fd;
}

int root_make_directory(const struct init *init, const char *wanted, mode_t mode)
{
	char path[PATH_MAX];
	int links = 0;
	cleanup_fd int parent_fd = root_open(init, wanted, O_PATH | O_DIRECTORY);
	size_t start = 0;

	if (parent_fd >= 0 || errno != ENOENT)
		return steal_fd(&parent_fd);
	if (strlen(wanted) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	copy_text(path, sizeof(path), wanted);
	parent_fd = root_open(init, "/", O_PATH | O_DIRECTORY);
	while (parent_fd >= 0 && !is_last_part(path, start)) {
		size_t end = part_end(path, start);
		int fd = open_prefix(init, path, end);

		if (fd < 0 && errno == ENOENT) {
			int made = make_part(parent_fd, path, start, end, mode);

			if (made < 0 || (made == 1 && ++links > MAX_LINKS))
				return -1;
			if (made == 1) {
				start = 0;
				close_fd(&parent_fd);
				parent_fd = root_open(init, "/", O_PATH | O_DIRECTORY);
				continue;
			}
			fd = open_prefix(init, path, end);
		}
		if (fd < 0)
			return -1;
		close_fd(&parent_fd);
		parent_fd = fd;
		start = end;
	}
	return steal_fd(&parent_fd);
}

int root_open_parent(const struct init *init, const char *path, const char **ret_name)
{
	const char *name = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t len;

	name = name ? name + 1 : path;
	len = (size_t)(name - path);
	if (len >= sizeof(parent) || *name == '\0' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	memcpy(parent, path, len);
	parent[len] = '\0';
	*ret_name = name;
	return root_make_directory(init, len ? parent : "/", 0755);
}

/* One attempt; -1 with EAGAIN: it is a dangling link, which was rewritten, or was just made. */
static int make_file(const struct init *init, char *path)
{
	const char *name;
	cleanup_fd int parent_fd = root_open_parent(init, path, &name);
	size_t start;
	int fd;

	if (parent_fd < 0)
		return -1;
	fd = openat(parent_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd >= 0 || errno != EEXIST)
		return fd;
	start = (size_t)(name - path);
	if (substitute_link(parent_fd, path, start, start + strlen(name)) < 0 && errno != EINVAL &&
	    errno != ENOENT)
		return -1;
	errno = EAGAIN;
	return -1;
}

int root_make_file(const struct init *init, const char *wanted)
{
	char path[PATH_MAX];
	int fd = root_open(init, wanted, O_PATH);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (strlen(wanted) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	copy_text(path, sizeof(path), wanted);
	for (int links = 0; links <= MAX_LINKS; links++) {
		fd = make_file(init, path);
		if (fd >= 0 || errno != EAGAIN)
			return fd;
		fd = root_open(init, path, O_PATH);
		if (fd >= 0 || errno != ENOENT)
			return fd;
	}
	errno = ELOOP;
	return -1;
}
