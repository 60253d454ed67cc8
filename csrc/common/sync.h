/*
 * The conversation between the runtime (P, Python), stage-1 (S) and the container's init (I).
 *
 * One SOCK_SEQPACKET socket, one message a packet: a header, a payload, at most SYNC_MAX_FDS fds.
 *
 *	P                        S                        I
 *	|--- PLAN + fds -------->|
 *	|                        |== clone3 =============>|
 *	|<-- SPAWNED + pidfd ----|  (S ends)              |
 *	|  id maps, state        |                        |
 *	|--- GO ---------------------------------------- >|
 *	|                                                 |  mounts, devices
 *	|<-- TREE ----------------------------------------|  (bind source out of the init's reach)
 *	|--- TREE + fd ---------------------------------->|
 *	|<-- HOOKS ---------------------------------------|  (if the config has such hooks)
 *	|--- ACK ---------------------------------------->|
 *	|<-- CONSOLE + master ----------------------------|  (if it has a terminal)
 *	|--- ACK ---------------------------------------->|
 *	|<-- READY ---------------------------------------|
 *	|--- ACK ---------------------------------------->|  from here on the init outlives P
 *	|--- START -------------------------------------->|  on the same socket, or from `start`
 *	|<-- AGENT ---------------------------------------|    through the container's start socket
 *	|--- ACK ---------------------------------------->|  (if the filter will have notifications)
 *	|<-- EXEC ----------------------------------------|
 *	|<-- LISTENER + fd -------------------------------|  (the same)
 *	|--- ACK ---------------------------------------->|
 *	|<-- end of file: the program runs ---------------|
 *
 * At any time S or I may send ERROR, and then ends. End of file at any other place than after EXEC
 *means that the peer died: nobody goes on without the other.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SYNC_MAX_FDS 250

struct sync_header {
	uint32_t type; /* enum sync */
	uint32_t len;  /* of the payload */
};

/* Sends one message, with one fd unless it is -1. Returns 0, or -1 with errno set. */
int sync_send(int socket_fd, uint32_t type, const void *payload, uint32_t len, int fd);

/*
 * Receives one message that must be of `type` with a payload of exactly `len` bytes and at most
 * max_fds fds (each gets close-on-exec). Returns the number of fds, or -1 with errno set: EPIPE
 * when the peer is gone, EPROTO for anything else than the message expected.
 */
int sync_receive(int socket_fd, uint32_t type, void *payload, uint32_t len, int *fds, int max_fds);
