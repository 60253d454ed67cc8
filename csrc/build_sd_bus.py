"""
cffi builder of pyruntime.util._sd_bus: what pyruntime/util/bus.py calls in libsystemd.so.0. Nothing is
compiled: the library is opened when it is needed, and no header of it is needed to build.
"""

import cffi

ffi = cffi.FFI()
ffi.cdef("""
typedef struct { const char *name; const char *message; int need_free; } sd_bus_error;
typedef ... sd_bus;
typedef ... sd_bus_message;

int sd_bus_new(sd_bus **bus);
int sd_bus_set_address(sd_bus *bus, const char *address);
int sd_bus_set_bus_client(sd_bus *bus, int is_client);
int sd_bus_start(sd_bus *bus);
int sd_bus_is_ready(sd_bus *bus);
int sd_bus_get_fd(sd_bus *bus);
int sd_bus_get_events(sd_bus *bus);
int sd_bus_process(sd_bus *bus, sd_bus_message **message);
int sd_bus_send(sd_bus *bus, sd_bus_message *message, uint64_t *cookie);
void sd_bus_close(sd_bus *bus);
sd_bus *sd_bus_unref(sd_bus *bus);

int sd_bus_message_new_method_call(sd_bus *bus, sd_bus_message **message, const char *destination,
                                   const char *path, const char *interface, const char *member);
int sd_bus_message_append_basic(sd_bus_message *message, char type, const void *value);
int sd_bus_message_open_container(sd_bus_message *message, char type, const char *contents);
int sd_bus_message_close_container(sd_bus_message *message);
int sd_bus_message_enter_container(sd_bus_message *message, char type, const char *contents);
int sd_bus_message_read_basic(sd_bus_message *message, char type, void *value);
int sd_bus_message_get_reply_cookie(sd_bus_message *message, uint64_t *cookie);
int sd_bus_message_is_signal(sd_bus_message *message, const char *interface, const char *member);
int sd_bus_message_is_method_error(sd_bus_message *message, const char *name);
const sd_bus_error *sd_bus_message_get_error(sd_bus_message *message);
sd_bus_message *sd_bus_message_unref(sd_bus_message *message);
""")
ffi.set_source("pyruntime.util._sd_bus", None)

if __name__ == "__main__":
    ffi.compile(verbose=True)
