/* SPDX-License-Identifier: MIT */
/* Output by lines: characters of UTF-8 that are never cut, what is escaped, and both for random bytes. */
#include "core_lines.h"

typedef struct bytes_t {
  uint8_t data[CORE_LINES_BYTES];
  size_t size;
} bytes_t;

static void append(bytes_t *to, const void *data, size_t size) {
  if (size > sizeof to->data - to->size) fail_msg("the test has no room");
  memcpy(to->data + to->size, data, size);
  to->size += size;
}

/* The length of the well-formed character at `at` (Unicode, table 3-7), or 0. */
static size_t character_at(const uint8_t *at, size_t left) {
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
  size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
  if (at[0] == 0xe0) low = 0xa0;
  if (at[0] == 0xed) high = 0x9f;
  if (at[0] == 0xf0) low = 0x90;
  if (at[0] == 0xf4) high = 0x8f;
  if (length == 0 || length > left) return 0;
  if (length > 1 && (at[1] < low || at[1] > high)) return 0;
  for (size_t i = 2; i < length; i++) {
    if (at[i] < 0x80 || at[i] > 0xbf) return 0;
  }
  return length;
}

static size_t encode(uint32_t point, uint8_t *bytes) {
  size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = length; i-- > 1; point >>= 6) bytes[i] = (uint8_t)(0x80 | (point & 0x3f));
  bytes[0] = (uint8_t)(leads[length] | point);
  return length;
}

/* ---- Characters -------------------------------------------------------------------------------------------------- */

enum { LINE_SIZE = 16 };

/* The character behind 0 to 16 others, each time on a line of its own, in one write. */
static void check_character(core_guest_t *g, const uint8_t *character, size_t length) {
  static const char filler[] = "0123456789abcdef";
  uint8_t text[17 * (16 + 4 + 1)];
  size_t size = 0;
  size_t line = 0;
  for (size_t offset = 0; offset <= LINE_SIZE; offset++) {
    memcpy(text + size, filler, offset);
    memcpy(text + size + offset, character, length);
    text[size + offset + length] = '\n';
    size += offset + length + 1;
  }
  core_lines_clear();
  core_write(g, 1, text, size);
  for (size_t offset = 0; offset <= LINE_SIZE; offset++) {
    bool fits = offset + length <= LINE_SIZE;
    const core_line_t *first = &core_lines.line[line++];
    const core_line_t *last = fits ? first : &core_lines.line[line++];
    bool good = first->continues == !fits && !last->continues && first->size == (fits ? offset + length : offset) &&
                memcmp(first->bytes, filler, offset) == 0 && last->size >= length &&
                memcmp(last->bytes + last->size - length, character, length) == 0 && (fits || last->size == length);
    if (!good) fail_msg("%02x %02x ... at %zu", character[0], character[1], offset);
  }
  assert_int_equal(core_lines.count, line);
}

/* All of them, but for controls and surrogates, which are not characters to be shown. */
static void test_characters_are_not_cut(void **state) {
  uint32_t step = core_under_valgrind() ? 997 : 1;
  for (int escape = 0; escape < 2; escape++) {
    core_guest_t g;
    core_start_lines(&g, LINE_SIZE, escape);
    for (uint32_t point = 0xa0; point < 0x110000; point += point < 0x10000 ? step : 13 * step) {
      uint8_t character[4];
      if (point >= 0xd800 && point < 0xe000) continue;
      size_t length = encode(point, character);
      check_character(&g, character, length);
    }
    core_end(&g);
  }
}

/* A line of nothing but characters, cut into writes everywhere. */
static void test_lines_of_characters(void **state) {
  static const char *const characters[] = {"\xc2\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  for (size_t c = 0; c < 3; c++) {
    for (size_t line_size = 16; line_size < 21; line_size++) {
      for (size_t part = 1; part < 7; part++) {
        size_t length = strlen(characters[c]);
        size_t fit = line_size / length * length;
        core_guest_t g;
        bytes_t text = {.size = 0};
        for (int i = 0; i < 40; i++) append(&text, characters[c], length);
        core_start_lines(&g, line_size, true);
        for (size_t at = 0; at < text.size; at += part) {
          core_write(&g, 1, text.data + at, part < text.size - at ? part : text.size - at);
        }
        wasi_light_env_flush(g.env);
        assert_int_equal(core_lines.count, (text.size + fit - 1) / fit);
        for (size_t i = 0; i < core_lines.count; i++) {
          assert_int_equal(core_lines.line[i].size, i + 1 < core_lines.count ? fit : text.size - i * fit);
        }
        assert_memory_equal(core_lines.bytes, text.data, text.size);
        core_end(&g);
      }
    }
  }
}

