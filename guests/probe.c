// SPDX-License-Identifier: MIT
//
// A command that makes every call of wasi_snapshot_preview1 with good and hostile arguments, one case a run:
//
//   probe list      prints `NUMBER shared|alone FUNCTION|CASE` for each case; an `alone` case may disturb its host
//   probe FROM-TO   makes these cases and prints `FUNCTION|CASE|ERRNO|EFFECT` for each; `probe N` makes one
//
// EFFECT names each result that was written, with its value, or with `written` where the value is the host's affair;
// then every other change of the memory around, as `stray`; or it is `untouched`. There is no libc at work, so that
// nothing but the case itself calls the host; arguments are read and lines printed by the same raw functions.

#include <stdbool.h>
#include <stddef.h>

#include "probe.h"

static const char *const errno_names[] = {
    "SUCCESS",        "2BIG",       "ACCES",       "ADDRINUSE",      "ADDRNOTAVAIL", "AFNOSUPPORT", "AGAIN",
    "ALREADY",        "BADF",       "BADMSG",      "BUSY",           "CANCELED",     "CHILD",       "CONNABORTED",
    "CONNREFUSED",    "CONNRESET",  "DEADLK",      "DESTADDRREQ",    "DOM",          "DQUOT",       "EXIST",
    "FAULT",          "FBIG",       "HOSTUNREACH", "IDRM",           "ILSEQ",        "INPROGRESS",  "INTR",
    "INVAL",          "IO",         "ISCONN",      "ISDIR",          "LOOP",         "MFILE",       "MLINK",
    "MSGSIZE",        "MULTIHOP",   "NAMETOOLONG", "NETDOWN",        "NETRESET",     "NETUNREACH",  "NFILE",
    "NOBUFS",         "NODEV",      "NOENT",       "NOEXEC",         "NOLCK",        "NOLINK",      "NOMEM",
    "NOMSG",          "NOPROTOOPT", "NOSPC",       "NOSYS",          "NOTCONN",      "NOTDIR",      "NOTEMPTY",
    "NOTRECOVERABLE", "NOTSOCK",    "NOTSUP",      "NOTTY",          "NXIO",         "OVERFLOW",    "OWNERDEAD",
    "PERM",           "PIPE",       "PROTO",       "PROTONOSUPPORT", "PROTOTYPE",    "RANGE",       "ROFS",
    "SPIPE",          "SRCH",       "STALE",       "TIMEDOUT",       "TXTBSY",       "XDEV",        "NOTCAPABLE"};

// ---- The functions --------------------------------------------------------------------------------------------------

#define THUNK(name, count, parameters, ...)        \
  static uint32_t call_##name(const uint64_t *a) { \
    (void)a;                                       \
    return CALL_##count(raw_##name, __VA_ARGS__);  \
  }
#define THUNK_EXIT(name, count, parameters, ...)   \
  static uint32_t call_##name(const uint64_t *a) { \
    CALL_##count(raw_##name, __VA_ARGS__);         \
  }
FUNCTIONS(THUNK, THUNK_EXIT)

#define ROW(name, count, parameters, ...) {#name, call_##name, parameters},
static const function_t functions[] = {FUNCTIONS(ROW, ROW)};
enum { FUNCTION_COUNT = sizeof functions / sizeof functions[0] };

// ---- Text -----------------------------------------------------------------------------------------------------------

static char line[8192];
static size_t line_size;

static void put(const char *text) {
  while (*text && line_size < sizeof line - 1) line[line_size++] = *text++;
}

static void put_number(uint64_t value, uint32_t base) {
  char digits[24];
  size_t at = sizeof digits;
  digits[--at] = '\0';
  do digits[--at] = "0123456789abcdef"[value % base];
  while ((value /= base) > 0);
  if (base == 16) put("0x");
  put(digits + at);
}

// Between the parts of an effect.
static void put_gap(void) {
  if (line[line_size - 1] != '|') put(" ");
}

