/* SPDX-License-Identifier: MIT */
/*
 * Bytes from outside: every truncation of real modules, and real modules with random damage (fixed seed). Check, rewriter
 * and audit must not crash, and read nothing past the end, which AddressSanitizer sees: each module lies in a block of
 * exactly its size. What they accept must be as good or bad as it was: the engine takes both or neither.
 * WASI_LIGHT_TEST_MUTATIONS sets how many damaged modules there are.
 */
#include "audit.h"
#include "pool_bytes.h"

static const char *const names[] = {"as_start_log", "c_command", "as_reactor"};

static void count_line(void *context, const char *line) {
  size_t *bytes = context;
  *bytes += strlen(line);
}

/* All that looks at the bytes. True if they were accepted: then `out` is to be freed. */
static bool process(const rig_bytes_t *bytes, pool_rewritten_t *out) {
  wasi_light_error_t errors[3] = {
      {.code = WASI_LIGHT_ERROR_OK}, {.code = WASI_LIGHT_ERROR_OK}, {.code = WASI_LIGHT_ERROR_OK}};
  size_t text = 0;
  bool checked = wasi_light_check_module(bytes->data, bytes->size, NULL, &errors[0]);
  bool audited = wasi_light_audit(bytes->data, bytes->size, NULL, NULL, count_line, &text, &errors[1]);
  bool rewritten = pool_try_rewrite(bytes, NULL, out, &errors[2]);
  assert_int_equal(checked, audited);
  assert_true(checked || !rewritten);
  assert_true(!audited || text > 0);
  if (!checked) {
    assert_int_equal(errors[0].code, WASI_LIGHT_ERROR_MODULE);
    assert_string_equal(errors[0].message, errors[1].message);
  }
  if (!rewritten) {
    assert_int_equal(errors[2].code, WASI_LIGHT_ERROR_MODULE);
    assert_true(errors[2].message[0] != '\0');
  }
  return rewritten;
}

/* What was accepted: the engine takes both or neither, and what comes out is stable. */
static bool is_as_good(const rig_bytes_t *bytes, const pool_rewritten_t *out) {
  return pool_valid(bytes) == pool_valid(&out->bytes);
}

/* ---- Truncation ---- */

static void test_every_truncation(void **state) {
  for (size_t i = 0; i < COUNT(names); i++) {
    rig_bytes_t bytes = rig_guest(names[i]);
    size_t accepted = 0;
    if (!bytes.data) fail_msg("guests/built/%s.wasm is not there", names[i]);
    for (size_t size = 0; size < bytes.size; size++) {
      pool_rewritten_t out;
      rig_bytes_t part = pool_spliced(&bytes, size, bytes.size - size, "", 0);
      if (process(&part, &out)) {
        accepted++;
        if (!is_as_good(&part, &out)) fail_msg("%s, its first %zu bytes", names[i], size);
        rig_bytes_end(&out.bytes);
      }
      rig_bytes_end(&part);
    }
    assert_in_range(accepted, 1, 15); /* those that end where a section does */
    rig_bytes_end(&bytes);
  }
}

/* The header alone, and less. */
static void test_next_to_nothing(void **state) {
  static const char *const rows[] = {"\0asm\1\0\0\0", "\0asm\2\0\0\0", "\0asm\1\0\1\0", "\1asm\1\0\0\0",
                                     "\177ELF\1\0\0\0"};
  for (size_t i = 0; i < COUNT(rows); i++) {
    for (size_t size = 0; size <= 8; size++) {
      pool_rewritten_t out;
      pool_writer_t w = {NULL, 0, 0};
      pool_write(&w, rows[i], size);
      rig_bytes_t bytes = pool_written(&w);
      bool accepted = process(&bytes, &out);
      assert_int_equal(accepted, i == 0 && size == 8);
      if (accepted) rig_bytes_end(&out.bytes);
      rig_bytes_end(&bytes);
    }
  }
}

/* ---- Damage ---- */

typedef struct module_t {
  rig_bytes_t bytes;
  size_t code, code_size; /* where its code lies */
} module_t;

static module_t load(const char *name) {
  module_t module = {.bytes = rig_guest(name)};
  if (!module.bytes.data) fail_msg("guests/built/%s.wasm is not there", name);
  pool_part_t code = pool_section(&module.bytes, 10);
  module.code = (size_t)(code.data - module.bytes.data);
  module.code_size = code.size;
  return module;
}

/* Outside of the code most of the time: that is what the rewriter reads. */
static size_t choose_place(pool_random_t *random, const module_t *module, size_t size) {
  size_t at = pool_below(random, (uint32_t)size);
  if (at < module->code || at >= module->code + module->code_size || pool_below(random, 4) == 0) return at;
  return 8 + pool_below(random, (uint32_t)module->code - 8);
}

