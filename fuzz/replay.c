/* SPDX-License-Identifier: MIT */
/*
 * replay_X [FILE|FOLDER...] runs target X over its seed corpus and these files, without libFuzzer; it says each name first.
 * replay_X --seeds FOLDER writes the seed corpus there.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

enum { PATH_SIZE = 4096 };

static unsigned long inputs;
static const char *seed_folder;

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's type */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t max_size) {
  (void)bytes;
  return size < max_size ? size : max_size;
}

/* The bytes are in a block of their size, so that a sanitizer sees whoever reads behind them. */
static void run(const char *name, const void *bytes, size_t size) {
  /* NOLINTNEXTLINE(clang-analyzer-optin.taint.TaintedAlloc): the size of a file that is at hand */
  uint8_t *copy = malloc(size > 0 ? size : 1);
  FUZZ_CHECK(copy, "no memory for %s", name);
  if (size > 0) memcpy(copy, bytes, size);
  fprintf(stderr, "%s\n", name);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
  inputs++;
}

static void run_file(const char *path, size_t size) {
  FILE *file = fopen(path, "rb");
  void *bytes = malloc(size > 0 ? size : 1);
  FUZZ_CHECK(file && bytes && fread(bytes, 1, size, file) == size, "cannot read %s", path);
  fclose(file);
  run(path, bytes, size);
  free(bytes);
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NOLINTBEGIN(misc-no-recursion): folders within folders */
static void run_path(const char *path);

/* In the order of the names, so that each run is the same. */
static void run_folder(const char *path) {
  DIR *folder = opendir(path);
  char **names = NULL;
  size_t count = 0;
  FUZZ_CHECK(folder, "cannot read %s", path);
  for (const struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    char **more = realloc(names, (count + 1) * sizeof *names);
    FUZZ_CHECK(more, "no memory for the names in %s", path);
    names = more;
    names[count] = malloc(PATH_SIZE);
    FUZZ_CHECK(names[count], "no memory for the names in %s", path);
    snprintf(names[count++], PATH_SIZE, "%s/%s", path, entry->d_name);
  }
  closedir(folder);
  if (count > 0) qsort(names, count, sizeof *names, by_name);
  for (size_t i = 0; i < count; i++) {
    if (access(names[i], R_OK) == 0) run_path(names[i]); /* a fuzzer that runs may have removed it */
    free(names[i]);
  }
  free(names);
}

static void run_path(const char *path) {
  struct stat status;
  FUZZ_CHECK(stat(path, &status) == 0, "there is no %s", path);
  if (S_ISDIR(status.st_mode)) run_folder(path);
  else run_file(path, (size_t)status.st_size);
}
/* NOLINTEND(misc-no-recursion) */

static void write_seed(const char *name, const void *bytes, size_t size) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s", seed_folder, name);
  FILE *file = fopen(path, "wb");
  FUZZ_CHECK(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0, "cannot write %s", path);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--seeds") == 0) {
    seed_folder = argv[2];
    fuzz_seeds(write_seed);
    return 0;
  }
  fuzz_seeds(run);
  for (int i = 1; i < argc; i++) run_path(argv[i]);
  printf("%lu inputs\n", inputs);
  return inputs > 0 ? 0 : 1;
}