static void put_errno(uint32_t value) {
  if (value < sizeof errno_names / sizeof errno_names[0]) put(errno_names[value]);
  else put_number(value, 10);
}

static void put_field(const char *name, uint64_t value, uint32_t base) {
  put(name);
  put_number(value, base);
}

static bool same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

// All of it to stdout, or to stderr where the case has closed or spoilt stdout.
static void flush(void) {
  uint32_t iovec[2] = {(uint32_t)(uintptr_t)line, line_size}, written = 0;
  for (uint32_t fd = 1; fd <= 2 && iovec[1] > 0;) {
    if (raw_fd_write(fd, (uint32_t)(uintptr_t)iovec, 1, (uint32_t)(uintptr_t)&written) || written == 0) fd++;
    else iovec[0] += written, iovec[1] -= written;
  }
  line_size = 0;
}

// ---- The memory that is watched -------------------------------------------------------------------------------------

static uint8_t arena[ARENA_SIZE] __attribute__((aligned(16)));
static uint8_t shadow[HEAD_SIZE + ARENA_SIZE + TAIL_SIZE];
uint32_t probe_end;

uint32_t slot(uint32_t index) {
  return (uint32_t)(uintptr_t)arena + index * SLOT_SIZE;
}

// An address as a pointer. The compiler must not know that address 0 is meant.
uint8_t *at(uint32_t address) {
  __asm__("" : "+r"(address));
  return (uint8_t *)(uintptr_t)address;
}

typedef struct region_t {
  const char *name;
  uint32_t start, size;
  uint8_t *before;
} region_t;

static region_t region(uint32_t index) {
  if (index == 0) return (region_t){"head", 0, HEAD_SIZE, shadow};
  if (index == 1) return (region_t){"arena", slot(0), ARENA_SIZE, shadow + HEAD_SIZE};
  return (region_t){"tail", probe_end - TAIL_SIZE, TAIL_SIZE, shadow + HEAD_SIZE + ARENA_SIZE};
}

static void fill(void) {
  for (uint32_t r = 0; r < 3; r++) {
    for (uint32_t i = 0; i < region(r).size; i++) at(region(r).start)[i] = PATTERN;
  }
}

static void remember(void) {
  for (uint32_t r = 0; r < 3; r++) {
    for (uint32_t i = 0; i < region(r).size; i++) region(r).before[i] = at(region(r).start)[i];
  }
}

// Whether the range is watched and has changed. What has is told only once.
static bool changed(uint32_t address, uint32_t size) {
  bool any = false;
  for (uint32_t r = 0; r < 3; r++) {
    region_t watched = region(r);
    if (address < watched.start || (uint64_t)address + size > (uint64_t)watched.start + watched.size) continue;
    for (uint32_t i = 0; i < size; i++) {
      uint8_t *before = &watched.before[address - watched.start + i];
      any = any || *before != at(address)[i];
      *before = at(address)[i];
    }
  }
  return any;
}

static void put_stray(void) {
  for (uint32_t r = 0; r < 3; r++) {
    region_t watched = region(r);
    uint32_t first = 0, count = 0;
    for (uint32_t i = 0; i < watched.size; i++) {
      if (watched.before[i] == at(watched.start)[i]) continue;
      if (count++ == 0) first = i;
    }
    if (count == 0) continue;
    put_gap(), put_field("stray ", count, 10);
    put(" in ");
    put(watched.name);
    put_field("+", first, 10);
  }
}

// ---- Results --------------------------------------------------------------------------------------------------------

static uint64_t load(uint32_t address, uint32_t size) {
  uint64_t value = 0;
  for (uint32_t i = size; i > 0; i--) value = value << 8 | at(address)[i - 1];
  return value;
}

