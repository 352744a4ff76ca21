/* SPDX-License-Identifier: MIT */
/*
 * The instruction walker. It knows how long each instruction is, and which ones leave something behind that a
 * reset cannot undo. Encodings: WebAssembly core specification 3.0, section 5.4; exceptions also in their older
 * form; threads proposal. An opcode that it does not know is reported and ends the walk of that function.
 */
#include "code.h"

/* What follows an opcode. */
typedef enum immediates_t {
  UNKNOWN = 0,
  NONE,
  BLOCK,    /* block type */
  INDEX,    /* one unsigned integer */
  INDEX_2,  /* two */
  BRANCHES, /* br_table */
  ARGUMENT, /* alignment and offset */
  CONST_I32,
  CONST_I64,
  BYTES_4,
  BYTES_8,
  TYPES, /* vector of value types */
  HEAP_TYPE,
  TRY_TABLE, /* block type and catch clauses */
  PREFIX_FC,
  PREFIX_FD,
  PREFIX_FE
} immediates_t;

typedef struct opcode_t {
  uint8_t immediates;
  uint8_t effect;
} opcode_t;

static const opcode_t opcodes[256] = {
    [0x00] = {NONE, 0},                         /* unreachable */
    [0x01] = {NONE, 0},                         /* nop */
    [0x02] = {BLOCK, 0},                        /* block */
    [0x03] = {BLOCK, 0},                        /* loop */
    [0x04] = {BLOCK, 0},                        /* if */
    [0x05] = {NONE, 0},                         /* else */
    [0x06] = {BLOCK, WASI_LIGHT__THROWS},       /* try (older form) */
    [0x07] = {INDEX, WASI_LIGHT__THROWS},       /* catch */
    [0x08] = {INDEX, WASI_LIGHT__THROWS},       /* throw */
    [0x09] = {INDEX, WASI_LIGHT__THROWS},       /* rethrow */
    [0x0a] = {NONE, WASI_LIGHT__THROWS},        /* throw_ref */
    [0x0b] = {NONE, 0},                         /* end */
    [0x0c] = {INDEX, 0},                        /* br */
    [0x0d] = {INDEX, 0},                        /* br_if */
    [0x0e] = {BRANCHES, 0},                     /* br_table */
    [0x0f] = {NONE, 0},                         /* return */
    [0x10] = {INDEX, WASI_LIGHT__REFERS},       /* call */
    [0x11] = {INDEX_2, 0},                      /* call_indirect */
    [0x12] = {INDEX, WASI_LIGHT__REFERS},       /* return_call */
    [0x13] = {INDEX_2, 0},                      /* return_call_indirect */
    [0x18] = {INDEX, WASI_LIGHT__THROWS},       /* delegate */
    [0x19] = {NONE, WASI_LIGHT__THROWS},        /* catch_all */
    [0x1a] = {NONE, 0},                         /* drop */
    [0x1b] = {NONE, 0},                         /* select */
    [0x1c] = {TYPES, 0},                        /* select t */
    [0x1f] = {TRY_TABLE, WASI_LIGHT__THROWS},   /* try_table */
    [0x20] = {INDEX, 0},                        /* local.get */
    [0x21] = {INDEX, 0},                        /* local.set */
    [0x22] = {INDEX, 0},                        /* local.tee */
    [0x23] = {INDEX, 0},                        /* global.get */
    [0x24] = {INDEX, 0},                        /* global.set */
    [0x25] = {INDEX, 0},                        /* table.get */
    [0x26] = {INDEX, WASI_LIGHT__WRITES_TABLE}, /* table.set */
    [0x3f] = {INDEX, 0},                        /* memory.size */
    [0x40] = {INDEX, 0},                        /* memory.grow: seen by the reset itself */
    [0x41] = {CONST_I32, 0},                    /* i32.const */
    [0x42] = {CONST_I64, 0},                    /* i64.const */
    [0x43] = {BYTES_4, 0},                      /* f32.const */
    [0x44] = {BYTES_8, 0},                      /* f64.const */
    [0xd0] = {HEAP_TYPE, 0},                    /* ref.null */
    [0xd1] = {NONE, 0},                         /* ref.is_null */
    [0xd2] = {INDEX, WASI_LIGHT__REFERS},       /* ref.func */
    [0xfc] = {PREFIX_FC, 0},
    [0xfd] = {PREFIX_FD, 0},
    [0xfe] = {PREFIX_FE, 0},
};

