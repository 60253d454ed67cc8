/*
 * The plan: a header, then records, in the order of their phases. docs/plan-format.md has the
 * layout.
 */
#pragma once

#include "plan_gen.h"

struct plan {
	struct plan_cursor records; /* the records that were not taken yet */
	uint32_t n_ops;
	uint32_t n_fds;
	uint32_t n_slots;
	uint32_t longest_list; /* strings in the longest list of any operation */
};

struct plan_record {
	uint16_t op;
	uint16_t phase;
	struct plan_cursor fields;
};

/*
 * Checks all of a plan before anything is done with it: bounds, strings, operation numbers, the
 * order of phases, references to fds and slots. Fills *ret_plan and returns 0, or -1 with
 * *ret_reason set.
 */
int plan_check(const uint8_t *data, size_t len, uint32_t n_fds, struct plan *ret_plan,
	       const char **ret_reason);

/* Takes the next record; false at the end. Only for a plan that plan_check() accepted. */
bool plan_next(struct plan *plan, struct plan_record *ret_record);
