/*
 * Runs: init, in its own mount namespace. tmpcopyup: a new tmpfs starts as a copy of what it will
 * cover.
 *
 * Iterative, with a stack of directories as deep as MAX_DEPTH; what is read is the image's, so
 * nothing is followed: every entry is opened by its name in its directory, without links. Extended
 * attributes and hard links are not kept.
 */
#include "init.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_DEPTH 64

struct linux_dirent {
	uint64_t ino;
	int64_t next; /* where to continue behind this entry */
	uint16_t size;
	uint8_t type;
	char name[];
};

struct level {
	int from_fd;
	int to_fd;
	int64_t position;
};

static int copy_content(int from_fd, int to_fd)
{
	ssize_t copied;

	do
		copied = sendfile(to_fd, from_fd, NULL, 1 << 20);
	while (copied > 0 || (copied < 0 && errno == EINTR));
	return copied < 0 ? -1 : 0;
}

static int copy_file(const struct level *at, const char *name)
{
	/* Whoever may write there may have made a FIFO of it: opening that would wait for ever. */
	int flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
	cleanup_fd int from_fd = openat(at->from_fd, name, flags);
	cleanup_fd int to_fd =
		openat(at->to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (from_fd < 0 || to_fd < 0)
		return -1;
	return copy_content(from_fd, to_fd);
}

static int copy_link(const struct level *at, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(at->from_fd, name, target, sizeof(target) - 1);

	if (len < 0)
		return -1;
	target[len] = '\0';
	return symlinkat(target, at->to_fd, name);
}

static int copy_metadata(int to_fd, const char *name, const struct stat *st)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchownat(to_fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (!S_ISLNK(st->st_mode) && fchmodat(to_fd, name, st->st_mode & 07777, 0) < 0)
		return -1;
	return utimensat(to_fd, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_entry(const struct level *at, const char *name, const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(at, name);
	case S_IFLNK:
		return copy_link(at, name);
	case S_IFDIR:
		return mkdirat(at->to_fd, name, 0700);
	case S_IFSOCK:
		return 0; /* nobody listens on a copy */
	default:
		return mknodat(at->to_fd, name, st->st_mode & S_IFMT, st->st_rdev);
	}
}

static int descend(struct level *stack, int *depth, const char *name)
{
	struct level *at = &stack[*depth];
	struct level *below = at + 1;
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	if (*depth + 1 == MAX_DEPTH) {
		errno = ELOOP;
		return -1;
	}
	below->from_fd = openat(at->from_fd, name, flags);
	below->to_fd = openat(at->to_fd, name, flags);
	below->position = 0;
	++*depth;
	return below->from_fd < 0 || below->to_fd < 0 ? -1 : 0;
}

/* Copies entries of the deepest directory until one is a directory itself. 1: there are no more. */
static int copy_some(struct level *stack, int *depth)
{
	struct level *at = &stack[*depth];
	uint64_t buffer[512];
	const char *bytes = (const char *)buffer;
	const struct linux_dirent *entry;
	struct stat st;
	long got;

	if (lseek(at->from_fd, at->position, SEEK_SET) < 0)
		return -1;
	got = syscall(SYS_getdents64, at->from_fd, buffer, sizeof(buffer));
	if (got <= 0)
		return got < 0 ? -1 : 1;
	for (long offset = 0; offset < got; offset += entry->size) {
		entry = (const void *)(bytes + offset);
		at->position = entry->next;
		if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
			continue;
		if (fstatat(at->from_fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    copy_entry(at, entry->name, &st) < 0)
			return -1;
		if (!S_ISSOCK(st.st_mode) && copy_metadata(at->to_fd, entry->name, &st) < 0)
			return -1;
		if (S_ISDIR(st.st_mode))
			return descend(stack, depth, entry->name);
	}
	return 0;
}

/* A directory is changed by what is made in it: its times come when it is full. */
static int leave(struct level *at)
{
	struct stat st;
	int ret = fstat(at->from_fd, &st);

	if (ret == 0) {
		struct timespec times[2] = {st.st_atim, st.st_mtim};

		ret = futimens(at->to_fd, times);
	}
	close_fd(&at->from_fd);
	close_fd(&at->to_fd);
	return ret;
}

int copy_tree(int from_fd, int to_fd)
{
	static struct level stack[MAX_DEPTH];
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int depth = 0;
	int done = 0;
	int saved;

	stack[0].from_fd = openat(from_fd, ".", flags);
	stack[0].to_fd = openat(to_fd, ".", flags);
	stack[0].position = 0;
	if (stack[0].from_fd < 0 || stack[0].to_fd < 0)
		done = -1;
	while (depth >= 0 && done >= 0) {
		done = copy_some(stack, &depth);
		if (done == 1)
			done = leave(&stack[depth--]);
	}
	saved = errno;
	for (; depth >= 0; depth--) {
		close_fd(&stack[depth].from_fd);
		close_fd(&stack[depth].to_fd);
	}
	errno = saved;
	return done < 0 ? -1 : 0;
}
