/* SPDX-License-Identifier: MIT */
/* The folder in which compiled code is kept: wasi_light_module_new_cached. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache_rig.h"
#include "files.h"

static wasi_light_module_t *from_cache(const rig_bytes_t *bytes, const char *folder, const wasi_light_limits_t *limits,
                                       const char *tag) {
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  wasi_light_error_t error;
  cache.folder = folder;
  cache.tag = tag;
  wasi_light_module_t *module =
      wasi_light_module_new_cached(rig_engine(), bytes->data, bytes->size, NULL, limits, &cache, &error);
  if (!module) fail_msg("%s", error.message);
  return module;
}

/* f of SEVEN by way of the folder: 7, or 8 from the forged entry. */
static int32_t cached_f(const cache_rig_t *rig) {
  return cache_f_of(from_cache(&rig->seven, rig->folder, NULL, NULL));
}

/* ---- Files ------------------------------------------------------------------------------------------- */

static void put_file(const char *path, const void *data, size_t size, mode_t mode) {
  FILE *file = fopen(path, "wb");
  bool ok = file && fwrite(data, 1, size, file) == size;
  if (file) ok = fclose(file) == 0 && ok;
  assert_true(ok);
  assert_int_equal(chmod(path, mode), 0);
}

static cache_block_t get_file(const char *path) {
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  cache_block_t block = {malloc((size_t)status.st_size + 1), (size_t)status.st_size};
  FILE *file = fopen(path, "rb");
  bool ok = file && block.data && fread(block.data, 1, block.size + 1, file) == block.size;
  if (file) fclose(file);
  assert_true(ok);
  return block;
}

static mode_t mode_of(const char *path) {
  struct stat status;
  assert_int_equal(lstat(path, &status), 0);
  return status.st_mode & 07777;
}

static size_t count_files(const char *folder) {
  size_t count = 0;
  DIR *dir = opendir(folder);
  while (dir && readdir(dir)) count++;
  if (dir) closedir(dir);
  assert_non_null(dir);
  return count - 2; /* . and .. */
}

/* The folder holds one file, and that is SEVEN's sound artifact with mode 0600. */
static void assert_entry_is_good(const cache_rig_t *rig) {
  struct stat status;
  assert_int_equal(count_files(rig->folder), 1);
  assert_int_equal(lstat(rig->entry, &status), 0);
  assert_true(S_ISREG(status.st_mode));
  assert_int_equal(status.st_mode & 07777, 0600);
  cache_block_t entry = get_file(rig->entry);
  assert_true(cache_is_sound(&entry, rig->key));
  assert_int_equal(entry.size, rig->artifact.size);
  free(entry.data);
  assert_int_equal(cached_f(rig), 7);
}

/* The folder, with this as the entry for SEVEN. */
static void plant(const cache_rig_t *rig, const cache_block_t *artifact) {
  if (mkdir(rig->folder, 0700) == 0) assert_int_equal(chmod(rig->folder, 0700), 0);
  unlink(rig->entry);
  put_file(rig->entry, artifact->data, artifact->size, 0600);
}

/* ---- Entries ----------------------------------------------------------------------------------------- */

static void test_a_sound_entry_is_used(void **state) {
  const cache_rig_t *rig = *state;
  struct stat before, after;
  plant(rig, &rig->forged);
  assert_int_equal(chmod(rig->entry, 0400), 0);
  assert_int_equal(stat(rig->entry, &before), 0);
  assert_int_equal(cached_f(rig), 8);
  assert_int_equal(stat(rig->entry, &after), 0);
  assert_int_equal(before.st_ino, after.st_ino); /* nor was it written anew */
  assert_int_equal(count_files(rig->folder), 1);
}

static void test_what_differs_is_kept_apart(void **state) {
  const cache_rig_t *rig = *state;
  wasi_light_limits_t limits = WASI_LIGHT_LIMITS_INIT;
  rig_bytes_t eight = rig_assemble(EIGHT);
  limits.memory_pages = 100;
  for (int round = 0; round < 2; round++) { /* the second finds all of them */
    assert_int_equal(cache_f_of(from_cache(&rig->seven, rig->folder, NULL, NULL)), 7);
    assert_int_equal(cache_f_of(from_cache(&eight, rig->folder, NULL, NULL)), 8);
    assert_int_equal(cache_f_of(from_cache(&rig->seven, rig->folder, &limits, NULL)), 7);
    assert_int_equal(cache_f_of(from_cache(&rig->seven, rig->folder, NULL, "llvm")), 7);
    assert_int_equal(count_files(rig->folder), 4);
  }
  rig_bytes_end(&eight);
}

