/* SPDX-License-Identifier: MIT */
/* --invoke: a call read from text and checked against the export's type; results printed. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* ---- Exports ----------------------------------------------------------------------------------------- */

/* Export names may contain any bytes, also NUL: so they are compared by length. */
static const wasi_light_func_t *find_export(const wasi_light_module_t *module, const char *name, size_t length) {
  const wasi_light_func_t *func;
  for (size_t i = 0; (func = wasi_light_module_func_at(module, i)); i++) {
    const wasm_name_t *bytes = wasi_light_func_name(func);
    if (bytes->size == length && (length == 0 || memcmp(bytes->data, name, length) == 0)) return func;
  }
  return NULL;
}

static bool is_called_by_itself(const wasm_name_t *name) {
  static const char initialize[] = "_initialize";
  return name->size == sizeof initialize - 1 && memcmp(name->data, initialize, name->size) == 0;
}

void cli_list_exports(const wasi_light_module_t *module, char *text, size_t size) {
  size_t used = 0;
  const wasi_light_func_t *func;
  snprintf(text, size, "no function");
  for (size_t i = 0; (func = wasi_light_module_func_at(module, i)); i++) {
    const wasm_name_t *name = wasi_light_func_name(func);
    if (is_called_by_itself(name)) continue;
    if (name->size + sizeof ", ..." > size - used) {
      snprintf(text + used, size - used, "...");
      return;
    }
    used += (size_t)snprintf(text + used, size - used, "%s%.*s", used > 0 ? ", " : "", (int)name->size, name->data);
  }
}

/*
 * Finds the export that `text` calls, and where its arguments begin: NULL if there are none. An exact name wins; else
 * the name ends at the first parenthesis that makes it one, since names may contain parentheses, too.
 */
static const wasi_light_func_t *find_callee(const wasi_light_module_t *module, const char *text, const char **args) {
  const wasi_light_func_t *func = find_export(module, text, strlen(text));
  *args = NULL;
  for (const char *open = strchr(text, '('); !func && open; open = strchr(open + 1, '(')) {
    func = find_export(module, text, (size_t)(open - text));
    if (func) *args = open + 1;
  }
  return func;
}

/* ---- Arguments --------------------------------------------------------------------------------------- */

static const char *kind_name(wasm_valkind_t kind) {
  switch (kind) {
    case WASM_I32: return "i32";
    case WASM_I64: return "i64";
    case WASM_F32: return "f32";
    case WASM_F64: return "f64";
    case WASM_EXTERNREF: return "externref";
    case WASM_FUNCREF: return "funcref";
    default: return "value of another type";
  }
}

/* Signed or unsigned: -1 and 0xffffffff are the same i32. */
static bool parse_integer(const char *text, uint64_t unsigned_max, uint64_t *bits) {
  bool negative = text[0] == '-';
  uint64_t magnitude;
  if (!cli_parse_u64(negative || text[0] == '+' ? text + 1 : text, &magnitude)) return false;
  if (magnitude > (negative ? unsigned_max / 2 + 1 : unsigned_max)) return false;
  *bits = negative ? 0 - magnitude : magnitude;
  return true;
}

/* What strtod takes, infinities and NaN included, but a finite number that is too large is refused. */
static bool parse_float(const char *text, wasm_val_t *value) {
  char *end;
  bool infinite;
  errno = 0;
  if (value->kind == WASM_F32) { /* not by way of f64: rounding twice can be off by one */
    value->of.f32 = strtof(text, &end);
    infinite = isinf(value->of.f32);
  } else {
    value->of.f64 = strtod(text, &end);
    infinite = isinf(value->of.f64);
  }
  return end != text && *end == '\0' && !(infinite && errno == ERANGE);
}

static bool parse_value(const char *text, wasm_valkind_t kind, wasm_val_t *value) {
  uint64_t bits;
  value->kind = kind;
  switch (kind) {
    case WASM_I32:
      if (!parse_integer(text, UINT32_MAX, &bits)) return false;
      value->of.i32 = (int32_t)(uint32_t)bits;
      return true;
    case WASM_I64:
      if (!parse_integer(text, UINT64_MAX, &bits)) return false;
      value->of.i64 = (int64_t)bits;
      return true;
    case WASM_F32:
    case WASM_F64: return parse_float(text, value);
    default: return false; /* references cannot be written as text */
  }
}