/* ---- Escapes ----------------------------------------------------------------------------------------------------- */

/* What a byte is shown as that is no part of a character. */
static const char *shown(uint8_t byte) {
  static char text[8];
  if (byte == '\t' || (byte >= 0x20 && byte < 0x7f)) snprintf(text, sizeof text, "%c", byte);
  else snprintf(text, sizeof text, "\\x%02x", byte);
  return text;
}

static void test_every_byte(void **state) {
  for (unsigned byte = 0; byte < 256; byte++) {
    const uint8_t texts[][3] = {{(uint8_t)byte, 'z', '\n'}, {'a', (uint8_t)byte, '\n'}, {'a', 'b', (uint8_t)byte}};
    static const char *const formats[] = {"1:%sz", "1:a%s", "1:ab%s"};
    if (byte == '\n') continue;
    for (int i = 0; i < 3; i++) {
      char expected[32];
      core_guest_t g;
      core_start_lines(&g, LINE_SIZE, true);
      core_write(&g, 1, texts[i], 3);
      wasi_light_env_flush(g.env);
      snprintf(expected, sizeof expected, formats[i], shown((uint8_t)byte));
      EXPECT_LINES(expected);
      core_end(&g);
      core_start_lines(&g, LINE_SIZE, false); /* without escape, as it is */
      core_write(&g, 1, texts[i], 3);
      wasi_light_env_flush(g.env);
      assert_int_equal(core_lines.count, 1);
      assert_int_equal(core_lines.line[0].size, i == 2 ? 3 : 2);
      assert_memory_equal(core_lines.line[0].bytes, texts[i], core_lines.line[0].size);
      core_end(&g);
    }
  }
}

/* The controls that UTF-8 has in two bytes, in one write and in two. */
static void test_controls_of_two_bytes(void **state) {
  for (unsigned byte = 0x80; byte < 0xc0; byte++) {
    const uint8_t text[] = {0xc2, (uint8_t)byte, 'z', '\n'};
    for (size_t cut = 0; cut < 4; cut++) {
      char expected[32];
      core_guest_t g;
      core_start_lines(&g, LINE_SIZE, true);
      core_write(&g, 1, text, cut);
      core_write(&g, 1, text + cut, 4 - cut);
      if (byte < 0xa0) snprintf(expected, sizeof expected, "1:\\xc2\\x%02xz", byte);
      else snprintf(expected, sizeof expected, "1:\xc2%cz", byte);
      EXPECT_LINES(expected);
      core_end(&g);
    }
  }
}

