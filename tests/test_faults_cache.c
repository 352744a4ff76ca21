/* SPDX-License-Identifier: MIT */
/*
 * The folder in which compiled code is kept when the system fails, when the disk is full, when it can only be read, and
 * when the process is killed at any call while an entry is written: the module is there, and no damaged entry is.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache_rig.h"
#include "faults.h"
#include "files.h"

static const cache_rig_t *rig;

/* ---- The folder ------------------------------------------------------------------------------------ */

/* How many files, and how many of them are not the entry. */
typedef struct files_t {
  int all, parts;
} files_t;

static files_t count_files(void) {
  files_t files = {0, 0};
  const char *name = rig->entry + strlen(rig->folder) + 1;
  DIR *dir = opendir(rig->folder);
  for (const struct dirent *file; dir && (file = readdir(dir)) != NULL;) {
    if (file->d_name[0] == '.') continue;
    files.all++;
    files.parts += strcmp(file->d_name, name) != 0;
  }
  if (dir) closedir(dir);
  return files;
}

static void empty_folder(void) {
  char path[400];
  DIR *dir = opendir(rig->folder);
  for (const struct dirent *file; dir && (file = readdir(dir)) != NULL;) {
    snprintf(path, sizeof path, "%s/%s", rig->folder, file->d_name);
    if (file->d_name[0] != '.') unlink(path);
  }
  if (dir) closedir(dir);
  rmdir(rig->folder);
}

/* Puts the first `size` bytes of the artifact there as the entry. */
static void plant(size_t size) {
  FILE *file = mkdir(rig->folder, 0700) == 0 || errno == EEXIST ? fopen(rig->entry, "wb") : NULL;
  bool good = file && fwrite(rig->artifact.data, 1, size, file) == size;
  if (file) good = fclose(file) == 0 && good;
  FAULTS_REQUIRE(good && chmod(rig->entry, 0600) == 0, "planting an entry");
}

typedef enum entry_t { NO_ENTRY, WHOLE, DAMAGED } entry_t;

static entry_t look(ino_t *inode) {
  struct stat status;
  FILE *file = fopen(rig->entry, "rb");
  if (!file) return NO_ENTRY;
  cache_block_t block = {malloc(rig->artifact.size + 1), 0};
  if (block.data) block.size = fread(block.data, 1, rig->artifact.size + 1, file);
  bool whole = block.size > 0 && cache_is_sound(&block, rig->key) && fstat(fileno(file), &status) == 0 &&
               (status.st_mode & 07777) == 0600;
  if (whole && inode) *inode = status.st_ino;
  free(block.data);
  fclose(file);
  return whole ? WHOLE : DAMAGED;
}

/* ---- Loads ----------------------------------------------------------------------------------------- */

static wasi_light_module_t *load(wasm_engine_t *engine, const rig_bytes_t *bytes, const char *folder) {
  wasi_light_cache_t cache = WASI_LIGHT_CACHE_INIT;
  cache.folder = folder;
  return wasi_light_module_new_cached(engine, bytes->data, bytes->size, NULL, NULL, &cache, &faults_error);
}

static void check(wasi_light_module_t *module) {
  wasm_val_t result = I32(0);
  wasi_light_error_t error;
  const wasi_light_options_t options = WASI_LIGHT_OPTIONS_INIT;
  wasi_light_config_t *config = wasi_light_config_new(&options, &error);
  wasi_light_instance_t *instance = wasi_light_instance_new(module, config, NULL, &error);
  FAULTS_REQUIRE(instance, error.message);
  wasi_light_outcome_t outcome = wasi_light_call_name(instance, "f", NO_ARGS, &result, 1);
  FAULTS_REQUIRE(outcome.kind == WASI_LIGHT_RETURNED && result.of.i32 == 7, outcome.message);
  wasi_light_instance_delete(instance);
  wasi_light_config_delete(config);
}

/* Loads it with faults let in. */
static void load_and_check(void) {
  wasi_light_module_t *module = NULL;
  MUST(module = load(rig_engine(), &rig->seven, rig->folder));
  check(module);
  LIB(wasi_light_module_delete(module));
}

/* Without faults: it is right, writes a good entry if there is none, and uses the one that there is. */
static void load_without_faults(void) {
  ino_t before = 0;
  ino_t after = 1;
  for (int i = 0; i < 2; i++) {
    wasi_light_module_t *module = load(rig_engine(), &rig->seven, rig->folder);
    FAULTS_REQUIRE(module, faults_error.message);
    check(module);
    wasi_light_module_delete(module);
    FAULTS_REQUIRE(look(i == 0 ? &before : &after) == WHOLE, "the entry");
  }
  FAULTS_REQUIRE(before == after, "the entry was written anew");
}

/* ---- A call that fails ----------------------------------------------------------------------------- */

/* Whether there is a fault that may keep an entry from being written or read: not one that is only an interruption. */
static bool has_a_reason(void) {
  return faults_met() && faults_way_met() != EINTR && faults_way_met() != FAULT_SHORT;
}

