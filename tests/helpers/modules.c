/*
 * Preloaded into the command by the import budget test: writes the names of all modules that are
 * loaded when the command ends to the file $MODULES.
 */
#define _GNU_SOURCE
#include <Python.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Before Python reads the environment: programs that the command starts are not observed. */
__attribute__((constructor)) static void only_here(void)
{
	unsetenv("LD_PRELOAD");
}

static void note(const char *text)
{
	const char *path = getenv("MODULES");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	(void)!write(fd, "\n", 1);
	close(fd);
}

void _exit(int status)
{
	PyObject *key, *value;
	Py_ssize_t position = 0;

	while (PyDict_Next(PyImport_GetModuleDict(), &position, &key, &value))
		if (value != Py_None)
			note(PyUnicode_AsUTF8(key));
	syscall(SYS_exit_group, status);
	abort();
}