static const struct {
  const char *text, *expected;
} broken[] = {
    {"\xe2\x82z", "1:\\xe2\\x82z"},
    {"\xe2\xe2\x82\xac", "1:\\xe2\xe2\x82\xac"},
    {"\xe2\x82\xe2\x82\xac", "1:\\xe2\\x82\xe2\x82\xac"},
    {"\xf0\x9f\x98z", "1:\\xf0\\x9f\\x98z"},
    {"\xf0\x9f\xc3\xa9", "1:\\xf0\\x9f\xc3\xa9"},
    {"\xc3\xc3\xa9\xa9", "1:\\xc3\xc3\xa9\\xa9"},
    {"\xe2\x82\xac\x80", "1:\xe2\x82\xac\\x80"},
    {"\xe2\x1b\x82", "1:\\xe2\\x1b\\x82"},
    {"\xe2\t\x82", "1:\\xe2\t\\x82"},
    {"\xe2\n\x82\xac", "1:\\xe2|1:\\x82\\xac"},
    {"\x80\xbf\xfe\xff", "1:\\x80\\xbf\\xfe\\xff"},
    {"\xe1\x80\xc2\x80", "1:\\xe1\\x80\\xc2\\x80"},
    /* longer than need be: a decoder that is not strict reads controls */
    {"\xc0\x8a", "1:\\xc0\\x8a"},
    {"\xc1\x9b", "1:\\xc1\\x9b"},
    {"\xe0\x80\x8a", "1:\\xe0\\x80\\x8a"},
    {"\xe0\x82\x9b", "1:\\xe0\\x82\\x9b"},
    {"\xe0\x9f\xbf", "1:\\xe0\\x9f\\xbf"},
    {"\xe0\xa0\x80", "1:\xe0\xa0\x80"},
    {"\xf0\x80\x80\x9b", "1:\\xf0\\x80\\x80\\x9b"},
    {"\xf0\x8f\xbf\xbf", "1:\\xf0\\x8f\\xbf\\xbf"},
    {"\xf0\x90\x80\x80", "1:\xf0\x90\x80\x80"},
    /* surrogates, and past the last character */
    {"\xed\x9f\xbf", "1:\xed\x9f\xbf"},
    {"\xed\xa0\x80", "1:\\xed\\xa0\\x80"},
    {"\xed\xbf\xbf", "1:\\xed\\xbf\\xbf"},
    {"\xf4\x8f\xbf\xbf", "1:\xf4\x8f\xbf\xbf"},
    {"\xf4\x90\x80\x80", "1:\\xf4\\x90\\x80\\x80"},
    {"\xf5\x80\x80\x80", "1:\\xf5\\x80\\x80\\x80"},
    /* at the end of a line that is full */
    {"0123456789abc\xe2\x82z", "1+0123456789abc|1:\\xe2\\x82z"},
    {"0123456789abcd\xe2\x82z", "1+0123456789abcd|1:\\xe2\\x82z"},
    {"0123456789abcde\xe2\x82z", "1+0123456789abcde|1:\\xe2\\x82z"},
    {"0123456789abcdef\xe2\x82z", "1+0123456789abcdef|1:\\xe2\\x82z"},
    {"01234567\xf0\x9f\x98z", "1+01234567\\xf0\\x9f|1:\\x98z"},
    {"0123456789ab\x1b", "1:0123456789ab\\x1b"},
    {"0123456789abc\x1b", "1+0123456789abc|1:\\x1b"},
};

static void test_broken_characters(void **state) {
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    for (int flush = 0; flush < 2; flush++) {
      core_guest_t g;
      core_start_lines(&g, LINE_SIZE, true);
      for (size_t k = 0; k < strlen(broken[i].text); k++) core_write(&g, 1, broken[i].text + k, 1);
      if (flush) wasi_light_env_flush(g.env);
      else core_write_text(&g, 1, "\n");
      EXPECT_LINES(broken[i].expected);
      core_end(&g);
    }
  }
}

/* ---- Random bytes ------------------------------------------------------------------------------------------------ */

static uint64_t random_state;

static uint32_t draw(uint32_t below) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((random_state >> 33) % below);
}

/* Text, characters, controls, broken ones and noise; no backslash, so that escapes can be undone. */
static void random_text(bytes_t *text, size_t size) {
  text->size = 0;
  while (text->size < size) {
    uint8_t bytes[4];
    size_t length = 1;
    switch (draw(8)) {
      case 0: bytes[0] = (uint8_t)draw(256); break;
      case 1: bytes[0] = (uint8_t)(0x80 + draw(128)); break;
      case 2: length = encode(draw(8) ? 0x80 + draw(0x110000 - 0x80) : 0x80 + draw(32), bytes); break;
      case 3: length = encode(0x80 + draw(0x10000 - 0x80), bytes); break;
      case 4:
        length = encode(0x80 + draw(0x110000 - 0x80), bytes);
        length = 1 + draw((uint32_t)length);
        break;
      case 5: bytes[0] = draw(4) ? (uint8_t)draw(32) : '\n'; break;
      default: bytes[0] = (uint8_t)('a' + draw(26));
    }
    if (bytes[0] != '\\') append(text, bytes, length);
  }
}

/* In writes of random sizes, of random numbers of buffers; in the end it is flushed. */
static void write_text(core_guest_t *g, const bytes_t *text) {
  for (size_t at = 0; at < text->size;) {
    size_t sizes[5];
    size_t count = 1 + draw(5);
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
      size_t left = text->size - at - sum;
      sizes[i] = draw(draw(2) ? 8 : 60);
      if (sizes[i] > left) sizes[i] = left;
      sum += sizes[i];
    }
    core_write_parts(g, 1, text->data + at, sizes, count);
    at += sum;
  }
  wasi_light_env_flush(g->env);
}

/* What came, as it was before it was cut. */
static void join(bytes_t *all) {
  all->size = 0;
  for (size_t i = 0; i < core_lines.count; i++) {
    append(all, core_lines.line[i].bytes, core_lines.line[i].size);
    if (!core_lines.line[i].continues) append(all, "\n", 1);
  }
}