/* It is compiled, and the entry is good again. */
static void test_damaged_entries_are_replaced(void **state) {
  const cache_rig_t *rig = *state;
  for (size_t i = 0; i < CACHE_PARTS; i++) {
    cache_block_t hurt = cache_copy(&rig->forged, rig->forged.size);
    hurt.data[cache_parts[i]] ^= 0x10;
    plant(rig, &hurt);
    free(hurt.data);
    assert_int_equal(cached_f(rig), 7);
    assert_entry_is_good(rig);
  }
  const size_t sizes[] = {0, 1, PAYLOAD_AT - 1, PAYLOAD_AT, PAYLOAD_AT + 1, rig->forged.size - 1};
  for (size_t i = 0; i < COUNT(sizes); i++) {
    cache_block_t hurt = cache_copy(&rig->forged, sizes[i]);
    plant(rig, &hurt);
    free(hurt.data);
    assert_int_equal(cached_f(rig), 7);
    assert_entry_is_good(rig);
  }
}

/* A sound wrapping of what is not the engine's. */
static void test_entries_that_the_engine_does_not_take(void **state) {
  static const char payload[] = "this is not compiled code";
  const cache_rig_t *rig = *state;
  cache_block_t odd;
  odd.data = wasi_light__artifact_new(payload, sizeof payload, rig->key, &odd.size);
  plant(rig, &odd);
  assert_int_equal(cached_f(rig), 7);
  assert_entry_is_good(rig);
  free(odd.data);
}

static void test_entries_that_others_can_write(void **state) {
  static const mode_t modes[] = {0620, 0602, 0660, 0666, 0777};
  const cache_rig_t *rig = *state;
  for (size_t i = 0; i < COUNT(modes); i++) {
    plant(rig, &rig->forged);
    assert_int_equal(chmod(rig->entry, modes[i]), 0);
    assert_int_equal(cached_f(rig), 7);
    assert_entry_is_good(rig);
  }
}

static void test_entries_of_others(void **state) {
  const cache_rig_t *rig = *state;
  if (geteuid() != 0) skip(); /* only root can give a file away */
  plant(rig, &rig->forged);
  assert_int_equal(chown(rig->entry, 65534, 65534), 0);
  assert_int_equal(cached_f(rig), 7);
  assert_entry_is_good(rig);
}

/* Links are not followed, and what they point to is left alone. */
static void test_entries_that_are_links(void **state) {
  const cache_rig_t *rig = *state;
  char target[80];
  snprintf(target, sizeof target, "%s/target", rig->root);
  plant(rig, &rig->forged);
  assert_int_equal(rename(rig->entry, target), 0);
  assert_int_equal(symlink(target, rig->entry), 0);
  assert_int_equal(cached_f(rig), 7);
  assert_entry_is_good(rig);
  cache_block_t left = get_file(target);
  assert_int_equal(left.size, rig->forged.size);
  assert_memory_equal(left.data, rig->forged.data, left.size);
  free(left.data);
}

/* A pipe must not make the host wait. */
static void test_entries_that_are_no_files(void **state) {
  const cache_rig_t *rig = *state;
  assert_int_equal(mkdir(rig->folder, 0700), 0);
  assert_int_equal(mkfifo(rig->entry, 0600), 0);
  alarm(60);
  assert_int_equal(cached_f(rig), 7);
  alarm(0);
  assert_entry_is_good(rig);
  assert_int_equal(unlink(rig->entry), 0);
  assert_int_equal(mkdir(rig->entry, 0700), 0); /* and stays, but does no harm */
  assert_int_equal(cached_f(rig), 7);
  assert_int_equal(count_files(rig->folder), 1);
}

/* ---- Folders ----------------------------------------------------------------------------------------- */

static void test_folder_is_made(void **state) {
  const cache_rig_t *rig = *state;
  mode_t before = umask(0);
  assert_int_equal(cached_f(rig), 7);
  umask(before);
  assert_int_equal(mode_of(rig->folder), 0700);
  assert_entry_is_good(rig);
}

static wasi_light_error_t no_cache(const cache_rig_t *rig, const wasi_light_cache_t *cache) {
  wasi_light_error_t error = {.code = WASI_LIGHT_ERROR_OK};
  assert_null(wasi_light_module_new_cached(rig_engine(), rig->seven.data, rig->seven.size, NULL, NULL, cache, &error));
  assert_null(wasi_light_module_new_cached(rig_engine(), rig->seven.data, rig->seven.size, NULL, NULL, cache, NULL));
  return error;
}

static wasi_light_error_t no_folder(const cache_rig_t *rig, const char *folder) {
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  cache.folder = folder;
  return no_cache(rig, &cache);
}