/* The first load compiles and writes, the second reads. */
static void cached(void) {
  ino_t before = 0;
  ino_t after = 0;
  empty_folder();
  load_and_check();
  FAULTS_REQUIRE(look(&before) != DAMAGED && count_files().parts == 0, "what is in the folder");
  FAULTS_REQUIRE(before != 0 || has_a_reason() || strcmp(faults_name(), "close") == 0, "there is no entry");
  load_and_check();
  FAULTS_REQUIRE(look(&after) != DAMAGED && count_files().parts == 0, "what is in the folder");
  FAULTS_REQUIRE(before == after || has_a_reason() || before == 0, "the entry was not read");
  load_without_faults();
}

/* Whatever else fails when an entry is there that is damaged. */
static void cached_over_damage(void) {
  empty_folder();
  plant(rig->artifact.size - 1);
  load_and_check();
  FAULTS_REQUIRE(look(NULL) == WHOLE || faults_met(), "a damaged entry is left");
  FAULTS_REQUIRE(count_files().parts == 0, "what is in the folder");
  load_without_faults();
}

/* A full disk: nothing can be written, and one thing more fails. A part can only be left if it cannot be deleted. */
static void cached_on_a_full_disk(void) {
  empty_folder();
  faults_storm("write", ENOSPC, UINT32_MAX);
  load_and_check();
  faults_storm("write", ENOSPC, 0);
  files_t files = count_files();
  bool kept = strcmp(faults_name(), "unlink") == 0;
  FAULTS_REQUIRE(look(NULL) == NO_ENTRY && files.all == (kept ? 1 : 0), "what is in the folder");
  load_without_faults();
}

/* The disk becomes full in the middle of an entry. */
static void cached_on_a_filling_disk(void) {
  empty_folder();
  faults_storm("write", FAULT_SHORT, 1);
  load_and_check();
  FAULTS_REQUIRE(faults_storm_left() == 0 || faults_met(), "nothing was written");
  faults_storm("write", FAULT_SHORT, 0);
  FAULTS_REQUIRE(look(NULL) != DAMAGED, "the entry");
  FAULTS_REQUIRE(look(NULL) == WHOLE || faults_met(), "no entry, and no fault");
  FAULTS_REQUIRE(count_files().parts == 0, "what is in the folder");
  load_without_faults();
}

static void cached_where_nothing_can_be_made(void) {
  empty_folder();
  FAULTS_REQUIRE(mkdir(rig->folder, 0700) == 0, "the folder");
  faults_storm("mkstemp", EROFS, UINT32_MAX);
  load_and_check();
  faults_storm("mkstemp", EROFS, 0);
  FAULTS_REQUIRE(count_files().all == 0, "what is in the folder");
  plant(rig->artifact.size);
  faults_storm("mkstemp", EROFS, UINT32_MAX); /* and what is there is used */
  load_and_check();
  faults_storm("mkstemp", EROFS, 0);
  FAULTS_REQUIRE(look(NULL) == WHOLE && count_files().all == 1, "what is in the folder");
}

/* The folder is there: that it could not be made is no reason not to use it. */
static void test_a_folder_that_is_there(void **state) {
  static const int errors[] = {EROFS, ENOSPC, EACCES};
  rig = *state;
  for (int i = 0; i < 3; i++) {
    const char *problem;
    plant(rig->artifact.size);
    faults_storm("mkdir", errors[i], 1);
    LIB(problem = host_private_folder(rig->folder));
    assert_int_equal(faults_storm_left(), 0);
    assert_null(problem);
  }
  empty_folder();
  faults_storm("mkdir", EROFS, 1);
  LIB(assert_non_null(host_private_folder(rig->folder)));
}

static void try_script(const char *name, void (*script)(void), unsigned long least) {
  rig_engine();
  unsigned long tried = faults_try(name, script);
  if (tried < least) fail_msg("only %lu faults", tried);
}

static void test_calls_that_fail(void **state) {
  rig = *state;
  try_script("cached", cached, 55);
  try_script("cached over damage", cached_over_damage, 40);
  try_script("cached on a full disk", cached_on_a_full_disk, 30);
  try_script("cached on a filling disk", cached_on_a_filling_disk, 30);
  try_script("cached where nothing can be made", cached_where_nothing_can_be_made, 30);
}

/* ---- A folder that can only be read, as those see it who are not root ------------------------------- */

static bool is_read_only_used(void) {
  size_t size = 0;
  const char *name = rig->entry + strlen(rig->folder) + 1;
  if (host_private_folder(rig->folder)) return false;
  uint8_t *bytes = host_read_private(rig->folder, name, &size);
  bool read = bytes && size == rig->artifact.size;
  free(bytes);
  return read && !host_write_private(rig->folder, name, rig->artifact.data, size) &&
         !host_write_private(rig->folder, "another", rig->artifact.data, size);
}