static const opcode_t opcodes_fc[] = {
    [0] = {NONE, 0},
    [1] = {NONE, 0},
    [2] = {NONE, 0},
    [3] = {NONE, 0}, /* saturating truncation */
    [4] = {NONE, 0},
    [5] = {NONE, 0},
    [6] = {NONE, 0},
    [7] = {NONE, 0},
    [8] = {INDEX_2, WASI_LIGHT__USES_DATA},     /* memory.init */
    [9] = {INDEX, WASI_LIGHT__DROPS_DATA},      /* data.drop */
    [10] = {INDEX_2, 0},                        /* memory.copy */
    [11] = {INDEX, 0},                          /* memory.fill */
    [12] = {INDEX_2, WASI_LIGHT__WRITES_TABLE}, /* table.init */
    [13] = {INDEX, WASI_LIGHT__DROPS_ELEMENTS}, /* elem.drop */
    [14] = {INDEX_2, WASI_LIGHT__WRITES_TABLE}, /* table.copy */
    [15] = {INDEX, WASI_LIGHT__GROWS_TABLE},    /* table.grow */
    [16] = {INDEX, 0},                          /* table.size */
    [17] = {INDEX, WASI_LIGHT__WRITES_TABLE},   /* table.fill */
};

typedef struct walk_t {
  wasi_light__reader_t *r;
  wasi_light__on_effect_t on_effect;
  void *context;
  uint32_t func;
} walk_t;

static opcode_t plain_opcode(uint8_t code) {
  static const opcode_t number = {NONE, 0};
  static const opcode_t access = {ARGUMENT, 0};
  if (code >= 0x28 && code <= 0x3e) return access; /* loads and stores */
  if (code >= 0x45 && code <= 0xc4) return number; /* comparisons, arithmetic, conversions, sign extension */
  return opcodes[code];
}

static void skip_argument(wasi_light__reader_t *r) {
  uint32_t align = wasi_light__read_u32(r);
  if (align & 0x40) wasi_light__read_u32(r); /* the index of a memory other than 0 */
  wasi_light__read_u64(r);
}

/* SIMD and relaxed SIMD. */
static bool skip_fd(wasi_light__reader_t *r, uint32_t code) {
  if (code <= 11 || code == 92 || code == 93) skip_argument(r); /* loads, stores */
  else if (code == 12 || code == 13) wasi_light__skip(r, 16);   /* v128.const, i8x16.shuffle */
  else if (code >= 21 && code <= 34) wasi_light__skip(r, 1);    /* extract and replace lane */
  else if (code >= 84 && code <= 91) { /* load and store lane */ skip_argument(r);
    wasi_light__skip(r, 1);
  } else return code <= 275;
  return true;
}

/* Atomics. Without a shared memory they are loads and stores. */
static bool skip_fe(wasi_light__reader_t *r, uint32_t code) {
  if (code == 3) wasi_light__skip(r, 1); /* fence */
  else if (code <= 2 || (code >= 0x10 && code <= 0x4e)) skip_argument(r);
  else return false;
  return true;
}

static void skip_vector(wasi_light__reader_t *r, bool of_types) {
  uint32_t count = wasi_light__read_count(r);
  for (uint32_t i = 0; i < count && !r->problem; i++) {
    if (of_types) wasi_light__read_value_type(r);
    else wasi_light__read_u32(r);
  }
}

static void skip_catches(wasi_light__reader_t *r) {
  uint32_t count = wasi_light__read_count(r);
  for (uint32_t i = 0; i < count && !r->problem; i++) {
    uint8_t kind = wasi_light__read_u8(r);
    if (kind < 2) wasi_light__read_u32(r); /* catch and catch_ref name a tag */
    wasi_light__read_u32(r);
  }
}

/* Passes over what follows the opcode; the first index in it, or 0. */
static uint32_t skip_immediates(wasi_light__reader_t *r, uint8_t immediates) {
  uint32_t operand = 0;
  switch (immediates) {
    case TRY_TABLE:
    case BLOCK:
    case HEAP_TYPE: wasi_light__skip_leb(r, 33); break; /* a type index, or a one-byte type as a negative number */
    case INDEX: operand = wasi_light__read_u32(r); break;
    case INDEX_2:
      operand = wasi_light__read_u32(r);
      wasi_light__read_u32(r);
      break;
    case BRANCHES:
      skip_vector(r, false);
      wasi_light__read_u32(r);
      break;
    case ARGUMENT: skip_argument(r); break;
    case CONST_I32: wasi_light__skip_leb(r, 32); break;
    case CONST_I64: wasi_light__skip_leb(r, 64); break;
    case BYTES_4: wasi_light__skip(r, 4); break;
    case BYTES_8: wasi_light__skip(r, 8); break;
    case TYPES: skip_vector(r, true); break;
    default: break;
  }
  if (immediates == TRY_TABLE) skip_catches(r);
  return operand;
}

/* Whether a block type of the typed-references proposal follows, which takes more than one number. */
static bool has_reference_type(const wasi_light__reader_t *r) {
  return wasi_light__more(r) && (r->bytes[r->at] == 0x63 || r->bytes[r->at] == 0x64);
}