static void test_arguments(void **state) {
  const cache_rig_t *rig = *state;
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  wasi_light_error_t error = no_cache(rig, NULL);
  ASSERT_ERROR(error, ARGUMENT, "WASI_LIGHT_CACHE_INIT");
  error = no_folder(rig, NULL);
  ASSERT_ERROR(error, ARGUMENT, "no folder is named");
  cache.folder = rig->folder;
  cache.struct_size--;
  error = no_cache(rig, &cache);
  ASSERT_ERROR(error, ARGUMENT, "WASI_LIGHT_CACHE_INIT");
}

static void test_folders_that_are_refused(void **state) {
  static const mode_t modes[] = {0720, 0702, 0777, 01777};
  const cache_rig_t *rig = *state;
  char path[80];
  snprintf(path, sizeof path, "%s/file", rig->root);
  put_file(path, "", 0, 0600);
  wasi_light_error_t error = no_folder(rig, path);
  ASSERT_ERROR(error, ARGUMENT, "cannot be used: it is not a folder");
  ASSERT_CONTAINS(error.message, path);
  snprintf(path, sizeof path, "%s/no/folder", rig->root);
  error = no_folder(rig, path);
  ASSERT_ERROR(error, ARGUMENT, "it is not there and cannot be made");
  plant(rig, &rig->forged);
  for (size_t i = 0; i < COUNT(modes); i++) {
    assert_int_equal(chmod(rig->folder, modes[i]), 0);
    error = no_folder(rig, rig->folder);
    ASSERT_ERROR(error, ARGUMENT, "others can write it");
  }
  assert_int_equal(chmod(rig->folder, 0755), 0); /* may be read */
  assert_int_equal(cached_f(rig), 8);
}

static void test_folders_of_others(void **state) {
  const cache_rig_t *rig = *state;
  bool root = geteuid() == 0;
  if (root) plant(rig, &rig->forged);
  if (root) assert_int_equal(chown(rig->folder, 65534, 65534), 0);
  wasi_light_error_t error = no_folder(rig, root ? rig->folder : "/");
  ASSERT_ERROR(error, ARGUMENT, "it belongs to another user");
}

/* What is there is used; and where nobody can write anything, modules are compiled. */
static void test_folders_that_can_only_be_read(void **state) {
  const cache_rig_t *rig = *state;
  plant(rig, &rig->forged);
  assert_int_equal(chmod(rig->folder, 0500), 0);
  assert_int_equal(cached_f(rig), 8);
  assert_int_equal(chmod(rig->folder, 0700), 0);
  if (host_private_folder("/proc/self") != NULL) skip(); /* not Linux */
  assert_int_equal(cache_f_of(from_cache(&rig->seven, "/proc/self", NULL, NULL)), 7);
}

static void test_a_folder_behind_a_link(void **state) {
  const cache_rig_t *rig = *state;
  char behind[80];
  plant(rig, &rig->forged);
  snprintf(behind, sizeof behind, "%s/link", rig->root);
  assert_int_equal(symlink(rig->folder, behind), 0);
  assert_int_equal(cache_f_of(from_cache(&rig->seven, behind, NULL, NULL)), 8);
}

/* When the disk is full the module is there all the same, and no part of an entry. */
static void test_writing_that_fails(void **state) {
  const cache_rig_t *rig = *state;
  struct rlimit before, none;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  none = before;
  none.rlim_cur = 100;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
  int32_t number = cached_f(rig);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  assert_int_equal(number, 7);
  assert_int_equal(count_files(rig->folder), 0);
}

static void test_no_descriptor_is_left(void **state) {
  const cache_rig_t *rig = *state;
  assert_int_equal(cached_f(rig), 7);
  size_t before = count_files("/proc/self/fd");
  for (int i = 0; i < 20; i++) {
    if (i % 2) unlink(rig->entry);
    assert_int_equal(cached_f(rig), 7);
  }
  assert_int_equal(count_files("/proc/self/fd"), before);
}

/* ---- Several at once --------------------------------------------------------------------------------- */

typedef struct worker_t {
  const cache_rig_t *rig;
  wasm_engine_t *engine;
  pthread_barrier_t *barrier;
  bool removes;        /* the entry, before each round */
  const char *failure; /* cmocka's assertions are for the main thread */
} worker_t;

enum { ROUNDS = 40, REPLACEMENTS = 300 };

static const char *load_and_call(const worker_t *worker, wasi_light_config_t *config) {
  const cache_rig_t *rig = worker->rig;
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  cache.folder = rig->folder;
  wasm_val_t result = I32(0);
  wasi_light_module_t *module =
      wasi_light_module_new_cached(worker->engine, rig->seven.data, rig->seven.size, NULL, NULL, &cache, NULL);
  wasi_light_instance_t *instance = module ? wasi_light_instance_new(module, config, NULL, NULL) : NULL;
  wasi_light_outcome_t outcome = {.kind = WASI_LIGHT_REFUSED};
  if (instance) outcome = wasi_light_call_name(instance, "f", NO_ARGS, &result, 1);
  wasi_light_instance_delete(instance);
  wasi_light_module_delete(module);
  if (!module) return "no module";
  return outcome.kind == WASI_LIGHT_RETURNED && result.of.i32 == 7 ? NULL : "f is not 7";
}

