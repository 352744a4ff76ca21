/* SPDX-License-Identifier: MIT */
/*
 * random_get and its ChaCha20. Sources of the numbers: RFC 8439, section 2.3.2 and appendix A.1; the seeded streams
 * were made with OpenSSL 3.0 (`openssl enc -chacha20`, whose IV is the counter and then the nonce).
 */
#include <signal.h>

#include "chacha20.h"
#include "core_guest.h"
#include "core_host_fd.h"

/* ---- The block function ------------------------------------------------------------------------------------------ */

/* All in hexadecimal, as the RFC prints it. */
static const struct {
  const char *source, *key;
  uint32_t counter;
  const char *nonce, *block;
} vectors[] = {
    {"2.3.2", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 1, "000000090000004a00000000",
     "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
     "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"},
    {"A.1 #1", "0000000000000000000000000000000000000000000000000000000000000000", 0, "000000000000000000000000",
     "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
     "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"},
    {"A.1 #2", "0000000000000000000000000000000000000000000000000000000000000000", 1, "000000000000000000000000",
     "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
     "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"},
    {"A.1 #3", "0000000000000000000000000000000000000000000000000000000000000001", 1, "000000000000000000000000",
     "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
     "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"},
    {"A.1 #4", "00ff000000000000000000000000000000000000000000000000000000000000", 2, "000000000000000000000000",
     "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
     "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"},
    {"A.1 #5", "0000000000000000000000000000000000000000000000000000000000000000", 0, "000000000000000000000002",
     "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
     "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d"},
};

/* The first 64 bytes of three seeds, and block 2^32 of seed 42, where the counter's carry goes into the nonce. */
static const char seed_0[] = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
                             "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586";
static const char seed_42[] = "1f76e526510ae36a625c8b5c597febb416042cce3db589b3dc82a8f7a4a86626"
                              "eb604128710fd1d804264f1a5b080a60565149f216a0b528d73e96ab2da98ac1";
static const char seed_42_second_block[] = "127217d32d3a18fa9b2006fc94561f5c910ad092ad07828f494b14eb8a886c84"
                                           "aab4165fd247969bc89740ab294d3d62a19fb11488a60ff8bbf0785d3a096adf";
static const char seed_max[] = "3fa2ee6bda5341eb24428afc2ae53638099223f33bb44e43f3d5fe9c4a4d4016"
                               "fb7d07d2f95f343aae5156967dd81bd435fd58263e8fa43c345cac05a82e658c";
static const char seed_42_block_before_2_to_32[] = "938a2c17acabffb50a502768f05096968cf3fa1b3f55b21b88126feb372b3629"
                                                   "7665bfeccc14d7d340f31ac38547a7da575c3aaf425b691b321a975db0980c97";
static const char seed_42_block_2_to_32[] = "93d2d5f4f51603e3b08033f2dbb28dde442461ebd71f9d41edbc9355b65ba652"
                                            "49ad4d874e21f883d0a46be7edd47e4f18db580fa0477887b7f2fcb7034046d8";

/* The streams 1 and 0x0123456789abcdef of seed 42: the number is in the last two words of the nonce. */
static const char seed_42_stream_1[] = "cd92b510392cf7a31b81acdb2518ee9efb2e566ceebb15fad830fc0a9d9d124c"
                                       "5169f72c2a742b2f5dc6921d0e794e832b98437de96e1f44a92a27a94887b5e2";
static const char seed_42_stream_big[] = "3f702e166c8618a0c7287ceca70857abddf41902950a325d162f3ed2f913eb70"
                                         "a226fda0ef2410f574852fef6ea4655d3d23daa2789b5524aef3af67443293b6";