static void test_a_folder_that_can_only_be_read(void **state) {
  enum { NOBODY = 65534 };
  int status = -1;
  rig = *state;
  plant(rig->artifact.size);
  assert_int_equal(chmod(rig->folder, 0500), 0);
  pid_t child = fork();
  if (child == 0) {
    bool root = geteuid() == 0;
    if (root && (chown(rig->root, NOBODY, NOBODY) != 0 || chown(rig->folder, NOBODY, NOBODY) != 0 ||
                 chown(rig->entry, NOBODY, NOBODY) != 0 || seteuid(NOBODY) != 0)) {
      _exit(2);
    }
    _exit(is_read_only_used() ? 0 : 1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(chmod(rig->folder, 0700), 0);
  assert_int_equal(status, 0);
  assert_int_equal(count_files().all, 1);
  assert_int_equal(look(NULL), WHOLE);
}

/* ---- A file system of its own, which is full or can only be read, where it may be had ---------------- */

enum { CANNOT_MOUNT = 7 };

/* As root, or as one in a user namespace. */
static bool mount_small(void) {
  char map[32];
  snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    FILE *file = fopen("/proc/self/uid_map", "w");
    bool good = file && fputs(map, file) >= 0;
    if (!file || fclose(file) != 0 || !good) return false;
  }
  return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", rig->folder, "tmpfs", 0, "size=16k,mode=0700") == 0;
}

static int use_small(void) {
  static uint8_t bytes[65536];
  size_t size = 0;
  if (!mount_small()) return CANNOT_MOUNT;
  if (host_private_folder(rig->folder)) return 1;
  if (!host_write_private(rig->folder, "small", bytes, 100)) return 2;
  if (host_write_private(rig->folder, "large", bytes, sizeof bytes) || count_files().all != 1) return 3;
  if (host_write_private(rig->folder, "small", bytes, sizeof bytes) || count_files().all != 1) return 4;
  uint8_t *read = host_read_private(rig->folder, "small", &size);
  free(read);
  if (!read || size != 100) return 5;
  if (mount("none", rig->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0) return CANNOT_MOUNT;
  if (host_private_folder(rig->folder) || host_write_private(rig->folder, "other", bytes, 1)) return 6;
  read = host_read_private(rig->folder, "small", &size);
  free(read);
  return read && size == 100 ? 0 : 8;
}

static void test_a_full_file_system(void **state) {
  int status = -1;
  rig = *state;
  assert_int_equal(mkdir(rig->folder, 0700), 0);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) _exit(use_small());
  assert_int_equal(waitpid(child, &status, 0), child);
  if (status == CANNOT_MOUNT << 8) skip();
  assert_int_equal(status, 0);
}

/* ---- A process that is killed ---------------------------------------------------------------------- */

/* What the killed one does: main calls it in a process that was begun for it. */
static int load_until_killed(const char *folder, const char *n) {
  static const char wat[] = SEVEN;
  wasm_byte_vec_t wasm;
  wasm_engine_t *engine = wasm_engine_new();
  if (!wasi_light_wat2wasm(wat, strlen(wat), &wasm, NULL)) return 1;
  const rig_bytes_t bytes = {(uint8_t *)wasm.data, wasm.size};
  wasi_light_module_t *module = NULL;
  faults_kill_at(strtoul(n, NULL, 10));
  LIB(module = load(engine, &bytes, folder));
  if (!module) return 1;
  wasi_light_module_delete(module);
  wasm_byte_vec_delete(&wasm);
  wasm_engine_delete(engine);
  return 0;
}

/* Whether it was killed; else it must have come to its end. */
static bool run_killed(unsigned long n) {
  char number[24];
  char path[1024] = "";
  int status = 0;
  snprintf(number, sizeof number, "%lu", n);
  if (readlink("/proc/self/exe", path, sizeof path - 1) <= 0) fail_msg("/proc/self/exe cannot be read");
  pid_t child = fork();
  if (child == 0) {
    execl(path, path, "--load", rig->folder, number, (char *)NULL);
    _exit(2);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
  if (status != 0) fail_msg("killed at call %lu: ended with %x", n, (unsigned)status);
  return false;
}

static void test_a_process_that_is_killed(void **state) {
  unsigned parts = 0;
  rig = *state;
  for (int damaged = 0; damaged < 2; damaged++) {
    bool killed = true;
    unsigned long n = 1;
    for (; killed; n++) {
      empty_folder();
      if (damaged) plant(rig->artifact.size / 2);
      killed = run_killed(n);
      entry_t entry = look(NULL);
      if (entry == DAMAGED && !damaged) fail_msg("killed at call %lu: there is a damaged entry", n);
      if (entry != WHOLE && !killed) fail_msg("it was not killed, and there is no entry");
      parts += count_files().parts > 0;
      load_without_faults();
    }
    if (n < 20) fail_msg("killed at only %lu calls", n);
    print_message("killed at %lu calls\n", n - 2);
  }
  assert_true(parts >= 4); /* before the write, in it, and after it */
}

static const struct CMUnitTest tests[] = {
    CACHE_TEST(test_calls_that_fail),
    CACHE_TEST(test_a_folder_that_is_there),
    CACHE_TEST(test_a_folder_that_can_only_be_read),
    CACHE_TEST(test_a_full_file_system),
    CACHE_TEST(test_a_process_that_is_killed),
};

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--load") == 0) return load_until_killed(argv[2], argv[3]);
  return CORE_RUN(tests, argc, argv);
}