static void *load_together(void *data) {
  worker_t *worker = data;
  const wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_config_t *config = wasi_light_config_new(&options, NULL);
  for (int round = 0; round < ROUNDS; round++) { /* an even number: after the last, the entry is there */
    pthread_barrier_wait(worker->barrier);
    if (worker->removes) unlink(worker->rig->entry);
    if (round % 2) pthread_barrier_wait(worker->barrier); /* else some find it, and some do not */
    const char *failure = load_and_call(worker, config);
    if (failure) worker->failure = failure;
  }
  wasi_light_config_delete(config);
  return NULL;
}

static void test_threads_that_load_the_same(void **state) {
  enum { THREADS = 3 };
  const cache_rig_t *rig = *state;
  worker_t workers[THREADS];
  pthread_t threads[THREADS];
  pthread_barrier_t barrier;
  assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
  for (size_t i = 0; i < THREADS; i++) {
    workers[i] = (worker_t){.rig = rig, .engine = rig_engine(), .barrier = &barrier, .removes = i == 0};
    assert_int_equal(pthread_create(&threads[i], NULL, load_together, &workers[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  pthread_barrier_destroy(&barrier);
  for (size_t i = 0; i < THREADS; i++) {
    if (workers[i].failure) fail_msg("thread %zu: %s", i, workers[i].failure);
  }
  assert_entry_is_good(rig);
}

typedef struct writer_t {
  const cache_rig_t *rig;
  const char *name; /* of the entry */
  const char *failure;
  atomic_bool done;
} writer_t;

/* Two artifacts of different sizes, in turn. */
static void *replace_often(void *data) {
  writer_t *writer = data;
  const cache_rig_t *rig = writer->rig;
  size_t size;
  uint8_t *small = wasi_light__artifact_new("small", 5, rig->key, &size);
  if (!small) writer->failure = "no memory";
  for (int i = 0; i < REPLACEMENTS && small; i++) {
    bool good = i % 2 ? host_write_private(rig->folder, writer->name, small, size)
                      : host_write_private(rig->folder, writer->name, rig->artifact.data, rig->artifact.size);
    if (!good) writer->failure = "an entry could not be written";
  }
  free(small);
  writer->done = true;
  return NULL;
}

/* Whoever looks meanwhile finds an entry, and it is whole. */
static void test_entries_are_replaced_in_one_step(void **state) {
  const cache_rig_t *rig = *state;
  writer_t writer = {.rig = rig, .name = rig->entry + strlen(rig->folder) + 1};
  pthread_t thread;
  bool whole;
  plant(rig, &rig->artifact);
  assert_int_equal(pthread_create(&thread, NULL, replace_often, &writer), 0);
  do {
    cache_block_t entry;
    entry.data = host_read_private(rig->folder, writer.name, &entry.size);
    whole = entry.data && cache_is_sound(&entry, rig->key);
    free(entry.data);
  } while (whole && !writer.done);
  assert_int_equal(pthread_join(thread, NULL), 0);
  if (writer.failure) fail_msg("%s", writer.failure);
  assert_true(whole);
  assert_int_equal(count_files(rig->folder), 1);
}

static const struct CMUnitTest tests[] = {
    CACHE_TEST(test_a_sound_entry_is_used),
    CACHE_TEST(test_what_differs_is_kept_apart),
    CACHE_TEST(test_damaged_entries_are_replaced),
    CACHE_TEST(test_entries_that_the_engine_does_not_take),
    CACHE_TEST(test_entries_that_others_can_write),
    CACHE_TEST(test_entries_of_others),
    CACHE_TEST(test_entries_that_are_links),
    CACHE_TEST(test_entries_that_are_no_files),
    CACHE_TEST(test_folder_is_made),
    CACHE_TEST(test_arguments),
    CACHE_TEST(test_folders_that_are_refused),
    CACHE_TEST(test_folders_of_others),
    CACHE_TEST(test_folders_that_can_only_be_read),
    CACHE_TEST(test_a_folder_behind_a_link),
    CACHE_TEST(test_writing_that_fails),
    CACHE_TEST(test_no_descriptor_is_left),
    CACHE_TEST(test_threads_that_load_the_same),
    CACHE_TEST(test_entries_are_replaced_in_one_step),
};

int main(int argc, char **argv) {
  return CORE_RUN(tests, argc, argv);
}