static void assert_same(const bytes_t *text, const bytes_t *all) {
  bool newline = all->size == text->size + 1 && all->data[text->size] == '\n'; /* the flush made it */
  assert_int_equal(all->size, text->size + newline);
  assert_memory_equal(all->data, text->data, text->size);
}

static unsigned digit(uint8_t c) {
  return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void undo_escapes(bytes_t *text) {
  size_t size = 0;
  for (size_t i = 0; i < text->size; size++) {
    bool escaped = text->data[i] == '\\';
    uint8_t byte = escaped ? (uint8_t)(digit(text->data[i + 2]) << 4 | digit(text->data[i + 3])) : text->data[i];
    text->data[size] = byte;
    i += escaped ? 4 : 1;
  }
  text->size = size;
}

/* Whether a well-formed character of the text has this place in its middle. */
static bool cuts(const bytes_t *text, size_t at) {
  for (size_t back = 1; back < 4 && back <= at; back++) {
    if (character_at(text->data + at - back, text->size - (at - back)) > back) return true;
  }
  return false;
}

static void check_pieces(const bytes_t *text, size_t line_size) {
  size_t at = 0;
  for (size_t i = 0; i < core_lines.count; i++) {
    const core_line_t *line = &core_lines.line[i];
    at += line->size + !line->continues;
    assert_in_range(line->size, line->continues ? line_size - 3 : 0, line_size);
    if (line->continues && cuts(text, at)) fail_msg("a character is cut at %zu", at);
  }
}

/* UTF-8 without control characters but tab. */
static void check_escaped(const core_line_t *line, size_t line_size) {
  const uint8_t *bytes = (const uint8_t *)line->bytes;
  assert_in_range(line->size, line->continues ? line_size - 6 : 0, line_size);
  for (size_t i = 0; i < line->size;) {
    size_t length = character_at(bytes + i, line->size - i);
    if (length == 0) fail_msg("not UTF-8: 0x%02x", bytes[i]);
    bool control =
        (bytes[i] < 0x20 && bytes[i] != '\t') || bytes[i] == 0x7f || (bytes[i] == 0xc2 && bytes[i + 1] < 0xa0);
    if (control) fail_msg("a control character: 0x%02x", bytes[i]);
    i += length;
  }
}

static void test_random_bytes(void **state) {
  static bytes_t text;
  static bytes_t all;
  int rounds = core_under_valgrind() ? 20 : 1500;
  random_state = 20;
  for (int round = 0; round < rounds; round++) {
    for (int escape = 0; escape < 2; escape++) {
      size_t line_size = 16 + draw(30);
      core_guest_t g;
      random_text(&text, 1 + draw(2000));
      core_start_lines(&g, line_size, escape);
      write_text(&g, &text);
      join(&all);
      for (size_t i = 0; escape && i < core_lines.count; i++) check_escaped(&core_lines.line[i], line_size);
      if (escape) undo_escapes(&all);
      else check_pieces(&text, line_size);
      assert_same(&text, &all);
      core_end(&g);
    }
  }
}

static wasi_light_env_t *reset_env;

static void on_line_that_resets(void *host, uint32_t fd, const char *line, size_t size, bool continues) {
  wasi_light_env_reset(reset_env);
}

/* A callback that resets the environment while a character is begun makes the count of its bytes no larger. */
static void test_reset_within_a_character(void **state) {
  uint8_t text[14 + 3 + 100];
  memset(text, 'a', 14);
  memset(text + 14, 0x82, 103); /* would go on for ever with the character that begins here */
  text[14] = 0xe2;
  for (size_t before = 0; before <= 14; before++) {
    for (int escape = 0; escape < 2; escape++) {
      core_guest_t g;
      wasi_light_options_t options = core_line_options(16, escape);
      options.out.line = options.err.line = on_line_that_resets;
      core_start(&g, &options, CORE_LINES_MEMORY);
      reset_env = g.env;
      core_write(&g, 1, text + before, sizeof text - before);
      core_write(&g, 1, text, sizeof text);
      core_end(&g);
    }
  }
}

int main(int argc, char **argv) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_characters_are_not_cut),
      cmocka_unit_test(test_lines_of_characters),
      cmocka_unit_test(test_every_byte),
      cmocka_unit_test(test_controls_of_two_bytes),
      cmocka_unit_test(test_broken_characters),
      cmocka_unit_test(test_random_bytes),
      cmocka_unit_test(test_reset_within_a_character),
  };
  return CORE_RUN(tests, argc, argv);
}
