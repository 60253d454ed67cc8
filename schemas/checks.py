"""
The hand-written half of the generated validator.

schemas/generate.py copies everything below the line of dashes to the top of the generated module
and appends the rules. The copy runs at every start, in the runtime process, so it imports nothing
and does not a bit more than needed on a valid document: a place in the document is a chain
(parent, key) that only becomes a JSON pointer when an error is found.

A rule is a tuple (type, check, first, second):

    (str, None, None, None)            any string; bool, int and dict likewise
    (str, _enum, names, None)          one of these strings
    (str, _pattern, predicate, text)   the predicate says yes; text tells people what is right
    (int, _integer, low, high)         an integer in this range, high may be None
    (list, _array, rule, bool)         every element follows the rule; True if there must be one
    (dict, _object, rules, required)   rules by property; required properties with their meaning
    (dict, _map, rule, bool)           every value follows the rule; False to leave out the values
                                       whose name is empty or nothing but newlines
"""

# ---------------------------------------------------------------------------------------------
_NAMES = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a floating-point number",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def _object(value, rule, path, errors):
    rules = rule[2]
    for key, item in value.items():
        known = rules.get(key)
        if known is not None:
            check = known[1]
            if type(item) is not known[0]:
                _wrong_type(item, known, (path, key), errors)
            elif check is not None:
                check(item, known, (path, key), errors)
    for key, meaning in rule[3].items():
        if key not in value:
            right = _right(rules[key])
            if meaning:
                right = f"{right}: {meaning}"
            errors.append((_pointer((path, key)), "is missing", right))


def _map(value, rule, path, errors):
    for key, item in value.items():
        if rule[3] or key.strip("\n"):
            _value(item, rule[2], (path, key), errors)


def _array(value, rule, path, errors):
    known = rule[2]
    if not value and rule[3]:
        errors.append((_pointer(path), "must not be empty", _right(rule)))
    if known[1] is None:
        # Most arrays hold hundreds of strings: one tight loop for the case that all are right.
        kind = known[0]
        for item in value:
            if type(item) is not kind:
                break
        else:
            return
    for index, item in enumerate(value):
        _value(item, known, (path, index), errors)


def _enum(value, rule, path, errors):
    if value not in rule[2]:
        what = f"must be one of the known names, not {_show(value)}"
        errors.append((_pointer(path), what, _right(rule)))


def _pattern(value, rule, path, errors):
    # Every pattern ends in $, which for re.search also matches before one newline at the end.
    if not rule[2](value.removesuffix("\n")):
        errors.append((_pointer(path), f"has the wrong form: {_show(value)}", _right(rule)))


def _integer(value, rule, path, errors):
    low, high = rule[2:]
    if value < low:
        what = f"must be at least {low}, not {_show(value)}"
    elif high is not None and value > high:
        what = f"must be at most {high}, not {_show(value)}"
    else:
        return
    errors.append((_pointer(path), what, _right(rule)))


def _value(value, rule, path, errors):
    if type(value) is not rule[0]:
        _wrong_type(value, rule, path, errors)
    elif rule[1] is not None:
        rule[1](value, rule, path, errors)


def _wrong_type(value, rule, path, errors):
    what = f"must be {_NAMES[rule[0]]}, not {_NAMES.get(type(value), 'something else')}"
    errors.append((_pointer(path), what, _right(rule)))


def _right(rule):
    kind, check, first, second = rule
    if check is _enum:
        return "one of " + ", ".join(first)
    if check is _pattern:
        return second
    if check is _integer:
        return f"an integer from {first} " + ("up" if second is None else f"to {second}")
    if check is _array and second:
        return "an array with one or more elements"
    return _NAMES[kind]


def _pointer(path):
    parts = []
    while path is not None:
        path, key = path
        parts.append("/" + str(key).replace("~", "~0").replace("/", "~1"))
    return "".join(reversed(parts))


def _show(value):
    if type(value) is int:
        # str() refuses integers of more than 4300 digits.
        return str(value) if abs(value) < 10**40 else "a number of more than 40 digits"
    text = repr(value[:60])[1:-1]
    return f'"{text}"' if len(text) <= 58 and len(value) <= 60 else f'"{text[:54]}..."'


def _errors(document, rule):
    errors = []
    _value(document, rule, None, errors)
    return errors