/*
 * What a metered module must not have. For most of these Wasmer's metering has no name, and its C API aborts; a wait on a
 * memory costs no instructions and may never end.
 */
static bool is_metered(uint32_t code) {
  switch (code) {
    case 0x0a:     /* throw_ref */
    case 0x1f:     /* try_table */
    case 0xfd0106: /* f32x4.relaxed_nmadd */
    case 0xfd0107: /* f64x2.relaxed_madd */
    case 0xfd0108: /* f64x2.relaxed_nmadd */
    case 0xfd0112: /* i16x8.relaxed_dot_i8x16_i7x16_s */
    case 0xfd0113: /* i32x4.relaxed_dot_i8x16_i7x16_add_s */
    case 0xfe0001: /* memory.atomic.wait32 */
    case 0xfe0002: /* memory.atomic.wait64 */ return false;
    default: return true;
  }
}

static bool is_bulk(uint32_t code) {
  switch (code) {
    case 0x40:     /* memory.grow */
    case 0xfc0008: /* memory.init */
    case 0xfc000a: /* memory.copy */
    case 0xfc000b: /* memory.fill */
    case 0xfc000c: /* table.init */
    case 0xfc000e: /* table.copy */
    case 0xfc000f: /* table.grow */
    case 0xfc0011: /* table.fill */ return true;
    default: return false;
  }
}

/* loop, if, else, end, branches, return and calls. */
static bool pays(uint32_t code) {
  return (code >= 0x03 && code <= 0x05) || (code >= 0x0b && code <= 0x13);
}

/* One instruction; false at one that is not known. */
static bool walk_instruction(walk_t *walk) {
  wasi_light__reader_t *r = walk->r;
  uint8_t first = wasi_light__read_u8(r);
  uint32_t code = first;
  opcode_t opcode = plain_opcode(first);
  bool known = opcode.immediates != UNKNOWN;
  uint32_t operand = 0;
  if (opcode.immediates >= PREFIX_FC) {
    uint8_t prefix = opcode.immediates;
    uint32_t second = wasi_light__read_u32(r);
    code = (uint32_t)first << 16 | second;
    opcode = (opcode_t){NONE, WASI_LIGHT__NO_EFFECT};
    if (prefix == PREFIX_FD) known = skip_fd(r, second);
    else if (prefix == PREFIX_FE) known = skip_fe(r, second);
    else if (second < sizeof opcodes_fc / sizeof *opcodes_fc) opcode = opcodes_fc[second];
    else known = false;
  }
  if (r->problem) return false;
  if (!known) {
    walk->on_effect(walk->context, walk->func, WASI_LIGHT__UNKNOWN, code);
    return false;
  }
  if ((opcode.immediates == BLOCK || opcode.immediates == TRY_TABLE) && has_reference_type(r)) {
    walk->on_effect(walk->context, walk->func, WASI_LIGHT__UNKNOWN, code);
    return false;
  }
  if (!is_metered(code)) walk->on_effect(walk->context, walk->func, WASI_LIGHT__NOT_METERED, code);
  if (is_bulk(code)) walk->on_effect(walk->context, walk->func, WASI_LIGHT__BULK, code);
  if (pays(code)) walk->on_effect(walk->context, walk->func, WASI_LIGHT__PAYS, code);
  operand = skip_immediates(r, opcode.immediates);
  if (opcode.effect != WASI_LIGHT__NO_EFFECT && !r->problem) {
    walk->on_effect(walk->context, walk->func, (wasi_light__effect_t)opcode.effect, operand);
  }
  return !r->problem;
}

static void walk_function(walk_t *walk) {
  wasi_light__reader_t *r = walk->r;
  size_t section_end = r->end;
  uint32_t size = wasi_light__read_u32(r);
  size_t start = r->at;
  wasi_light__skip(r, size);
  if (r->problem) return;
  r->at = start;
  r->end = start + size;
  uint32_t locals = wasi_light__read_count(r);
  for (uint32_t i = 0; i < locals && !r->problem; i++) {
    wasi_light__read_u32(r);
    wasi_light__read_value_type(r);
  }
  while (wasi_light__more(r) && walk_instruction(walk)) {
  }
  r->end = section_end;
  r->at = r->problem ? section_end : start + size;
}

bool wasi_light__walk_code(const wasi_light__scan_t *scan, wasi_light__reader_t *r, wasi_light__on_effect_t on_effect,
                           void *context) {
  walk_t walk = {r, on_effect, context, scan->imported_funcs};
  *r = wasi_light__section(scan, WASI_LIGHT__CODE);
  if (!wasi_light__more(r)) return true;
  uint32_t count = wasi_light__read_count(r);
  for (uint32_t i = 0; i < count && !r->problem; i++, walk.func++) walk_function(&walk);
  if (wasi_light__more(r)) wasi_light__reader_fail(r, r->at, "bytes left over in a section");
  return !r->problem;
}
