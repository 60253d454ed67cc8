/*
 * Runs: stage-1. The only parser of the C side, hence the only target of the fuzzer. No system
 * calls, no allocation.
 */
#define PLAN_CHECK
#include "plan.h"

#include "util.h"

#define MAX_SLOTS 1024u

static bool next_record(struct plan_cursor *c, struct plan_record *ret_record)
{
	uint32_t len;

	ret_record->op = cursor_u16(c);
	ret_record->phase = cursor_u16(c);
	len = cursor_u32(c);
	ret_record->fields.left = len;
	ret_record->fields.broken = false;
	ret_record->fields.at = cursor_take(c, len);
	return !c->broken;
}

static const char *check_field(struct plan *plan, struct plan_cursor *c, char type)
{
	uint32_t reference;
	uint32_t count;

	switch (type) {
	case 'u':
		cursor_u32(c);
		break;
	case 'U':
		cursor_u64(c);
		break;
	case 's':
		cursor_str(c);
		break;
	case 'b':
		cursor_bytes(c);
		break;
	case 'v':
		count = cursor_strv(c).count;
		if (count > plan->longest_list)
			plan->longest_list = count;
		break;
	case 'f':
		reference = cursor_u32(c);
		if (reference != PLAN_NONE && reference >= plan->n_fds)
			return "a file descriptor that was not passed";
		break;
	case 'o':
		reference = cursor_u32(c);
		if (reference != PLAN_NONE && reference >= plan->n_slots)
			return "a slot out of range";
		break;
	}
	return c->broken ? "a field that does not fit its record" : NULL;
}

static const char *check_record(struct plan *plan, struct plan_record *record, uint16_t last_phase)
{
	const struct plan_rule *rule;

	if (record->op >= OP_COUNT || record->phase >= PHASE_COUNT)
		return "an unknown operation or phase";
	rule = &PLAN_RULES[record->op];
	if (!(rule->phases & (1u << record->phase)))
		return "an operation in a phase where it is not allowed";
	if (record->phase < last_phase)
		return "phases out of order";
	for (const char *type = rule->types; *type; type++) {
		const char *reason = check_field(plan, &record->fields, *type);

		if (reason)
			return reason;
	}
	return record->fields.left ? "a record that is too long" : NULL;
}

static const char *check_header(struct plan_cursor *c, struct plan *plan)
{
	uint32_t magic = cursor_u32(c);
	uint32_t version = cursor_u32(c);
	uint32_t total = cursor_u32(c);

	plan->n_ops = cursor_u32(c);
	plan->n_slots = cursor_u32(c);
	if (c->broken || magic != PLAN_MAGIC)
		return "not a plan";
	if (version != PLAN_VERSION)
		return "a plan of another version";
	if (total != c->left)
		return "a wrong length";
	if (plan->n_slots > MAX_SLOTS)
		return "too many slots";
	return NULL;
}

int plan_check(const uint8_t *data, size_t len, uint32_t n_fds, struct plan *ret_plan,
	       const char **ret_reason)
{
	struct plan_cursor c = {data, len, false};
	struct plan plan = {.n_fds = n_fds};
	struct plan_record record;
	uint16_t last_phase = 0;

	*ret_reason = check_header(&c, &plan);
	plan.records = c;
	for (uint32_t i = 0; !*ret_reason && i < plan.n_ops; i++) {
		if (!next_record(&c, &record))
			*ret_reason = "a record that does not fit the plan";
		else
			*ret_reason = check_record(&plan, &record, last_phase);
		last_phase = record.phase;
	}
	if (!*ret_reason && c.left)
		*ret_reason = "bytes behind the last operation";
	if (*ret_reason)
		return -1;
	*ret_plan = plan;
	return 0;
}

bool plan_next(struct plan *plan, struct plan_record *ret_record)
{
	if (plan->n_ops == 0)
		return false;
	plan->n_ops--;
	return next_record(&plan->records, ret_record);
}