uint32_t size_of(char kind) {
  switch (kind) {
    case '2': return 2;
    case '4': return 4;
    case '8':
    case 'C':
    case 'P':
    case 'A': return 8;  // A: two pointers, when there are two arguments
    case 'B': return 11; // "probe" and "0000"
    case 'b': return BYTES;
    case 'v': return 8;
    case 'p': return 4;
    case 'y': return 24;
    case 'Y': return 64;
    case 's': return 48;
    case 'e': return 32;
    default: return 0;
  }
}

bool is_output(char kind) {
  for (const char *outputs = "248CABbPyYe"; *outputs; outputs++) {
    if (*outputs == kind) return true;
  }
  return false;
}

// Digits are the number of the case, so they are all alike.
static void put_string(uint32_t address, uint32_t size) {
  for (uint32_t i = 0; i < size; i++) {
    char text[2] = {(char)at(address)[i], '\0'};
    bool printable = text[0] >= ' ' && text[0] <= '~';
    put(text[0] == '\0' ? "\\0" : text[0] >= '0' && text[0] <= '9' ? "#" : printable ? text : "?");
  }
}

static void put_value(char kind, uint32_t address, const uint64_t *a) {
  switch (kind) {
    case '2': put_number(load(address, 2), 10); break;
    case '4': put_number(load(address, 4), 10); break;
    case '8': put_number(load(address, 8), 10); break;
    case 'C': put(load(address, 8) ? "written" : "0"); break;
    case 'A':
      for (uint32_t i = 0; i < 2; i++) put_field("+", (uint32_t)(load(address + 4 * i, 4) - a[1]), 10);
      break;
    case 'B': put_string(address, 11); break;
    case 'P': put_field("tag ", load(address, 1), 10), put_field(" length ", load(address + 4, 4), 10); break;
    case 'y':
      put_field("type ", load(address, 1), 10), put_field(" flags ", load(address + 2, 2), 10);
      put_field(" base ", load(address + 8, 8), 16), put_field(" inheriting ", load(address + 16, 8), 16);
      break;
    case 'Y': // device, inode and times are the host's affair
      put_field("type ", load(address + 16, 1), 10), put_field(" nlink ", load(address + 24, 8), 10);
      put_field(" size ", load(address + 32, 8), 10);
      break;
    default: put("written");
  }
}

static void put_event(uint32_t address) {
  put_field("{", load(address, 8), 10), put_field(" type ", load(address + 10, 1), 10);
  put(" "), put_errno((uint32_t)load(address + 8, 2));
  // A clock's event has no bytes and flags.
  if (load(address + 10, 1) == 0) put("}");
  else put_field(" bytes ", load(address + 16, 8), 10), put_field(" flags ", load(address + 24, 2), 10), put("}");
}

static void put_output(parameter_t parameter, const uint64_t *a) {
  uint32_t size = size_of(parameter.kind), address = (uint32_t)a[parameter.index];
  if (parameter.kind != 'e') {
    if (!changed(address, size)) return;
    put_gap(), put_part(parameter.name, parameter.name_size), put("=");
    put_value(parameter.kind, address, a);
    return;
  }
  for (uint32_t i = 0; i < EVENTS && changed(address + i * size, size); i++) {
    put_gap(), put_part(parameter.name, parameter.name_size), put_field("[", i, 10), put("]=");
    put_event(address + i * size);
  }
}

void put_part(const char *text, size_t size) {
  for (size_t i = 0; i < size && line_size < sizeof line - 1; i++) line[line_size++] = text[i];
}

// ---- Cases ----------------------------------------------------------------------------------------------------------

static uint32_t first_case, last_case, case_count;
static bool listing;
static const function_t *owner, *current; // whose case it is, and what is called

bool next_parameter(const char **text, parameter_t *parameter) {
  while (**text == ' ') (*text)++;
  if (!**text) return false;
  const char *colon = *text;
  while (*colon != ':') colon++;
  parameter->name = *text;
  parameter->name_size = (size_t)(colon - *text);
  parameter->kind = colon[1];
  parameter->index++;
  *text = colon + 2;
  return true;
}

