/* Runs: init, inside the container's root, as the program's user: finds the program before
 * "created". */
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#define PASSWD_LIMIT (64u << 20) /* longer is no list of users */

/* 0 if execve can be expected to take the file; else -1 with errno. */
static int check_program(const char *path, const char **ret_call)
{
	struct stat st;

	*ret_call = "stat";
	if (stat(path, &st) < 0)
		return -1;
	*ret_call = "exec";
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	/* With the effective ids, which the library call would not use. */
	return (int)syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);
}

/* What says that the program is not there, or none; all else says that there is no telling. */
static bool is_elsewhere(int err)
{
	static const int errors[] = {ENOENT, ENOTDIR, EACCES, EISDIR, ELOOP, ENAMETOOLONG, EPERM};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (err == errors[i])
			return true;
	return false;
}

static int search_path(struct init *init, const char *name, const char *search)
{
	const char *call;

	for (;;) {
		size_t len = strcspn(search, ":");
		const char *directory = len ? search : ".";
		int written = snprintf(init->program, sizeof(init->program), "%.*s/%s",
				       (int)(len ? len : 1), directory, name);

		if ((size_t)written < sizeof(init->program)) {
			if (check_program(init->program, &call) == 0)
				return 0;
			if (!is_elsewhere(errno))
				return fail(init, call, init->program);
		}
		if (search[len] == '\0')
			return fail_with(init, ENOENT, "search", name, "");
		search += len + 1;
	}
}

/* execvp's rules; a program that is missing is an error of create, not of start. */
int op_find_program(struct init *init, const struct op_find_program *op)
{
	const char *call;

	if (strlen(op->name) >= sizeof(init->program))
		return fail_with(init, ENAMETOOLONG, "exec", op->name, "");
	if (strchr(op->name, '/')) {
		copy_text(init->program, sizeof(init->program), op->name);
		if (check_program(init->program, &call) < 0)
			return fail(init, call, op->name);
		return 0;
	}
	if (!*op->name)
		return fail_with(init, ENOENT, "search", op->name, "");
	return search_path(init, op->name, op->search);
}

/* Of "name:password:uid:gid:gecos:home:shell" the home, if uid is the one. */
static bool take_home(struct init *init, char *line, uint32_t uid)
{
	char *field[7] = {line};
	char *end;
	int count = 1;

	for (char *c = line; *c && count < 7; c++)
		if (*c == ':') {
			*c = '\0';
			field[count++] = c + 1;
		}
	if (count < 6 || *field[2] == '\0' || strtoul(field[2], &end, 10) != uid || *end)
		return false;
	if (*field[5])
		copy_text(init->home, sizeof(init->home), field[5]);
	return true;
}

struct line_reader {
	int fd;
	size_t used;
	size_t total;
	bool in_long_line;
	char buffer[4096];
};

/* Cuts the next line off the buffer. Of a line that is longer than it comes the beginning only. */
static bool next_line(struct line_reader *reader, char *line)
{
	char *buffer = reader->buffer;
	size_t size = sizeof(reader->buffer);

	for (;;) {
		char *end = memchr(buffer, '\n', reader->used);
		size_t len = end ? (size_t)(end - buffer) : reader->used;
		size_t taken = len + (end ? 1 : 0);
		bool is_rest = reader->in_long_line;
		ssize_t got;

		if (end || reader->used == size) {
			memcpy(line, buffer, len);
			line[len] = '\0';
			reader->used -= taken;
			memmove(buffer, buffer + taken, reader->used);
			reader->in_long_line = !end;
			if (is_rest)
				continue;
			return true;
		}
		got = RETRY(read(reader->fd, buffer + reader->used, size - reader->used));
		if ((got <= 0 && reader->used == 0) || reader->total > PASSWD_LIMIT)
			return false;
		if (got > 0) {
			reader->used += (size_t)got;
			reader->total += (size_t)got;
		} else {
			buffer[reader->used++] = '\n';
		}
	}
}

static bool is_regular_file(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/*
 * HOME from the container's own /etc/passwd; no user database, whose code would be the host's. The
 * image made the file: it may be anything, and must not keep us waiting.
 */
int op_home(struct init *init, const struct op_home *op)
{
	struct line_reader reader = {
		.fd = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
	char line[sizeof(reader.buffer) + 1];
	bool is_list = is_regular_file(reader.fd);

	copy_text(init->home, sizeof(init->home), "/");
	while (is_list && next_line(&reader, line))
		if (take_home(init, line, op->uid))
			break;
	close_fd(&reader.fd);
	return 0;
}