static void from_hex(const char *hex, uint8_t *bytes) {
  for (size_t i = 0; hex[2 * i]; i++) {
    const char pair[] = {hex[2 * i], hex[2 * i + 1], '\0'};
    bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
}

static void assert_hex(const uint8_t *bytes, const char *hex) {
  uint8_t expected[64];
  assert_int_equal(strlen(hex), 2 * sizeof expected);
  from_hex(hex, expected);
  assert_memory_equal(bytes, expected, sizeof expected);
}

static uint32_t word(const uint8_t *bytes) {
  return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void test_rfc_8439_vectors(void **state) {
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    uint8_t key_bytes[32];
    uint8_t nonce_bytes[12];
    uint32_t key[8];
    uint32_t counter_and_nonce[4] = {vectors[i].counter};
    uint8_t block[64];
    from_hex(vectors[i].key, key_bytes);
    from_hex(vectors[i].nonce, nonce_bytes);
    for (int k = 0; k < 8; k++) key[k] = word(key_bytes + (ptrdiff_t)4 * k);
    for (int k = 0; k < 3; k++) counter_and_nonce[1 + k] = word(nonce_bytes + (ptrdiff_t)4 * k);
    wasi_light__chacha20_block(key, counter_and_nonce, block);
    assert_hex(block, vectors[i].block);
  }
}

static void test_stream_can_be_entered_anywhere(void **state) {
  uint8_t whole[200];
  wasi_light__seeded_bytes(42, 0, 0, whole, sizeof whole);
  assert_hex(whole, seed_42);
  for (uint64_t position = 0; position < sizeof whole; position++) {
    for (uint64_t len = 0; position + len <= sizeof whole; len += 13) {
      uint8_t part[sizeof whole + 1];
      part[len] = 0xee;
      wasi_light__seeded_bytes(42, 0, position, part, len);
      assert_memory_equal(part, whole + position, len);
      assert_int_equal(part[len], 0xee);
    }
  }
}

/* Nothing repeats after 2^32 blocks: the carry goes on. */
static void test_stream_past_32_bits_of_counter(void **state) {
  const uint64_t carry = (uint64_t)64 << 32;
  uint8_t bytes[128];
  wasi_light__seeded_bytes(42, 0, carry - 64, bytes, sizeof bytes);
  assert_hex(bytes, seed_42_block_before_2_to_32);
  assert_hex(bytes + 64, seed_42_block_2_to_32);
}

/* Other streams of the seed have other bytes: their number stands beside the counter and its carry. */
static void test_streams_of_a_seed(void **state) {
  uint8_t bytes[64];
  wasi_light__seeded_bytes(42, 1, 0, bytes, sizeof bytes);
  assert_hex(bytes, seed_42_stream_1);
  wasi_light__seeded_bytes(42, 0x0123456789abcdef, 0, bytes, sizeof bytes);
  assert_hex(bytes, seed_42_stream_big);
}

/* ---- random_get with a seed -------------------------------------------------------------------------------------- */

static void start(core_guest_t *g, const uint64_t *seed, size_t memory_size) {
  wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  options.random_seed = seed;
  core_start(g, &options, memory_size);
}

static void check_seed(uint64_t seed, const char *hex) {
  const core_range_t filled = {32, 64};
  core_guest_t g;
  start(&g, &seed, 256);
  core_save(&g);
  EXPECT(SUCCESS, &g, random_get, 32, 64);
  core_assert_unchanged_but(&g, &filled, 1);
  assert_hex(g.memory + 32, hex);
  core_end(&g);
}

static void test_golden_streams(void **state) {
  check_seed(42, seed_42);
  check_seed(0, seed_0); /* a seed like any other, not "no seed" */
  check_seed(UINT64_MAX, seed_max);
}

static void test_stream_goes_on(void **state) {
  const uint64_t seed = 42;
  core_guest_t g;
  start(&g, &seed, 256);
  EXPECT(SUCCESS, &g, random_get, 0, 64);
  EXPECT(SUCCESS, &g, random_get, 64, 64);
  assert_hex(g.memory, seed_42);
  assert_hex(g.memory + 64, seed_42_second_block);
  core_end(&g);
}

static void test_3_and_5_bytes_are_8(void **state) {
  const uint64_t seed = 42;
  uint8_t expected[64];
  core_guest_t g;
  from_hex(seed_42, expected);
  start(&g, &seed, 64);
  EXPECT(SUCCESS, &g, random_get, 0, 3);
  EXPECT(SUCCESS, &g, random_get, 3, 5);
  assert_memory_equal(g.memory, expected, 8);
  core_end(&g);
}

/* The same bytes in pieces of any size, empty ones too. */
static void test_any_chunking(void **state) {
  enum { TOTAL = 1000 };
  const uint64_t seed = 0x0123456789abcdef;
  core_guest_t whole;
  start(&whole, &seed, TOTAL);
  EXPECT(SUCCESS, &whole, random_get, 0, TOTAL);
  for (uint32_t chunk = 1; chunk < 200; chunk++) {
    core_guest_t g;
    start(&g, &seed, TOTAL);
    for (uint32_t at = 0; at < TOTAL; at += chunk) {
      EXPECT(SUCCESS, &g, random_get, at, chunk < TOTAL - at ? chunk : TOTAL - at);
      EXPECT(SUCCESS, &g, random_get, 0, 0);
    }
    assert_memory_equal(g.memory, whole.memory, TOTAL);
    core_end(&g);
  }
  core_end(&whole);
}

static void test_one_mebibyte(void **state) {
  enum { MIB = 1 << 20 };
  const uint64_t seed = 42;
  uint8_t *expected = malloc(MIB);
  core_guest_t g;
  assert_non_null(expected);
  start(&g, &seed, MIB);
  EXPECT(SUCCESS, &g, random_get, 0, MIB);
  assert_hex(g.memory, seed_42);
  wasi_light__seeded_bytes(seed, 0, 0, expected, MIB / 2);
  wasi_light__seeded_bytes(seed, 0, MIB / 2, expected + MIB / 2, MIB / 2);
  assert_memory_equal(g.memory, expected, MIB);
  core_end(&g);
  free(expected);
}

/* Each environment has the stream from its start; a reset goes back there. */
static void test_environments_and_reset(void **state) {
  const uint64_t seed = 42;
  core_guest_t a;
  core_guest_t b;
  start(&a, &seed, 64);
  start(&b, &seed, 64);
  EXPECT(SUCCESS, &a, random_get, 0, 64);
  EXPECT(SUCCESS, &b, random_get, 0, 64);
  assert_memory_equal(a.memory, b.memory, 64);
  EXPECT(SUCCESS, &a, random_get, 0, 64);
  assert_memory_not_equal(a.memory, b.memory, 64);
  wasi_light_env_reset(a.env);
  EXPECT(SUCCESS, &a, random_get, 0, 64);
  assert_memory_equal(a.memory, b.memory, 64);
  core_end(&a);
  core_end(&b);
}

/* ---- random_get without a seed ----------------------------------------------------------------------------------- */

/* Never a silent default: no two calls or environments agree, nor does any with a likely seed's stream. */
static void test_unseeded_is_never_a_stream(void **state) {
  static const uint64_t likely[] = {0, 1, 42, UINT64_MAX};
  core_guest_t g[2];
  for (int i = 0; i < 2; i++) {
    start(&g[i], NULL, 128);
    EXPECT(SUCCESS, &g[i], random_get, 0, 64);
    EXPECT(SUCCESS, &g[i], random_get, 64, 64);
    assert_memory_not_equal(g[i].memory, g[i].memory + 64, 64);
    for (size_t k = 0; k < sizeof likely / sizeof *likely; k++) {
      uint8_t stream[64];
      wasi_light__seeded_bytes(likely[k], 0, 0, stream, sizeof stream);
      assert_memory_not_equal(g[i].memory, stream, sizeof stream);
    }
  }
  assert_memory_not_equal(g[0].memory, g[1].memory, 64);
  core_end(&g[0]);
  core_end(&g[1]);
}

static volatile sig_atomic_t interrupted;

static void interrupt(void) {
  interrupted = 1;
}

/* A signal makes the system give fewer bytes than were asked for: the rest is asked for again. */
static void test_unseeded_with_a_signal(void **state) {
  enum { SIZE = 16 << 20, PART = 1024 };
  static const uint8_t zeros[PART];
  core_guest_t g;
  if (core_under_valgrind()) skip(); /* there a signal comes between system calls */
  start(&g, NULL, SIZE + 2);
  memset(g.memory, 0, g.size);
  interrupted = 0;
  core_after(3, interrupt);
  int i = 0;
  do EXPECT(SUCCESS, &g, random_get, 1, SIZE);
  while (++i < 20 && !interrupted);
  core_cancel();
  assert_true(interrupted);
  for (size_t at = 1; at < SIZE; at += PART) assert_memory_not_equal(g.memory + at, zeros, PART);
  assert_int_equal(g.memory[0], 0);
  assert_int_equal(g.memory[SIZE + 1], 0);
  core_end(&g);
}

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

static void test_no_bytes(void **state) {
  const uint64_t seed = 42;
  const uint64_t *seeds[] = {NULL, &seed};
  for (int i = 0; i < 2; i++) {
    core_guest_t g;
    start(&g, seeds[i], 64);
    core_save(&g);
    EXPECT(SUCCESS, &g, random_get, 0, 0);
    EXPECT(SUCCESS, &g, random_get, 64, 0);
    EXPECT(SUCCESS, &g, random_get, 65, 0);
    EXPECT(SUCCESS, &g, random_get, 0xffffffff, 0);
    core_assert_unchanged(&g);
    core_end(&g);
  }
}

static void test_fault(void **state) {
  const uint64_t seed = 42;
  const uint64_t *seeds[] = {NULL, &seed};
  for (int i = 0; i < 2; i++) {
    core_guest_t g;
    start(&g, seeds[i], 64);
    core_save(&g);
    EXPECT(FAULT, &g, random_get, 0, 65);
    EXPECT(FAULT, &g, random_get, 1, 64);
    EXPECT(FAULT, &g, random_get, 1, 0xffffffff);
    core_assert_unchanged(&g);
    if (i == 1) {
      EXPECT(SUCCESS, &g, random_get, 0, 64);
      assert_hex(g.memory, seed_42); /* a failure takes nothing from the stream */
    }
    core_end(&g);
  }
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rfc_8439_vectors),
      cmocka_unit_test(test_stream_can_be_entered_anywhere),
      cmocka_unit_test(test_stream_past_32_bits_of_counter),
      cmocka_unit_test(test_streams_of_a_seed),
      cmocka_unit_test(test_golden_streams),
      cmocka_unit_test(test_stream_goes_on),
      cmocka_unit_test(test_3_and_5_bytes_are_8),
      cmocka_unit_test(test_any_chunking),
      cmocka_unit_test(test_one_mebibyte),
      cmocka_unit_test(test_environments_and_reset),
      cmocka_unit_test(test_unseeded_is_never_a_stream),
      cmocka_unit_test_teardown(test_unseeded_with_a_signal, core_fd_teardown),
      cmocka_unit_test(test_no_bytes),
      cmocka_unit_test(test_fault),
  };
  return CORE_RUN(tests, argc, argv);
}