// What such a case may do to a host that uses its own descriptors: those of the process.
static bool is_alone(const char *name) {
  static const char *const names[] = {"fd_advise",
                                      "fd_allocate",
                                      "fd_close",
                                      "fd_fdstat_set_flags",
                                      "fd_fdstat_set_rights",
                                      "fd_filestat_set_size",
                                      "fd_filestat_set_times",
                                      "fd_renumber",
                                      "proc_exit",
                                      "proc_raise",
                                      "sock_shutdown"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (same(name, names[i])) return true;
  }
  return false;
}

static bool begin(void) {
  uint32_t number = case_count++;
  owner = current;
  line_size = 0;
  if (listing) {
    put_number(number, 10), put(is_alone(current->name) ? " alone " : " shared ");
  } else if (number < first_case || number > last_case) {
    return false;
  }
  put(current->name), put("|");
  return true;
}

bool begin_case(const char *name) {
  if (!begin()) return false;
  put(name);
  if (listing) {
    put("\n"), flush();
    return false;
  }
  fill();
  return true;
}

bool begin_variant(parameter_t parameter, const char *variant) {
  char name[128];
  size_t size = 0;
  for (; size < parameter.name_size; size++) name[size] = parameter.name[size];
  name[size++] = ' ';
  while (*variant && size < sizeof name - 1) name[size++] = *variant++;
  name[size] = '\0';
  return begin_case(name);
}

uint32_t call(const uint64_t *a) {
  return current->call(a);
}

void make_call(const uint64_t *a) {
  parameter_t parameter = {.index = -1};
  remember();
  uint32_t error = current->call(a);
  size_t before;
  put("|"), put_errno(error), put("|");
  before = line_size;
  for (const char *text = current->parameters; next_parameter(&text, &parameter);) {
    if (is_output(parameter.kind)) put_output(parameter, a);
  }
  put_stray();
  if (line_size == before) put("untouched");
  put("\n");
  flush();
  current = owner;
}

void say(const char *result) {
  put("|"), put(result), put("|\n");
  flush();
  current = owner;
}

const function_t *find_function(const char *name) {
  for (uint32_t i = 0; i < FUNCTION_COUNT; i++) {
    if (same(functions[i].name, name)) return current = &functions[i];
  }
  __builtin_trap();
}

static uint32_t number_in(const char **text) {
  uint32_t value = 0;
  while (**text >= '0' && **text <= '9') value = value * 10 + (uint32_t)(*(*text)++ - '0');
  return value;
}

static bool take_arguments(void) {
  static char bytes[256];
  uint32_t count = 0, size = 0;
  uint32_t pointers[2] = {0, 0};
  raw_args_sizes_get((uint32_t)(uintptr_t)&count, (uint32_t)(uintptr_t)&size);
  if (count != 2 || size > sizeof bytes) return false;
  raw_args_get((uint32_t)(uintptr_t)pointers, (uint32_t)(uintptr_t)bytes);
  const char *text = (const char *)at(pointers[1]);
  listing = same(text, "list");
  if (listing) return true;
  first_case = last_case = number_in(&text);
  if (*text == '-') text++, last_case = number_in(&text);
  return *text == '\0';
}

__attribute__((export_name("_start"))) void _start(void) {
  if (!take_arguments()) {
    put("usage: probe list | FROM-TO | N\n"), flush();
    raw_proc_exit(64);
  }
  // The last page is nobody's, so that its end can be written to.
  if (__builtin_wasm_memory_grow(0, 1) == SIZE_MAX) __builtin_trap();
  probe_end = (uint32_t)__builtin_wasm_memory_size(0) << 16;
  for (uint32_t i = 0; i < FUNCTION_COUNT; i++) {
    current = &functions[i];
    matrix(current);
    current = &functions[i];
    special(current->name);
  }
}