/* One more piece of damage to what was made of the module. */
static rig_bytes_t damage(pool_random_t *random, const module_t *module, const rig_bytes_t *bytes) {
  static const uint8_t interesting[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x0b, 0x41, 0x23, 0xfc, 0x60, 0x7b, 0x70, 0x40};
  size_t at = choose_place(random, module, bytes->size);
  size_t room = bytes->size - at;
  uint8_t others[8];
  size_t count = 1;
  others[0] = bytes->data[at];
  switch (pool_below(random, 7)) {
    case 0: others[0] ^= (uint8_t)(1u << pool_below(random, 8)); break;
    case 1: others[0] = (uint8_t)pool_random(random); break;
    case 2: others[0] = interesting[pool_below(random, sizeof interesting)]; break;
    case 3: others[0]++; break;
    case 4: count = 0; break; /* a byte less */
    case 5:                   /* a byte more */
      others[1] = interesting[pool_below(random, sizeof interesting)];
      count = 2;
      break;
    default: /* several others */
      for (count = 0; count < sizeof others && count < room; count++) others[count] = (uint8_t)pool_random(random);
      return pool_spliced(bytes, at, count, others, count);
  }
  return pool_spliced(bytes, at, 1, others, count);
}

typedef struct tally_t {
  size_t accepted, compared, differ;
} tally_t;

static void check_damaged(const rig_bytes_t *damaged, size_t number, tally_t *tally) {
  pool_rewritten_t out;
  if (!process(damaged, &out)) return;
  tally->accepted++;
  if (number % 8 == 0) {
    tally->compared++;
    if (!is_as_good(damaged, &out)) {
      tally->differ++;
      print_error("mutation %zu: the engine takes it %s\n", number,
                  pool_valid(damaged) ? "as it was, but not rewritten" : "rewritten, but not as it was");
    }
  }
  rig_bytes_end(&out.bytes);
}

/* One to three pieces. */
static rig_bytes_t damage_all(pool_random_t *random, const module_t *module) {
  rig_bytes_t damaged = damage(random, module, &module->bytes);
  for (uint32_t more = pool_below(random, 3); more > 0; more--) {
    rig_bytes_t again = damage(random, module, &damaged);
    rig_bytes_end(&damaged);
    damaged = again;
  }
  return damaged;
}

static void test_random_damage(void **state) {
  pool_random_t random = {7};
  module_t modules[COUNT(names)];
  tally_t tally = {0, 0, 0};
  size_t mutations = pool_times("WASI_LIGHT_TEST_MUTATIONS", 100000);
  for (size_t i = 0; i < COUNT(names); i++) modules[i] = load(names[i]);
  for (size_t i = 0; i < mutations; i++) {
    /* the smallest most often: it is the fastest, and has all that the rewriter changes */
    size_t which = pool_below(&random, 10);
    rig_bytes_t damaged = damage_all(&random, &modules[which < COUNT(names) ? which : 0]);
    check_damaged(&damaged, i, &tally);
    rig_bytes_end(&damaged);
  }
  print_message("%zu mutations: %zu were accepted; of those, %zu shown to the engine\n", mutations, tally.accepted,
                tally.compared);
  for (size_t i = 0; i < COUNT(names); i++) rig_bytes_end(&modules[i].bytes);
  assert_int_equal(tally.differ, 0);
  assert_true(mutations < 1000 || (tally.accepted > mutations / 20 && tally.accepted < mutations / 20 * 19));
}

/* ---- What the rewriter could mend ---- */

/* Sections that it writes anew must not become good thereby: who makes a mistake shall hear of it. */
typedef struct broken_t {
  const char *what;
  const char *wat;  /* a good module */
  const char *part; /* bytes in it, found from the end */
  size_t size;
  const char *others; /* in their place */
  size_t count;
} broken_t;

#define COUNTED "(module (memory 1) (data (i32.const 8) \"ab\") (data (i32.const 10) \"cd\") (func (data.drop 0)))"
#define UNCOUNTED "\xa\x4\1\2\0\xb" /* the code of a module with one empty function */
#define PLAIN "(module (memory 1) (data (i32.const 8) \"ab\") (data (i32.const 10) \"cd\") (func))"

