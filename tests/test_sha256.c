/* SPDX-License-Identifier: MIT */
/* SHA-256: the examples of FIPS 180-4, in pieces of every size. */
#include "core_guest.h"
#include "sha256.h"

/* The digest of `size` bytes, added in pieces of `piece` bytes, as text. */
static const char *digest(const void *bytes, size_t size, size_t piece) {
  static char text[65];
  uint8_t raw[32];
  wasi_light__sha256_t hash;
  wasi_light__sha256_begin(&hash);
  for (size_t done = 0; done < size; done += piece) {
    wasi_light__sha256_add(&hash, (const uint8_t *)bytes + done, size - done < piece ? size - done : piece);
  }
  wasi_light__sha256_end(&hash, raw);
  for (size_t i = 0; i < sizeof raw; i++) snprintf(text + 2 * i, 3, "%02x", raw[i]);
  return text;
}

/* NIST's examples of one block, two blocks and (from its older set) a longer one, and the empty message. */
static const struct {
  const char *message, *digest;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static void test_vectors(void **state) {
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    size_t size = strlen(vectors[i].message);
    for (size_t piece = 1; piece <= size + 1; piece++) {
      assert_string_equal(digest(vectors[i].message, size, piece), vectors[i].digest);
    }
  }
}

static void test_a_million(void **state) {
  enum { SIZE = 1000000 };
  static const size_t pieces[] = {1, 3, 63, 64, 65, 127, 128, 4096, 999999, SIZE};
  uint8_t *bytes = malloc(SIZE);
  assert_non_null(bytes);
  memset(bytes, 'a', SIZE);
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    assert_string_equal(digest(bytes, SIZE, pieces[i]),
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
  free(bytes);
}

/* Every length up to four blocks, so every way in which the padding can fall, cut in every way into two. */
static void test_lengths_and_cuts(void **state) {
  enum { LONGEST = 256 };
  wasi_light__sha256_t all; /* over the digests of all lengths: made once with another implementation */
  uint8_t bytes[LONGEST];
  uint8_t whole[32], cut[32];
  char text[65];
  for (size_t i = 0; i < LONGEST; i++) bytes[i] = (uint8_t)(i * 7 + 1);
  wasi_light__sha256_begin(&all);
  for (size_t size = 0; size <= LONGEST; size++) {
    wasi_light__sha256_t hash;
    wasi_light__sha256_begin(&hash);
    wasi_light__sha256_add(&hash, bytes, size);
    wasi_light__sha256_end(&hash, whole);
    wasi_light__sha256_add(&all, whole, sizeof whole);
    for (size_t at = 0; at <= size; at++) {
      wasi_light__sha256_begin(&hash);
      wasi_light__sha256_add(&hash, bytes, at);
      wasi_light__sha256_add(&hash, bytes + at, size - at);
      wasi_light__sha256_end(&hash, cut);
      assert_memory_equal(cut, whole, sizeof whole);
    }
  }
  wasi_light__sha256_end(&all, whole);
  for (size_t i = 0; i < sizeof whole; i++) snprintf(text + 2 * i, 3, "%02x", whole[i]);
  assert_string_equal(text, "37dd9d1e3ceed64e7a41ab875cdd742b7cf9ba3411a131bc2636a72c19eba8aa");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_vectors),
    cmocka_unit_test(test_a_million),
    cmocka_unit_test(test_lengths_and_cuts),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