/* Cuts the next argument off `*rest`, without the spaces around it; `*rest` is NULL after the last. */
static char *next_argument(char **rest) {
  char *argument = *rest + strspn(*rest, " ");
  char *comma = strchr(argument, ',');
  char *end = comma ? comma : argument + strlen(argument);
  *rest = comma ? comma + 1 : NULL;
  while (end > argument && end[-1] == ' ') end--;
  *end = '\0';
  return argument;
}

static size_t count_arguments(const char *args) {
  size_t count = args[strspn(args, " ")] ? 1 : 0;
  for (const char *comma = strchr(args, ','); comma; comma = strchr(comma + 1, ',')) count++;
  return count;
}

static void wrong_count(const char *text, const wasm_valtype_vec_t *types, size_t given) {
  char list[256] = "";
  for (size_t i = 0, used = 0; i < types->size && used < sizeof list; i++) {
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                             kind_name(wasm_valtype_kind(types->data[i])));
  }
  cli_error("--invoke '%s' gives %zu argument%s, but the export takes (%s)", text, given, given == 1 ? "" : "s", list);
}

/* `args` are the arguments without parentheses; they are cut up. `text` is for messages. */
static bool parse_arguments(cli_call_t *call, char *args, const char *text) {
  const wasm_valtype_vec_t *types = wasm_functype_params(wasi_light_func_type(call->func));
  size_t given = count_arguments(args);
  if (given != types->size) {
    wrong_count(text, types, given);
    return false;
  }
  for (size_t i = 0; i < types->size; i++) {
    wasm_valkind_t kind = wasm_valtype_kind(types->data[i]);
    const char *argument = next_argument(&args);
    if (!parse_value(argument, kind, &call->args[i])) {
      cli_error("--invoke '%s': argument %zu is \"%s\": expected %s%s", text, i + 1, argument, kind_name(kind),
                wasm_valkind_is_ref(kind) ? ", which cannot be given on a command line" : "");
      return false;
    }
  }
  return true;
}

/* A copy of the arguments without the parenthesis at the end; NULL after saying why not. */
static char *copy_arguments(const char *args, const char *text) {
  size_t length = args ? strlen(args) : 0;
  if (args && (length == 0 || args[length - 1] != ')')) {
    cli_error("--invoke '%s' does not end with a parenthesis: expected NAME(1,-2,2.5)", text);
    return NULL;
  }
  char *copy = malloc(length + 1);
  if (!copy) {
    cli_error("out of memory");
    return NULL;
  }
  if (args) memcpy(copy, args, length - 1);
  copy[args ? length - 1 : 0] = '\0';
  return copy;
}

/* ---- Calls ------------------------------------------------------------------------------------------- */

static bool allocate(cli_call_t *call) {
  const wasm_functype_t *type = wasi_light_func_type(call->func);
  call->arg_count = wasm_functype_params(type)->size;
  call->result_count = wasm_functype_results(type)->size;
  call->args = calloc(call->arg_count + 1, sizeof *call->args);
  call->results = calloc(call->result_count + 1, sizeof *call->results);
  if (call->args && call->results) return true;
  cli_error("out of memory");
  return false;
}

bool cli_call_parse(cli_call_t *call, const wasi_light_module_t *module, const char *path, const char *text) {
  const char *args;
  *call = (cli_call_t){0};
  call->func = find_callee(module, text, &args);
  if (!call->func) {
    char list[1024];
    cli_list_exports(module, list, sizeof list);
    cli_error("%s has no exported function for --invoke '%s'; it exports %s", path, text, list);
    return false;
  }
  char *copy = copy_arguments(args, text);
  bool ok = copy && allocate(call) && parse_arguments(call, copy, text);
  free(copy);
  if (!ok) cli_call_free(call);
  return ok;
}

void cli_call_free(cli_call_t *call) {
  for (size_t i = 0; call->results && i < call->result_count; i++) wasm_val_delete(&call->results[i]);
  free(call->args);
  free(call->results);
  *call = (cli_call_t){0};
}

void cli_print_results(FILE *file, const cli_call_t *call) {
  for (size_t i = 0; i < call->result_count; i++) {
    const wasm_val_t *value = &call->results[i];
    if (i > 0) putc(' ', file);
    switch (value->kind) {
      case WASM_I32: fprintf(file, "%" PRId32, value->of.i32); break;
      case WASM_I64: fprintf(file, "%" PRId64, value->of.i64); break;
      case WASM_F32: fprintf(file, "%.9g", (double)value->of.f32); break;
      case WASM_F64: fprintf(file, "%.17g", value->of.f64); break;
      default: fprintf(file, "%s", kind_name(value->kind)); break; /* what it refers to means nothing outside */
    }
  }
  if (call->result_count > 0) putc('\n', file);
}