static const broken_t broken[] = {
    {"a data count that is too large", PLAIN, UNCOUNTED, 6, "\xc\1\3" UNCOUNTED, 9},
    {"a data count that is too small", PLAIN, UNCOUNTED, 6, "\xc\1\1" UNCOUNTED, 9},
    {"a data count with a byte more", PLAIN, UNCOUNTED, 6, "\xc\2\2\0" UNCOUNTED, 10},
    {"a data count without a number", PLAIN, UNCOUNTED, 6, "\xc\0" UNCOUNTED, 8},
    {"a data count that is too long", PLAIN, UNCOUNTED, 6, "\xc\6\x82\x80\x80\x80\x80\0" UNCOUNTED, 14},
    {"an offset of bits that no i32 has",
     "(module (memory 1) (data (i32.const -8) \"ab\") (data (i32.const -6) \"cd\"))", "\xb\xf\2\0\x41\x78\xb", 7,
     "\xb\x13\2\0\x41\xf8\xff\xff\xff\x4f\xb", 11},
    {"an offset of bits that no i32 has", PLAIN, "\xb\xf\2\0\x41\x8\xb", 7, "\xb\x13\2\0\x41\x88\x80\x80\x80\x10\xb",
     11},
    {"a number of exports of too many bits",
     "(module (global (mut i32) (i32.const 5)) (global (export \"g\") i32 (i32.const 5)))", "\7\5\1\1g\3\1", 7,
     "\7\x9\x81\x80\x80\x80\x10\1g\3\1", 11},
    {"a number of elements of too many bits", "(module (table 1 funcref))", "\4\4\1\x70\0\1", 6,
     "\4\x8\1\x70\0\x81\x80\x80\x80\x10", 10},
    {"a memory of more pages than there are", "(module (memory 1 65535))", "\1\1\xff\xff\3", 5, "\1\1\x81\x80\4", 5},
};

/* Where the part was last found in the bytes. */
static size_t find(const rig_bytes_t *bytes, const char *part, size_t size) {
  size_t at = bytes->size - size;
  while (at > 0 && memcmp(bytes->data + at, part, size) != 0) at--;
  return at;
}

static void test_what_is_broken_stays_so(void **state) {
  size_t mended = 0;
  for (size_t i = 0; i < COUNT(broken); i++) {
    const broken_t *row = &broken[i];
    pool_rewritten_t out;
    rig_bytes_t bytes = rig_assemble(row->wat);
    size_t at = find(&bytes, row->part, row->size);
    assert_true(at > 0);
    rig_bytes_t damaged = pool_spliced(&bytes, at, row->size, row->others, row->count);
    assert_true(pool_valid(&bytes));
    assert_false(pool_valid(&damaged));
    if (process(&damaged, &out)) {
      if (pool_valid(&out.bytes)) {
        print_error("%s: the engine takes it after rewriting\n", row->what);
        mended++;
      }
      rig_bytes_end(&out.bytes);
    }
    rig_bytes_end(&bytes);
    rig_bytes_end(&damaged);
  }
  assert_int_equal(mended, 0);
}

/* The same numbers in longer forms are good, and stay so. */
static void test_long_forms_are_good(void **state) {
  static const broken_t rows[] = {
      {"", PLAIN, UNCOUNTED, 6, "\xc\5\x82\x80\x80\x80\0" UNCOUNTED, 13},
      {"", PLAIN, "\xb\xf\2\0\x41\x8\xb", 7, "\xb\x13\2\0\x41\x88\x80\x80\x80\0\xb", 11},
      {"", "(module (memory 1) (data (i32.const -8) \"ab\") (data (i32.const -6) \"cd\"))", "\xb\xf\2\0\x41\x78\xb", 7,
       "\xb\x13\2\0\x41\xf8\xff\xff\xff\x7f\xb", 11},
      {"", "(module (memory 1 65535))", "\5\6\1\1\1\xff\xff\3", 8, "\5\x88\0\1\1\1\xff\xff\x83\x80\0", 11},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    pool_rewritten_t out;
    rig_bytes_t bytes = rig_assemble(rows[i].wat);
    size_t at = find(&bytes, rows[i].part, rows[i].size);
    assert_true(at > 0);
    rig_bytes_t longer = pool_spliced(&bytes, at, rows[i].size, rows[i].others, rows[i].count);
    assert_true(pool_valid(&longer));
    assert_true(process(&longer, &out));
    assert_true(pool_valid(&out.bytes));
    rig_bytes_end(&bytes);
    rig_bytes_end(&longer);
    rig_bytes_end(&out.bytes);
  }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_truncation),    cmocka_unit_test(test_next_to_nothing),
    cmocka_unit_test(test_random_damage),       cmocka_unit_test(test_what_is_broken_stays_so),
    cmocka_unit_test(test_long_forms_are_good),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
